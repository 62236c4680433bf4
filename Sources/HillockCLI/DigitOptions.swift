import ArgumentParser
import Hillock
import HillockSystems

/// The network and the images, which everything that is done with a digit network begins with.
struct DigitSubjectOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The network: mlp or lenet. (default: lenet)", valueName: "name"),
        completion: .list(DigitModel.allCases.map(\.rawValue)))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "mnist-5k, mnist, fashion-mnist, or a folder with four IDX files. (default: mnist-5k)", valueName: "name|folder"),
        completion: .list(DatasetCatalog.entries.map(\.name)))
    var data: String?

    /// The network that was named, if one was.
    /// - Throws: ``UnknownName`` for a network that does not exist.
    fileprivate func namedModel() throws -> DigitModel? { try model.map(DigitModel.init(named:)) }
}

/// What can be chosen of a digit network's training, for every command that does some of it.
struct DigitTrainingOptions: ParsableArguments {
    @OptionGroup private var subject: DigitSubjectOptions

    @Option(help: ArgumentHelp("How often every image is seen. (default: 20 for fewer than 20,000 images, else 5)", valueName: "n"))
    var epochs: Int?

    @Option(help: ArgumentHelp("Images in a step. (default: 64 for fewer than 20,000 images, else 128)", valueName: "n"))
    var batch: Int?

    @Option(help: ArgumentHelp("The greatest learning rate; it rises to this and falls again. (default: 0.002)", valueName: "rate"))
    var learningRate: Double?

    @Option(help: ArgumentHelp("The same seed gives the same weights. (default: 1)", valueName: "n"))
    var seed: UInt64?

    /// - Throws: ``UnknownName`` for a network that does not exist.
    func request() throws -> DigitRun.Request {
        try DigitRun.Request(
            model: subject.namedModel(), data: subject.data, epochs: epochs, batchSize: batch, learningRate: learningRate, seed: seed)
    }
}

/// What can be chosen of a digit network that is only applied.
struct DigitEvaluationOptions: ParsableArguments {
    @OptionGroup private var subject: DigitSubjectOptions

    @Option(help: ArgumentHelp("Images at once.", valueName: "n"))
    var batch = 500

    /// - Throws: ``UnknownName`` for a network that does not exist.
    func request() throws -> DigitRun.Request {
        try DigitRun.Request(model: subject.namedModel(), data: subject.data, batchSize: batch)
    }
}

extension DigitModel {
    /// - Throws: ``UnknownName``
    fileprivate init(named name: String) throws {
        guard let known = DigitModel(rawValue: name) else {
            throw UnknownName(kind: "model", name: name, known: DigitModel.allCases.map(\.rawValue))
        }
        self = known
    }
}

extension DigitTraining {
    /// `LeNet, batches of 64, MNIST, 5,000 digits`
    var title: String { "\(recognizer.model.title), batches of \(trainer.settings.batchSize), \(dataset.title)" }
}
