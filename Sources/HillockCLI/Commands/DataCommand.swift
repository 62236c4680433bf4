import ArgumentParser

/// `hillock data`
struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Show data sets and fetch them.", subcommands: [DataListCommand.self, DataFetchCommand.self])
}
