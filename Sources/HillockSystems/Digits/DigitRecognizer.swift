import Foundation
import HillockCore
import HillockData
import HillockFormats
import HillockNN
import HillockTraining

/// A network that recognises handwritten digits (or other small grey images), and all that is needed to use it.
///
///     let recognizer = try DigitRecognizer(weights: "weights.safetensors")
///     let guesses = try recognizer.recognize("three.png")
///     print(guesses[0].name, guesses[0].probability)
public struct DigitRecognizer: Sendable {
    /// Which network.
    public let model: DigitModel
    /// The network: `[N, 1, H, W] → [N, classes]`, logits.
    public let network: any Layer
    /// What the classes are called.
    public let classNames: [String]
    /// Rows and columns of the images that it takes.
    public let height: Int, width: Int
    /// How pixels become numbers.
    public let normalization: Normalization
    /// How pictures are made to look like the images that it was trained on.
    public let preparation: ImagePreparation
    /// Name of the data set that it was trained on.
    public let data: String
    private let style: ImagePreparation.Style

    /// A class that a picture may be of.
    public struct Guess: Sendable, Hashable {
        /// Index of the class.
        public let label: Int
        /// What the class is called.
        public let name: String
        /// How probable the network finds it, 0 to 1.
        public let probability: Double
    }

    /// A new network for a data set; its weights depend on the task's random source.
    public init(model: DigitModel, for data: ImageDataset) throws {
        self.model = model
        (height, width) = (data.train.height, data.train.width)
        network = try model.make(height: height, width: width, classes: data.classNames.count)
        classNames = data.classNames
        normalization = Normalization(of: data.train.images)
        self.data = data.name
        style = data.name == DatasetCatalog.fashionMNIST.name ? .thing : .character
        preparation = ImagePreparation(height: height, width: width, style: style)
    }

    /// Batches of a data set's images as this network wants them.
    public func batches(of images: LabelledImages, maximumShift: Int = 0, seed: UInt64 = 0) -> ImageBatches {
        ImageBatches(images, normalization: normalization, maximumShift: maximumShift, seed: seed)
    }

    /// Classifies the images of a data set; `nil` when `advanced` (done, total) returns false.
    ///
    /// - Parameter path: where the weights or the data are from, for messages.
    /// - Throws: ``DigitError/otherData(path:what:trained:given:)`` when the images are of another size or have more classes.
    public func classify(
        _ images: LabelledImages, path: String, batchSize: Int = 500, advanced: (Int, Int) -> Bool = { _, _ in true }
    ) throws -> Classification? {
        guard images.height == height, images.width == width else {
            throw DigitError.otherData(
                path: path, what: "image size", trained: "\(height) x \(width) pixels", given: "\(images.height) x \(images.width)")
        }
        guard images.classNames.count <= classNames.count else {
            throw DigitError.otherData(
                path: path, what: "number of classes", trained: "\(classNames.count) classes", given: "\(images.classNames.count)")
        }
        return try Classification(of: batches(of: images), by: { network($0) }, batchSize: batchSize, advanced: advanced)
    }

    /// What a picture shows, the most probable class first.
    /// - Throws: ``FileError`` and ``FormatError`` when it cannot be read, ``DigitError/blank(path:)``.
    public func recognize(_ path: String) throws -> [Guess] { try recognize(Self.picture(path), path: path) }

    /// A picture, to be recognised later.
    /// - Throws: ``FileError`` and ``FormatError`` when it cannot be read.
    public static func picture(_ path: String) throws -> HostArray { try PNGImage.read(path, channels: .grey) }

    /// What a picture from a file shows, the most probable class first.
    /// - Throws: ``DigitError/blank(path:)``.
    public func recognize(_ picture: HostArray, path: String) throws -> [Guess] {
        try recognize(prepared: preparation(picture, path: path))
    }

    /// What an image shows that looks like the training images: `u8`, `[height, width]`, 0 is background. The most probable class first.
    public func recognize(prepared image: HostArray) throws -> [Guess] {
        let table = normalization.table
        let pixels = image.elements(as: UInt8.self).map { table[Int($0)] }
        let logits = withTraining(false) { network(Tensor(HostArray(pixels, shape: [1, 1, height, width]))) }
        let probabilities = try softmax(logits, axis: -1).hostArray().elements(as: Float.self)
        return probabilities.enumerated().map { Guess(label: $0.offset, name: classNames[$0.offset], probability: Double($0.element)) }
            .sorted { ($1.probability, $0.label) < ($0.probability, $1.label) }
    }
}

