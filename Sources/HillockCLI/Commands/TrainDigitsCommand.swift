import ArgumentParser
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

    @OptionGroup var training: DigitTrainingOptions
    @OptionGroup var device: DeviceOption

    @Option(
        help: ArgumentHelp("Folder for weights and report. (default: the next of runs/digits-1, runs/digits-2 …)", valueName: "folder"),
        completion: .directory)
    var output: String?

    @Option(help: ArgumentHelp("Go on with the run of this folder.", valueName: "folder"), completion: .directory)
    var resume: String?

    @Option(help: ArgumentHelp("Seconds between checkpoints within an epoch; 0 for one after every step.", valueName: "seconds"))
    var checkpointEvery = 30

    func run() throws { try device.use(train) }

    private func train() throws {
        let request = try request()
        Interruption.install()
        let run: DigitRun
        if let resume {
            run = try DigitRun(resuming: resume, request, stopRequest: Interruption.stopRequest)
        } else {
            run = try DigitRun(request, in: output.map { RunFolder($0) }, stopRequest: Interruption.stopRequest)
        }
        run.trainer.checkpoints?.everySeconds = Double(checkpointEvery)
        run.engine = Precision.$current.withValue(run.training.precision) { EngineDescription.current }
        let console = TrainingConsole(run)
        console.begin()
        guard let result = try run.train([console]) else {
            console.interrupted()
            throw ExitCode(130)
        }
        console.finished(result)
    }

    private func request() throws -> DigitRun.Request {
        var request = try training.request()
        request.precision = try device.precision()
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
