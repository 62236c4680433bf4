import ArgumentParser
import Foundation
import Hillock
import HillockSystems

/// `hillock train digits`
struct TrainDigitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digits", abstract: "Learn to recognise handwritten digits, or other small grey images.",
        discussion: """
            Without options, a LeNet learns the 5,000 digits that are built in. The run's folder gets the weights, a report to look at, and a \
            checkpoint after every epoch and now and then between. Ctrl-C stops with a checkpoint; --resume goes on, and ends with the same \
            weights, to the last bit, as a run that was never stopped.
            """)

    @Option(
        help: ArgumentHelp("The network: mlp or lenet. (default: lenet)", valueName: "name"),
        completion: .list(DigitModel.allCases.map(\.rawValue)))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "mnist-5k, mnist, fashion-mnist, or a folder with four IDX files. (default: mnist-5k)", valueName: "name|folder"),
        completion: .list(DatasetCatalog.entries.map(\.name)))
    var data: String?

    @Option(help: ArgumentHelp("How often every image is seen. (default: 20 for fewer than 20,000 images, else 5)", valueName: "n"))
    var epochs: Int?

    @Option(help: ArgumentHelp("Images in a step. (default: 64 for fewer than 20,000 images, else 128)", valueName: "n"))
    var batch: Int?

    @Option(help: ArgumentHelp("The greatest learning rate; it rises to this and falls again. (default: 0.002)", valueName: "rate"))
    var learningRate: Double?

    @Option(help: ArgumentHelp("The same seed gives the same weights. (default: 1)", valueName: "n"))
    var seed: UInt64?

    @Option(
        help: ArgumentHelp("Folder for weights and report. (default: the next of runs/digits-1, runs/digits-2 …)", valueName: "folder"),
        completion: .directory)
    var output: String?

    @Option(help: ArgumentHelp("Go on with the run of this folder.", valueName: "folder"), completion: .directory)
    var resume: String?

    @Option(help: ArgumentHelp("Seconds between checkpoints within an epoch; 0 for one after every step.", valueName: "seconds"))
    var checkpointEvery = 30

    func run() throws {
        let request = try request()
        Interruption.install()
        let run: DigitRun
        if let resume {
            run = try DigitRun(resuming: resume, request, stopRequest: Interruption.stopRequest)
        } else {
            run = try DigitRun(request, in: output.map { RunFolder($0) }, stopRequest: Interruption.stopRequest)
        }
        run.trainer.checkpoints?.everySeconds = Double(checkpointEvery)
        run.engine = EngineDescription.current
        let console = TrainingConsole(run)
        console.begin()
        guard let result = try run.train([console]) else {
            console.interrupted()
            throw ExitCode(130)
        }
        console.finished(result)
    }

    private func request() throws -> DigitRun.Request {
        var request = DigitRun.Request(data: data, epochs: epochs, batchSize: batch, learningRate: learningRate, seed: seed)
        if let model {
            guard let known = DigitModel(rawValue: model) else {
                throw UnknownName(kind: "model", name: model, known: DigitModel.allCases.map(\.rawValue))
            }
            request.model = known
        }
        if checkpointEvery < 0 { throw OptionError("--checkpoint-every is \(checkpointEvery), expected 0 or more") }
        if output != nil, resume != nil { throw OptionError("--resume goes on in the run's own folder; leave --output out") }
        return request
    }
}

/// An option's value that cannot be.
struct OptionError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