// MARK: - The weights file

extension DigitRecognizer {
    private static let format = "hillock digits 1"

    /// Creates or replaces a weights file, atomically: safetensors, tensors named as PyTorch names them, everything else in its metadata.
    /// - Throws: ``FileError`` when it cannot be written.
    public func save(to path: String, settings: [Setting] = []) throws {
        var tensors: [String: HostArray] = [:]
        for (name, tensor) in network.stateTensors() { tensors[name] = try tensor.hostArray() }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        func json(_ value: some Encodable) throws -> String { String(decoding: try encoder.encode(value), as: UTF8.self) }
        let metadata = [
            "format": Self.format, "system": "digits", "model": model.rawValue, "data": data, "classes": try json(classNames),
            "height": "\(height)", "width": "\(width)", "mean": "\(normalization.mean)",
            "standard_deviation": "\(normalization.standardDeviation)", "pictures": style.rawValue, "settings": try json(settings),
            "version": HillockVersion.current,
        ]
        try Safetensors.write(tensors, metadata: metadata, to: path)
    }

    /// Reads a weights file.
    /// - Throws: ``FileError``, ``FormatError``, or ``DigitError`` when it is not of this system or of another architecture.
    public init(weights path: String) throws {
        let file = try SafetensorsFile(path: path)
        func reject(_ reason: String) -> DigitError { .notDigitWeights(path: path, reason: reason) }
        guard let format = file.metadata["format"] else { throw reject("its metadata has no \"format\"") }
        guard format == Self.format else {
            let hint = format.hasPrefix("hillock checkpoint") ? "; the weights are in the file beside it, once the run is finished" : ""
            throw reject("its format is \"\(format)\", expected \"\(Self.format)\"\(hint)")
        }
        func text(_ name: String) throws -> String {
            guard let text = file.metadata[name] else { throw reject("its metadata has no \"\(name)\"") }
            return text
        }
        func number<Value: LosslessStringConvertible>(_ name: String, _ isValid: (Value) -> Bool) throws -> Value {
            let text = try text(name)
            guard let value = Value(text), isValid(value) else { throw reject("its metadata \"\(name)\" is \"\(text)\"") }
            return value
        }
        let modelName = try text("model")
        guard let model = DigitModel(rawValue: modelName) else { throw reject("its model is \"\(modelName)\", which is not known") }
        let classes = try text("classes")
        guard let classNames = try? JSONDecoder().decode([String].self, from: Data(classes.utf8)), (1...256).contains(classNames.count)
        else {
            throw reject("its metadata \"classes\" is not a list of names")
        }
        self.model = model
        self.classNames = classNames
        height = try number("height") { (1...4096).contains($0) }
        width = try number("width") { (1...4096).contains($0) }
        normalization = Normalization(
            mean: try number("mean") { (value: Double) in value.isFinite },
            standardDeviation: try number("standard_deviation") { (value: Double) in value.isFinite && value > 0 })
        data = try text("data")
        let styleName = try text("pictures")
        guard let style = ImagePreparation.Style(rawValue: styleName) else { throw reject("its metadata \"pictures\" is \"\(styleName)\"") }
        self.style = style
        preparation = ImagePreparation(height: height, width: width, style: style)
        // Before the network is made: a header that was tampered with must not ask for more memory than the file has.
        let described = Dictionary(uniqueKeysWithValues: file.entries.map { ($0.name, TensorType($0.dtype, $0.shape)) })
        network = try withSeed(0) { [height, width] in try model.make(height: height, width: width, classes: classNames.count) }
        do {
            guard described.count <= 1000 else { throw reject("it has \(described.count) tensors") }
            try network.load(file.arrays())
        } catch let error as WeightsError {
            let details = error.description.split(separator: "\n").joined(separator: "; ")
            throw DigitError.otherArchitecture(path: path, model: "\(model.rawValue) for \(height) x \(width) pixels", details: details)
        }
    }
}
