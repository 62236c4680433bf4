import ArgumentParser
import Hillock

/// `hillock data list`
struct DataListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Show the data sets that are known, and where they are.")

    func run() {
        let locations = DataLocations.current
        let nameWidth = DatasetCatalog.entries.map(\.name.count).max() ?? 0
        for entry in DatasetCatalog.entries {
            let count = "\(NumberText.grouped(entry.trainCount)) + \(NumberText.grouped(entry.testCount)) images"
            let place = entry.isEmbedded ? "built in" : (try? locations.locate(entry)) ?? "not here; hillock data fetch \(entry.name)"
            print("\(entry.name.padding(to: nameWidth))  \(entry.title), \(count), licence \(entry.licence)")
            print("\("".padding(to: nameWidth))  \(place)")
        }
    }
}
