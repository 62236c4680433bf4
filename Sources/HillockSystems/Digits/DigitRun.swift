import Foundation
import HillockCore
import HillockData
import HillockFormats
import HillockNN
import HillockOptimizers
import HillockTraining

/// A training run of the digit system: data, network, trainer, and the folder that it writes to.
///
///     let run = try DigitRun(.init(model: .lenet), in: RunFolder("runs/digits-1"))
///     if let result = try run.train() { print(result.record.testAccuracy) }
public final class DigitRun {
    /// What a person asked for; what is `nil` is chosen by the recipe, or is as the resumed run has it.
    public struct Request: Sendable, Hashable {
        /// Which network; `lenet` unless given.
        public var model: DigitModel?
        /// Name of a data set, or a folder; `mnist-5k` unless given.
        public var data: String?
        /// How often every image is seen.
        public var epochs: Int?
        /// Images in a step.
        public var batchSize: Int?
        /// The greatest learning rate.
        public var learningRate: Double?
        /// What all random numbers depend on; 1 unless given.
        public var seed: UInt64?

        /// A request.
        public init(
            model: DigitModel? = nil, data: String? = nil, epochs: Int? = nil, batchSize: Int? = nil, learningRate: Double? = nil,
            seed: UInt64? = nil
        ) {
            self.model = model
            self.data = data
            self.epochs = epochs
            self.batchSize = batchSize
            self.learningRate = learningRate
            self.seed = seed
        }
    }

    /// What a finished run leaves behind.
    public struct Result: Sendable {
        /// What the report shows.
        public let record: RunRecord
        /// The network.
        public let recognizer: DigitRecognizer
    }

    /// Where the run keeps its files.
    public let folder: RunFolder
    /// The network and how to use it.
    public let recognizer: DigitRecognizer
    /// What trains it.
    public let trainer: Trainer
    /// The data.
    public let dataset: ImageDataset
    /// What determines the run's results.
    public let settings: [Setting]
    /// What computes, in words, for the report.
    public var engine = Device.current.description
    /// Whether the run goes on from a checkpoint.
    public let isResumed: Bool
    private let maximumShift: Int
    private let lock: RunFolder.Lock

    /// A new run.
    ///
    /// - Parameter folder: where it keeps its files; unless given, the next of `runs/digits-1`, `runs/digits-2` …, made when everything else
    ///   is in order.
    /// - Throws: ``DigitError/runExists(folder:)``, or what the data or the network throw.
    public convenience init(_ request: Request, in folder: RunFolder? = nil, stopRequest: StopRequest = StopRequest()) throws {
        if let folder, folder.holdsRun { throw DigitError.runExists(folder: folder.path) }
        try self.init(request, folder: folder, checkpoint: nil, stopRequest: stopRequest)
    }

    /// Goes on with a run from its last checkpoint. A folder without one yet, as a run leaves that ended before its first, begins anew.
    ///
    /// - Parameter path: the run's folder, or its checkpoint.
    /// - Throws: ``DigitError/nothingToResume(folder:reason:)``, or ``CheckpointError`` when `request` is not what the run was started with.
    public convenience init(resuming path: String, _ request: Request = Request(), stopRequest: StopRequest = StopRequest()) throws {
        let isFile = path.hasSuffix(".safetensors")
        let folder = RunFolder(isFile ? FilePath.parent(of: path) : path)
        guard folder.exists else { throw DigitError.nothingToResume(folder: path, reason: "there is no such folder") }
        let file = isFile ? path : folder.checkpoint
        guard FileManager.default.fileExists(atPath: file) else {
            guard !folder.holdsRun, !isFile else { throw DigitError.nothingToResume(folder: path, reason: "it has no checkpoint") }
            try self.init(request, folder: folder, checkpoint: nil, stopRequest: stopRequest)
            return
        }
        try self.init(request, folder: folder, checkpoint: (Checkpoint(path: file), file), stopRequest: stopRequest)
    }

    private init(_ request: Request, folder: RunFolder?, checkpoint: (value: Checkpoint, path: String)?, stopRequest: StopRequest) throws {
        let saved = SavedSettings(checkpoint?.value.settings ?? [])
        isResumed = checkpoint != nil
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

        try Self.check(recipe)
        let fingerprint = dataset.fingerprint
        settings = [
            Setting("model", model.rawValue),
            // Data that was only moved is the same data.
            Setting("data", checkpoint != nil && fingerprint == saved.content ? saved.data ?? dataset.name : dataset.name),
            Setting("images", fingerprint), Setting("epochs", recipe.epochs), Setting("batch", recipe.batchSize),
            Setting("learning rate", recipe.learningRate), Setting("shift", recipe.maximumShift), Setting("seed", seed),
        ]
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
        // Last, so that a mistake in the request leaves no folder behind.
        self.folder = try folder ?? .createNext(named: "digits")
        try self.folder.create()
        lock = try self.folder.lock()
        trainer.checkpoints = CheckpointPolicy(path: self.folder.checkpoint)
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

    /// Trains, and writes weights and report when done; `nil` when asked to stop, having written a checkpoint.
    public func train(_ callbacks: [any Callback] = []) throws -> Result? {
        trainer.callbacks = callbacks
        let training = recognizer.batches(of: dataset.train, maximumShift: maximumShift, seed: trainer.settings.seed)
        guard try trainer.train(on: training, testingOn: recognizer.batches(of: dataset.test)) == .finished else { return nil }
        try recognizer.save(to: folder.weights, settings: settings)
        guard let classification = try recognizer.classify(dataset.test, path: dataset.name) else { return nil }
        let record = try record(of: classification)
        try AtomicFile.write(record.json(), to: folder.record)
        try AtomicFile.write(Report(record).html, to: folder.report)
        return Result(record: record, recognizer: recognizer)
    }

    private func record(of classification: Classification) throws -> RunRecord {
        let confusion = classification.confusion
        let mistakes = try classification.mistakes.prefix(40).map { index in
            let (actual, predicted) = (classification.labels[index], classification.prediction(of: index))
            let row = Array(classification[index])
            return RunRecord.Mistake(
                index: index, image: try PNGImage.encode(dataset.test.image(index)), actual: actual, predicted: predicted,
                confidence: Double(row[predicted]), actualProbability: Double(row[actual]))
        }
        return RunRecord(
            title: dataset.classNames == (0...9).map { "\($0)" } ? "Handwritten digits" : "Image recognition",
            version: HillockVersion.current, model: recognizer.model.title,
            parameterCount: recognizer.network.parameterCount, data: dataset.title, trainCount: dataset.train.count,
            testCount: dataset.test.count, classNames: dataset.classNames, settings: settings,
            machine: .current(engine: engine), started: trainer.times.started, seconds: trainer.times.seconds,
            dataSeconds: trainer.times.waitingForData,
            losses: RunRecord.curve(trainer.history.steps.losses), epochs: trainer.history.epochs, testLoss: classification.loss,
            confusion: confusion, mistakes: Array(mistakes))
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
}

extension LabelledImages {
    /// One image: `u8`, `[H, W]`.
    fileprivate func image(_ index: Int) -> HostArray {
        HostArray(dtype: .uint8, shape: [height, width]) { target in
            images.withBytes { bytes in
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[index * height * width..<(index + 1) * height * width]))
            }
        }
    }
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
