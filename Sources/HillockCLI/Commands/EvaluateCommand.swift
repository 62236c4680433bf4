import ArgumentParser
import Hillock
import HillockSystems

/// `hillock evaluate`
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measure a trained network on the test images of a data set.")

    @OptionGroup var weights: WeightsOption
    @OptionGroup var device: DeviceOption

    @Option(
        help: ArgumentHelp(
            "mnist-5k, mnist, fashion-mnist, or a folder with four IDX files. (default: what the network was trained on)",
            valueName: "name|folder"), completion: .list(DatasetCatalog.entries.map(\.name)))
    var data: String?

    func run() throws { try device.use(evaluate) }

    private func evaluate() throws {
        let (recognizer, path) = try weights.load()
        let dataset = try ImageDataset.load(data ?? recognizer.data)
        let terminal = Terminal.current
        let bar = StatusLine(terminal)
        let classification = try recognizer.classify(dataset.test, path: path) { done, total in
            bar.show("testing  \(NumberText.grouped(done)) of \(NumberText.grouped(total))")
            return true
        }
        bar.clear()
        guard let classification else { return }
        let confusion = classification.confusion
        print("Weights   \(path) (\(recognizer.model.title), trained on \(recognizer.data))")
        print("Data      \(dataset.title)")
        print(
            "Accuracy  \(NumberText.percent(confusion.accuracy)) (\(NumberText.grouped(confusion.correct)) of \(NumberText.grouped(confusion.total)))"
        )
        print("Loss      \(NumberText.fixed(classification.loss, 4))")
        let pairs = confusion.counts.enumerated().flatMap { actual, row in
            row.enumerated().filter { $0.offset != actual && $0.element > 0 }.map {
                (actual: actual, predicted: $0.offset, count: $0.element)
            }
        }.sorted { ($1.count, $0.actual, $0.predicted) < ($0.count, $1.actual, $1.predicted) }
        if !pairs.isEmpty {
            let names = recognizer.classNames
            print(
                "Mistakes  "
                    + pairs.prefix(4).map { "\(names[$0.actual]) taken for \(names[$0.predicted]) (\($0.count))" }.joined(separator: ", "))
        }
    }
}
