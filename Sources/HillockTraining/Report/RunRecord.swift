import HillockFormats

/// A finished training run of a classifier of images: all that its report shows.
public struct RunRecord: Sendable, Hashable, Codable {
    /// Name for people: `Handwritten digits`.
    public var title: String
    /// Version of the program.
    public var version: String
    /// Name of the model.
    public var model: String
    /// Number of trained elements.
    public var parameterCount: Int
    /// Name of the data set, for people.
    public var data: String
    /// Number of images that were trained on and tested on.
    public var trainCount: Int, testCount: Int
    /// What the classes are called.
    public var classNames: [String]
    /// What the run was started with.
    public var settings: [Setting]
    /// Where it ran.
    public var machine: MachineDescription
    /// When it was started, in seconds since 1970.
    public var started: Double
    /// How long it took, in seconds.
    public var seconds: Double
    /// How long steps waited for their data meanwhile, in seconds.
    public var dataSeconds: Double
    /// The training loss by step: means of neighbouring steps where there are many.
    public var losses: [LossPoint]
    /// One row for each epoch.
    public var epochs: [EpochRecord]
    /// Mean loss on the test images.
    public var testLoss: Double
    /// How often test images of one class were taken for another.
    public var confusion: ConfusionMatrix
    /// Some of the wrong ones, the surest first.
    public var mistakes: [Mistake]

    /// The loss of some steps that follow each other.
    public struct LossPoint: Sendable, Hashable, Codable {
        /// The last of the steps, counted from 1.
        public var step: Int
        /// Mean of their losses.
        public var loss: Double

        /// The mean loss of some steps, the last of which is `step`.
        public init(step: Int, loss: Double) {
            self.step = step
            self.loss = loss
        }
    }

    /// A test image that was taken for something else.
    public struct Mistake: Sendable, Hashable, Codable {
        /// Its place in the test set, counted from 0.
        public var index: Int
        /// The image as a PNG file.
        public var image: [UInt8]
        /// What it is.
        public var actual: Int
        /// What it was taken for.
        public var predicted: Int
        /// The probability of what it was taken for.
        public var confidence: Double
        /// The probability of what it is.
        public var actualProbability: Double

        /// A mistake of these parts.
        public init(index: Int, image: [UInt8], actual: Int, predicted: Int, confidence: Double, actualProbability: Double) {
            self.index = index
            self.image = image
            self.actual = actual
            self.predicted = predicted
            self.confidence = confidence
            self.actualProbability = actualProbability
        }
    }

    /// The record of these parts.
    public init(
        title: String, version: String, model: String, parameterCount: Int, data: String, trainCount: Int, testCount: Int,
        classNames: [String], settings: [Setting], machine: MachineDescription, started: Double, seconds: Double, dataSeconds: Double,
        losses: [LossPoint],
        epochs: [EpochRecord], testLoss: Double, confusion: ConfusionMatrix, mistakes: [Mistake]
    ) {
        self.title = title
        self.version = version
        self.model = model
        self.parameterCount = parameterCount
        self.data = data
        self.trainCount = trainCount
        self.testCount = testCount
        self.classNames = classNames
        self.settings = settings
        self.machine = machine
        self.started = started
        self.seconds = seconds
        self.dataSeconds = dataSeconds
        self.losses = losses
        self.epochs = epochs
        self.testLoss = testLoss
        self.confusion = confusion
        self.mistakes = mistakes
    }

    /// The part of the test images that are right.
    public var testAccuracy: Double { confusion.accuracy }

    /// At most `count` points for a curve: means over neighbouring steps.
    public static func curve(_ losses: [Double], count: Int = 400) -> [LossPoint] {
        let width = max(1, (losses.count + count - 1) / count)
        return stride(from: 0, to: losses.count, by: width).map { start in
            let piece = losses[start..<min(start + width, losses.count)]
            return LossPoint(step: piece.endIndex, loss: piece.reduce(0, +) / Double(piece.count))
        }
    }

    /// The record as JSON.
    public func json() throws -> String { try JSONValue(encoding: self).text(indented: true) }

    /// Reads a record from JSON; `file` is its name for messages.
    /// - Throws: ``FormatError`` where it is no JSON, `DecodingError` where it is no record.
    public init(json: [UInt8], file: String = "report.json") throws {
        self = try JSONReader.read(json[...], file: file).decode()
    }
}

extension RunRecord.Mistake {
    private enum CodingKeys: CodingKey {
        case index, image, actual, predicted, confidence, actualProbability
    }

    /// The image as a string of base 64.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(index, forKey: .index)
        try container.encode(Base64.encode(image), forKey: .image)
        try container.encode(actual, forKey: .actual)
        try container.encode(predicted, forKey: .predicted)
        try container.encode(confidence, forKey: .confidence)
        try container.encode(actualProbability, forKey: .actualProbability)
    }

    /// The mistake that ``encode(to:)`` wrote.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        guard let image = Base64.decode(try container.decode(String.self, forKey: .image)) else {
            throw DecodingError.dataCorruptedError(forKey: .image, in: container, debugDescription: "it is not base 64")
        }
        self.init(
            index: try container.decode(Int.self, forKey: .index), image: image, actual: try container.decode(Int.self, forKey: .actual),
            predicted: try container.decode(Int.self, forKey: .predicted),
            confidence: try container.decode(Double.self, forKey: .confidence),
            actualProbability: try container.decode(Double.self, forKey: .actualProbability))
    }
}
