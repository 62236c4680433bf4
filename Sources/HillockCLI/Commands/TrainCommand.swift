import ArgumentParser

/// `hillock train SYSTEM`
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train a network.", subcommands: [TrainDigitsCommand.self])
}
