import ArgumentParser
import Hillock
import HillockSystems

/// `hillock profile COMMAND SYSTEM`
struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "Show where a command's time goes, kernel by kernel.",
        discussion: """
            Runs the first steps of the real thing, which leaves nothing behind, and times every kernel: milliseconds, FLOPs and bytes a second, and \
            how near that is to what the machine can do, which is measured too; then what was done between kernels. --trace writes all of it for \
            https://ui.perfetto.dev or chrome://tracing.
            """,
        subcommands: [ProfileTrainCommand.self, ProfileEvaluateCommand.self])
}

/// `hillock profile train SYSTEM`
struct ProfileTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Profile training steps.", subcommands: [ProfileTrainDigitsCommand.self])
}

/// `hillock profile evaluate SYSTEM`
struct ProfileEvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Profile applying a network.", subcommands: [ProfileEvaluateDigitsCommand.self])
}

/// What is measured, and where it goes.
struct ProfileOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Steps that are timed.", valueName: "n"))
    var steps = 20

    @Option(help: ArgumentHelp("Steps before, which make plans and touch memory.", valueName: "n"))
    var warmUp = 5

    @Option(help: ArgumentHelp("Kernels in the table; the others are one row.", valueName: "n"))
    var rows = 30

    @Option(help: ArgumentHelp("Write every phase and kernel call to this file, as JSON.", valueName: "file"), completion: .file())
    var trace: String?

    /// - Throws: ``OptionError``
    func check() throws {
        let numbers = [(name: "steps", value: steps, lowest: 1), ("warm-up", warmUp, 0), ("rows", rows, 1)]
        for (name, value, lowest) in numbers where !(lowest...10_000).contains(value) {
            throw OptionError("--\(name) is \(value), expected \(lowest) to 10000")
        }
    }

    /// Runs the steps and prints; `body` is told what ends it.
    func profile(_ title: String, _ body: (StepProfiler) throws -> Void) throws {
        // That a trace cannot be written should not be known after the run only; an empty one is a trace, too.
        if let trace { try AtomicFile.write("[]\n", to: trace) }
        let profiler = StepProfiler(warmUp: warmUp, steps: steps, stopRequest: Interruption.stopRequest)
        let profile = try profiler.run { try body(profiler) }
        guard profile.steps > 0 else {
            if Interruption.isInterrupted { throw ExitCode(130) }
            throw OptionError(
                "the run ended after \(profiler.stepsDone) of the \(warmUp) steps to warm up; take fewer for --warm-up")
        }
        print("\(title)\n\n\(profile.text(rows: rows))")
        if let trace {
            try AtomicFile.write(profile.trace, to: trace)
            print("\nTrace     \(trace), for https://ui.perfetto.dev or chrome://tracing")
        }
        if Interruption.isInterrupted {
            print("\nStopped after \(profile.steps) of \(steps) steps.")
            throw ExitCode(130)
        }
    }
}

/// `hillock profile train digits`
struct ProfileTrainDigitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "digits", abstract: "Profile training steps of the digit network.")

    @OptionGroup var options: ProfileOptions
    @OptionGroup var training: DigitTrainingOptions
    @OptionGroup var device: DeviceOption

    func run() throws { try device.use(profile) }

    private func profile() throws {
        try options.check()
        Interruption.install()
        let digits = try DigitTraining(training.request(), stopRequest: Interruption.stopRequest)
        try options.profile("Training: \(digits.title)") { _ = try digits.train([$0]) }
    }
}

/// `hillock profile evaluate digits`
struct ProfileEvaluateDigitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digits", abstract: "Profile classifying images with a digit network.")

    @OptionGroup var options: ProfileOptions
    @OptionGroup var evaluation: DigitEvaluationOptions
    @OptionGroup var device: DeviceOption

    func run() throws { try device.use(profile) }

    private func profile() throws {
        try options.check()
        Interruption.install()
        let digits = try DigitTraining(evaluation.request(), stopRequest: Interruption.stopRequest)
        try options.profile("Classifying: \(digits.title)") { profiler in
            try digits.evaluate { profiler.advance() && !Interruption.isInterrupted }
        }
    }
}
