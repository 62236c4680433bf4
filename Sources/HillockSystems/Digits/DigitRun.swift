import Foundation
import HillockCore
import HillockData
import HillockFormats
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
        /// What products multiply in; the task's ``Precision`` unless given.
        public var precision: Precision?

        /// A request.
        public init(
            model: DigitModel? = nil, data: String? = nil, epochs: Int? = nil, batchSize: Int? = nil, learningRate: Double? = nil,
            seed: UInt64? = nil, precision: Precision? = nil
        ) {
            self.model = model
            self.data = data
            self.epochs = epochs
            self.batchSize = batchSize
            self.learningRate = learningRate
            self.seed = seed
            self.precision = precision
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
    /// What the run does.
    public let training: DigitTraining
    /// What computes, in words, for the report.
    public var engine = Device.current.description
    /// Whether the run goes on from a checkpoint.
    public let isResumed: Bool
    private let lock: RunFolder.Lock

    /// The network and how to use it.
    public var recognizer: DigitRecognizer { training.recognizer }
    /// What trains it.
    public var trainer: Trainer { training.trainer }
    /// The data.
    public var dataset: ImageDataset { training.dataset }
    /// What determines the run's results.
    public var settings: [Setting] { training.settings }

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
        isResumed = checkpoint != nil
        training = try DigitTraining(request, checkpoint: checkpoint, stopRequest: stopRequest)
        // Last, so that a mistake in the request leaves no folder behind.
        self.folder = try folder ?? .createNext(named: "digits")
        try self.folder.create()
        lock = try self.folder.lock()
        training.trainer.checkpoints = CheckpointPolicy(path: self.folder.checkpoint)
    }

    /// Trains, and writes weights and report when done; `nil` when asked to stop, having written a checkpoint.
    public func train(_ callbacks: [any Callback] = []) throws -> Result? {
        guard try training.train(callbacks) == .finished else { return nil }
        try recognizer.save(to: folder.weights, settings: settings)
        let classification = try Precision.$current.withValue(training.precision) {
            try recognizer.classify(dataset.test, path: dataset.name)
        }
        guard let classification else { return nil }
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
