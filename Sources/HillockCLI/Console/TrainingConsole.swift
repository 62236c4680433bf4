import Foundation
import Hillock
import HillockSystems

/// Shows a training run: a live line on a terminal, and a line for each epoch everywhere.
final class TrainingConsole: Callback {
    private let run: DigitRun
    private let terminal: Terminal
    private let status: StatusLine
    private let clock = ContinuousClock()
    private var lastShown: ContinuousClock.Instant?
    /// Seconds between plain lines within an epoch, where there is no live line.
    private static let plainInterval = 15.0

    init(_ run: DigitRun, terminal: Terminal = .current) {
        self.run = run
        self.terminal = terminal
        status = StatusLine(terminal)
    }

    /// Says what begins.
    func begin() {
        let (train, test) = (run.dataset.train.count, run.dataset.test.count)
        row("Model", "\(run.recognizer.model.title), \(NumberText.grouped(run.recognizer.network.parameterCount)) parameters")
        row("Data", "\(run.dataset.title): \(NumberText.grouped(train)) images to train on, \(NumberText.grouped(test)) to test on")
        row("Engine", run.engine)
        row("Folder", run.folder.path + (run.isResumed ? " (going on)" : ""))
        say("")
    }

    /// Says how it ended.
    func finished(_ result: DigitRun.Result) {
        let confusion = result.record.confusion
        say("")
        row(
            "Accuracy",
            terminal.bold(NumberText.percent(confusion.accuracy))
                + " of the test images (\(NumberText.grouped(confusion.correct)) of \(NumberText.grouped(confusion.total)))")
        row("Time", NumberText.clock(result.record.seconds))
        row("Weights", run.folder.weights)
        row("Report", run.folder.report)
        say("\nTry it: \(terminal.bold("\(ShellText.program) predict IMAGE.png"))")
    }

    /// Says how to go on.
    func interrupted() {
        status.clear()
        let history = run.trainer.history
        say(
            "Stopped after step \(NumberText.grouped(history.steps.count)), \(history.epochs.count) of \(run.trainer.settings.epochs) epochs done. Nothing is lost; go on by"
        )
        say("  \(ShellText.program) train digits --resume \(ShellText.quoted(run.folder.path))")
    }

    // MARK: Callback

    func trainingBegan(_ progress: TrainingProgress) {
        for epoch in run.trainer.history.epochs { printEpoch(epoch, progress) }
        show(progress, force: true)
    }

    func stepEnded(_ progress: TrainingProgress) { show(progress) }

    func evaluationAdvanced(done: Int, total: Int, _ progress: TrainingProgress) {
        guard terminal.isInteractive, isDue(0.1) else { return }
        status.show("\(label(progress.epoch, progress)) testing \(NumberText.grouped(done)) of \(NumberText.grouped(total))")
    }

    func epochEnded(_ epoch: EpochRecord, _ progress: TrainingProgress) {
        status.clear()
        printEpoch(epoch, progress)
    }

    // MARK: Lines

    private func say(_ line: String) {
        print(line)
        // What is piped should come as it happens, not when the run is over.
        fflush(nil)
    }

    private func row(_ name: String, _ value: String) {
        say("\(terminal.dim(name.padding(to: 9))) \(value)")
    }

    private func label(_ epoch: Int, _ progress: TrainingProgress) -> String {
        "epoch \("\(epoch)".leftPadded(to: "\(progress.epochs)".count))/\(progress.epochs)"
    }

    private func printEpoch(_ epoch: EpochRecord, _ progress: TrainingProgress) {
        var parts = [label(epoch.epoch, progress)]
        if let loss = epoch.training["loss"] { parts.append("loss \(NumberText.fixed(loss, 4))") }
        if let accuracy = epoch.training["accuracy"] { parts.append("accuracy \(NumberText.percent(accuracy))") }
        if let accuracy = epoch.test["accuracy"] { parts.append(terminal.bold("test \(NumberText.percent(accuracy))")) }
        parts.append("\(NumberText.grouped(epoch.samplesPerSecond)) images/s")
        parts.append(NumberText.clock(epoch.trainingSeconds + epoch.testSeconds))
        say(parts.joined(separator: "  "))
    }

    private func isDue(_ seconds: Double) -> Bool {
        let now = clock.now
        if let lastShown, (now - lastShown) / .seconds(1) < seconds { return false }
        lastShown = now
        return true
    }

    private func show(_ progress: TrainingProgress, force: Bool = false) {
        if terminal.isInteractive {
            // Ten times a second is live enough, and costs nothing.
            guard isDue(0.1) || force || progress.step == progress.stepsPerEpoch else { return }
            status.showFitting(line(progress, width: terminal.width - 1))
        } else if lastShown == nil {
            lastShown = clock.now
        } else if progress.step < progress.stepsPerEpoch, isDue(Self.plainInterval) {
            say(line(progress, width: .max))
        }
    }

    /// The live line; what matters least is left out where it is narrow.
    private func line(_ progress: TrainingProgress, width: Int) -> String {
        let steps = "\("\(progress.step)".leftPadded(to: "\(progress.stepsPerEpoch)".count))/\(progress.stepsPerEpoch)"
        var parts: [(rank: Int, text: String)] = [(0, label(progress.epoch, progress)), (1, "step \(steps)")]
        if let loss = progress.loss { parts.append((2, "loss \(NumberText.fixed(loss, 4))")) }
        if let accuracy = progress.metrics["accuracy"] { parts.append((4, "accuracy \(NumberText.percent(accuracy))")) }
        if let speed = progress.samplesPerSecond { parts.append((5, "\(NumberText.grouped(speed)) images/s")) }
        if let left = progress.secondsLeft { parts.append((3, "\(NumberText.clock(left)) left")) }
        func length() -> Int { parts.reduce(-2) { $0 + $1.text.count + 2 } }
        while length() > width, parts.count > 1, let least = parts.indices.max(by: { parts[$0].rank < parts[$1].rank }) {
            parts.remove(at: least)
        }

        var texts = parts.map(\.text)
        let room = width == .max ? 0 : width - length() - 2
        if terminal.isInteractive, room >= 8 {
            let railWidth = min(room, 30)
            let rail = Bar.rail(Double(progress.step) / Double(max(progress.stepsPerEpoch, 1)), width: railWidth)
            texts.insert(terminal.cyan(rail), at: 1)
        }
        return texts.joined(separator: "  ")
    }
}
