import Foundation
import HillockCore
import HillockData
import HillockNN
import HillockOptimizers
import HillockTraining

/// The training of the digit system without its files: data, network, optimizer and trainer, as a request and the recipe make them.
///
/// A ``DigitRun`` is one with a folder; `hillock explain` and `hillock profile` run some of its steps and leave nothing behind.
public final class DigitTraining {
    /// The network and how to use it.
    public let recognizer: DigitRecognizer
    /// What trains it.
    public let trainer: Trainer
    /// The data.
    public let dataset: ImageDataset
    /// What determines the results.
    public let settings: [Setting]
    /// What products multiply in: what was asked for, or f32 where the device lacks it.
    public let precision: Precision
    private let maximumShift: Int

    /// - Throws: ``DigitError``, or what the data or the network throw.
    public convenience init(_ request: DigitRun.Request, stopRequest: StopRequest = StopRequest()) throws {
        try self.init(request, checkpoint: nil, stopRequest: stopRequest)
    }

    /// What a request leaves open is as the checkpoint has it.
    init(_ request: DigitRun.Request, checkpoint: (value: Checkpoint, path: String)?, stopRequest: StopRequest) throws {
        let saved = SavedSettings(checkpoint?.value.settings ?? [])
        dataset = try Self.load(request.data ?? saved.data ?? DatasetCatalog.mnist5k.name)
        let model = request.model ?? saved.model ?? .lenet
        let standard = DigitRecipe.standard(model, trainCount: dataset.train.count)
        let recipe = DigitRecipe(
            epochs: request.epochs ?? saved.epochs ?? standard.epochs,
            batchSize: request.batchSize ?? saved.batchSize ?? standard.batchSize,
            learningRate: request.learningRate ?? saved.learningRate ?? standard.learningRate,
            maximumShift: saved.maximumShift ?? standard.maximumShift)
        let seed = request.seed ?? saved.seed ?? 1
        maximumShift = recipe.maximumShift
        let wanted = request.precision ?? saved.precision ?? (checkpoint == nil ? .current : .float32)
        precision = Precision.$current.withValue(wanted) { Device.current.actualPrecision }

        try Self.check(recipe)
        let fingerprint = dataset.fingerprint
        var settings = [
            Setting("model", model.rawValue),
            // Data that was only moved is the same data.
            Setting("data", checkpoint != nil && fingerprint == saved.content ? saved.data ?? dataset.name : dataset.name),
            Setting("images", fingerprint), Setting("epochs", recipe.epochs), Setting("batch", recipe.batchSize),
            Setting("learning rate", recipe.learningRate), Setting("shift", recipe.maximumShift), Setting("seed", seed),
        ]
        // Runs from before there was a choice are in f32.
        if precision != .float32 { settings.append(Setting("precision", precision.name)) }
        self.settings = settings
        // Before anything is computed: a run that cannot be continued should say so at once.
        if let checkpoint { try checkpoint.value.check(settings, path: checkpoint.path) }

        let data = dataset
        recognizer = try withSeed(seed) { try DigitRecognizer(model: model, for: data) }
        let steps = Sampler(count: data.train.count).batchCount(batchSize: recipe.batchSize) * recipe.epochs
        trainer = Trainer(
            model: recognizer.network, optimizer: Adam(recognizer.network, learningRate: recipe.learningRate),
            settings: TrainingSettings(
                epochs: recipe.epochs, batchSize: recipe.batchSize, seed: seed, learningRate: recipe.learningRate),
            schedule: recipe.schedule(steps: steps), stopRequest: stopRequest)
        trainer.identity = settings
        if let checkpoint { try trainer.restore(checkpoint.value, path: checkpoint.path) }
    }

    /// Trains until all epochs are done, or until asked to stop.
    public func train(_ callbacks: [any Callback] = []) throws -> Trainer.Outcome {
        trainer.callbacks = callbacks
        let training = recognizer.batches(of: dataset.train, maximumShift: maximumShift, seed: trainer.settings.seed)
        return try Precision.$current.withValue(precision) {
            try trainer.train(on: training, testingOn: recognizer.batches(of: dataset.test))
        }
    }

    /// Classifies the test images, again and again, in batches of the training's size, until `advanced`, called after each, returns false.
    /// - Throws: ``TrainingError/noSamples``, or what the data throw.
    public func evaluate(advanced: () -> Bool) throws {
        guard dataset.test.count > 0 else { throw TrainingError.noSamples }
        var isWanted = true
        while isWanted {
            let batchSize = trainer.settings.batchSize
            let isComplete = try Precision.$current.withValue(precision) {
                try recognizer.classify(dataset.test, path: dataset.name, batchSize: batchSize) { _, _ in advanced() }
            }
            isWanted = isComplete != nil
        }
    }

    /// Throws ``DigitError/setting(name:value:expected:)``. The bounds keep the number of steps countable.
    private static func check(_ recipe: DigitRecipe) throws {
        for (name, value) in [("epochs", recipe.epochs), ("batch", recipe.batchSize)] where !(1...1_000_000).contains(value) {
            throw DigitError.setting(name: name, value: "\(value)", expected: "1 to 1000000")
        }
        guard recipe.learningRate > 0, recipe.learningRate.isFinite else {
            throw DigitError.setting(name: "learning rate", value: "\(recipe.learningRate)", expected: "more than 0")
        }
    }

    /// Loads a data set; a folder is named by its full path, since a run may be resumed from elsewhere.
    private static func load(_ nameOrFolder: String) throws -> ImageDataset {
        let loaded = try ImageDataset.load(nameOrFolder)
        guard loaded.name == nameOrFolder, !DatasetCatalog.entries.contains(where: { $0.name == nameOrFolder }) else { return loaded }
        let path = URL(fileURLWithPath: nameOrFolder).standardizedFileURL.path
        return try ImageDataset(name: path, title: loaded.title, train: loaded.train, test: loaded.test)
    }
}

/// The settings of a checkpoint, as values.
private struct SavedSettings {
    private let values: [String: String]

    init(_ settings: [Setting]) {
        values = Dictionary(settings.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    var model: DigitModel? { values["model"].flatMap(DigitModel.init) }
    var data: String? { values["data"] }
    var content: String? { values["images"] }
    var epochs: Int? { values["epochs"].flatMap { Int($0) } }
    var batchSize: Int? { values["batch"].flatMap { Int($0) } }
    var learningRate: Double? { values["learning rate"].flatMap(Double.init) }
    var maximumShift: Int? { values["shift"].flatMap { Int($0) }.flatMap { (0...1000).contains($0) ? $0 : nil } }
    var seed: UInt64? { values["seed"].flatMap { UInt64($0) } }
    var precision: Precision? { values["precision"].flatMap { Precision(named: $0) } }
}

extension ImageDataset {
    /// `4000 + 1000 of 28 x 28, 1f0c…`: how many images of what size, and a hash of all pixels and labels (FNV-1a over 64-bit words).
    fileprivate var fingerprint: String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for array in [train.images, train.labels, test.images, test.labels] {
            array.withBytes { bytes in
                let words = bytes.count / 8
                for word in 0..<words {
                    hash = (hash ^ bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self).littleEndian) &* 0x100_0000_01b3
                    // Without this the high bits of a word would never reach the low ones of the hash.
                    hash ^= hash >> 29
                }
                for byte in bytes[(8 * words)...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            }
        }
        let digits = String(hash, radix: 16)
        return "\(train.count) + \(test.count) of \(train.height) x \(train.width), "
            + String(repeating: "0", count: 16 - digits.count) + digits
    }
}
