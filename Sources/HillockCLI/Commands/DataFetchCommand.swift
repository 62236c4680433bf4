import ArgumentParser
import Hillock
import HillockDownloads

/// `hillock data fetch NAME`
struct DataFetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Bring a data set to this machine.",
        discussion: """
            Files are checked by SHA-256 and go to $HILLOCK_DATA/NAME, or else to the user's cache folder. An interrupted download goes on \
            where it stopped.
            """)

    @ArgumentParser.Argument(
        help: "The data set: \(DatasetCatalog.entries.filter { !$0.isEmbedded }.map(\.name).joined(separator: " or ")).",
        completion: .list(DatasetCatalog.entries.filter { !$0.isEmbedded }.map(\.name)))
    var name: String

    @Option(help: ArgumentHelp("Take the files from this folder instead of downloading them.", valueName: "folder"), completion: .directory)
    var from: String?

    func run() async throws {
        let entry = try DatasetCatalog.entry(named: name)
        let folder = DataLocations.current.downloadFolder(for: entry)
        let bar = StatusLine(Terminal.current)
        try await Downloader().fetch(entry, from: from, into: folder) { progress in
            let share = progress.total.map { $0 > 0 ? Double(progress.received) / Double($0) : 1 }
            let amount =
                NumberText.fixed(Double(progress.received) / 1e6, 1)
                + (progress.total.map { " of \(NumberText.fixed(Double($0) / 1e6, 1))" } ?? "")
            bar.show("\(progress.file)  \(share.map { Bar.blocks($0, width: 20) + "  " } ?? "")\(amount) MB")
        }
        bar.clear()
        print("\(entry.title) is in \(folder)")
    }
}
