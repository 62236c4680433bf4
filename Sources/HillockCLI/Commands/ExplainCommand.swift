import ArgumentParser
import Hillock
import HillockSystems

/// `hillock explain COMMAND SYSTEM`
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Show what is made of a command's programs: graph, passes, plan.",
        discussion: """
            Runs the first step of the real thing, which leaves nothing behind, and prints every program that it evaluated: as the code built it, \
            after each pass that changed it, and the plan, its steps with their kernels, layouts and memory.
            """,
        subcommands: [ExplainTrainCommand.self, ExplainEvaluateCommand.self])
}

/// `hillock explain train SYSTEM`
struct ExplainTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Explain a training step.", subcommands: [ExplainTrainDigitsCommand.self])
}

/// `hillock explain evaluate SYSTEM`
struct ExplainEvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Explain applying a network.", subcommands: [ExplainEvaluateDigitsCommand.self])
}

/// What is printed.
struct ExplainOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Only the program after this pass, or what this stage decided; graph is the program as built, plan the plan.",
            valueName: "name"),
        completion: .list(Explanation.passNames()))
    var pass: String?

    @Flag(help: "Also passes that changed nothing, and the steps after each stage.")
    var all = false

    @Option(help: ArgumentHelp("Steps to run; later ones may evaluate other programs.", valueName: "n"))
    var steps = 1

    /// - Throws: ``UnknownName``, ``OptionError``
    func selection() throws -> Explanation.Selection {
        guard (1...10_000).contains(steps) else { throw OptionError("--steps is \(steps), expected 1 to 10000") }
        guard let pass else { return all ? .all : .changes }
        if all { throw OptionError("--pass prints one pass; leave --all out") }
        let known = Explanation.passNames()
        guard known.contains(pass) else { throw UnknownName(kind: "pass", name: pass, known: known) }
        return .pass(pass)
    }

    /// Runs the steps and prints; `body` is told what ends it.
    func explain(_ title: String, _ body: (StepLimit) throws -> Void) throws {
        let selection = try selection()
        let limit = StepLimit(steps, stopRequest: Interruption.stopRequest)
        let explanation = try Hillock.explain { try body(limit) }
        // Steps that Ctrl-C cut off explain nothing; those that an epoch's end did are all there are.
        if Interruption.isInterrupted { throw ExitCode(130) }
        print("\(title)\n\n\(explanation.text(selection))")
    }
}

/// `hillock explain train digits`
struct ExplainTrainDigitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "digits", abstract: "Explain a training step of the digit network.")

    @OptionGroup var options: ExplainOptions
    @OptionGroup var training: DigitTrainingOptions
    @OptionGroup var device: DeviceOption

    func run() throws { try device.use(explain) }

    private func explain() throws {
        _ = try options.selection()
        Interruption.install()
        let digits = try DigitTraining(training.request(), stopRequest: Interruption.stopRequest)
        try options.explain("Training step: \(digits.title)") { _ = try digits.train([$0]) }
    }
}

/// `hillock explain evaluate digits`
struct ExplainEvaluateDigitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digits", abstract: "Explain what classifying images with a digit network does.")

    @OptionGroup var options: ExplainOptions
    @OptionGroup var evaluation: DigitEvaluationOptions
    @OptionGroup var device: DeviceOption

    func run() throws { try device.use(explain) }

    private func explain() throws {
        _ = try options.selection()
        Interruption.install()
        let digits = try DigitTraining(evaluation.request(), stopRequest: Interruption.stopRequest)
        try options.explain("Classifying: \(digits.title)") { limit in
            try digits.evaluate { limit.advance() && !Interruption.isInterrupted }
        }
    }
}
