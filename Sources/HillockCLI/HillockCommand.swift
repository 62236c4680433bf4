import ArgumentParser
import HillockTraining

/// The program.
struct HillockCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hillock", abstract: "Deep learning for Swift: trains networks and uses them.",
        discussion: """
            Begin with:
              hillock train digits           learn to read handwritten digits
              hillock predict IMAGE.png      read one
            """,
        version: "hillock \(HillockVersion.current)",
        subcommands: [
            TrainCommand.self, EvaluateCommand.self, PredictCommand.self, ExplainCommand.self, ProfileCommand.self, DataCommand.self,
            DevicesCommand.self,
        ])
}
