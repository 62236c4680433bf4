import HillockCore
import HillockFormats

/// Grey images and the class of each.
public struct LabelledImages: Sendable {
    /// Pixels, `u8`, shape `[N, H, W]`: 0 is background, 255 is ink, as in MNIST.
    public let images: HostArray
    /// Classes, `u8`, shape `[N]`, each below `classNames.count`.
    public let labels: HostArray
    /// What the classes are called, by label.
    public let classNames: [String]

    /// Number of images.
    public var count: Int { images.shape[0] }
    /// Rows of each image.
    public var height: Int { images.shape[1] }
    /// Columns of each image.
    public var width: Int { images.shape[2] }

    /// Checks that images and labels belong together.
    ///
    /// - Parameters:
    ///   - images: `u8`, `[N, H, W]`, none of them 0.
    ///   - labels: `u8`, `[N]`.
    ///   - classNames: What the classes are called; `nil` gives them their numbers, up to the greatest label.
    ///   - imagesFile: Where the images came from, for messages.
    ///   - labelsFile: Where the labels came from, for messages.
    /// - Throws: ``FormatError`` that names the file and, for a label out of range, the first such label.
    public init(images: HostArray, labels: HostArray, classNames: [String]? = nil, imagesFile: String, labelsFile: String) throws {
        guard images.dtype == .uint8, images.shape.rank == 3, images.count > 0 else {
            throw FormatError(
                file: imagesFile, what: "image array", got: "\(images.dtype) of shape \(images.shape)",
                expected: "u8 of shape [count, height, width], none of them 0")
        }
        guard labels.dtype == .uint8, labels.shape.rank == 1 else {
            throw FormatError(
                file: labelsFile, what: "label array", got: "\(labels.dtype) of shape \(labels.shape)", expected: "u8 of shape [count]")
        }
        guard labels.count == images.shape[0] else {
            throw FormatError(
                file: labelsFile, what: "number of labels", got: "\(labels.count)",
                expected: "\(images.shape[0]), one for each image of \(imagesFile)")
        }
        let values = labels.elements(as: UInt8.self)
        let names = classNames ?? (0...(values.max() ?? 0)).map { "\($0)" }
        if let index = values.firstIndex(where: { Int($0) >= names.count }) {
            throw FormatError(
                file: labelsFile, what: "label \(index)", got: "\(values[index])",
                expected: "0 to \(names.count - 1) (\(names.count) classes)")
        }
        self.images = images
        self.labels = labels
        self.classNames = names
    }

    /// Reads a pair of IDX files, compressed or not.
    ///
    /// - Throws: ``FileError`` if one cannot be read, ``FormatError`` if they are damaged or do not belong together.
    public static func read(images: String, labels: String, classNames: [String]? = nil) throws -> LabelledImages {
        try LabelledImages(
            images: IDX.read(images, expecting: .images), labels: IDX.read(labels, expecting: .labels), classNames: classNames,
            imagesFile: images, labelsFile: labels)
    }
}
