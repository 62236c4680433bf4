import HillockCore
import HillockFormats

/// Labelled images to train on and others to test on.
public struct ImageDataset: Sendable {
    /// Short name, as on the command line: `mnist`; a folder's path for a data set of the user's own.
    public let name: String
    /// Name for people: `MNIST`.
    public let title: String
    /// Images to train on.
    public let train: LabelledImages
    /// Images of the same size and classes to test on.
    public let test: LabelledImages

    /// What the classes are called, by label.
    public var classNames: [String] { train.classNames }

    /// Puts the two parts together.
    ///
    /// - Throws: ``DatasetError`` if the images differ in size or the classes differ.
    public init(name: String, title: String, train: LabelledImages, test: LabelledImages) throws {
        guard train.height == test.height, train.width == test.width else {
            throw DatasetError.imageSizesDiffer(
                name: name, train: "\(train.height) x \(train.width)", test: "\(test.height) x \(test.width)")
        }
        guard train.classNames == test.classNames else { throw DatasetError.classesDiffer(name: name) }
        self.name = name
        self.title = title
        self.train = train
        self.test = test
    }

    /// Loads a data set by what a person typed: a name of the ``DatasetCatalog`` or the path of a folder.
    ///
    /// A catalogue's name wins over a folder of the same name; write `./mnist` for the folder.
    ///
    /// - Throws: ``DatasetError`` if there is no such data set or it is not on this machine; ``FileError`` and ``FormatError`` if its files
    ///   cannot be read or are damaged.
    public static func load(_ nameOrFolder: String, locations: DataLocations = .current) throws -> ImageDataset {
        if let entry = DatasetCatalog.entries.first(where: { $0.name == nameOrFolder }) { return try load(entry, locations: locations) }
        guard nameOrFolder.contains("/") || ImageFolder.exists(nameOrFolder) else {
            throw DatasetError.unknown(name: nameOrFolder, known: DatasetCatalog.entries.map(\.name))
        }
        return try load(folder: nameOrFolder)
    }

    /// Loads a data set of the catalogue.
    public static func load(_ entry: DatasetEntry, locations: DataLocations = .current) throws -> ImageDataset {
        guard !entry.isEmbedded else { return try EmbeddedDigits.load(entry) }
        return try load(folder: locations.locate(entry), name: entry.name, title: entry.title, classNames: entry.classNames)
    }

    /// Loads a folder with the four IDX files, each compressed or not, in either of the usual spellings (`train-images-idx3-ubyte`,
    /// `train-images.idx3-ubyte`).
    ///
    /// - Parameters:
    ///   - folder: The folder.
    ///   - name: Name of the data set; the folder's path by default.
    ///   - title: Name for people.
    ///   - classNames: What the classes are called; by default their numbers, as many as the training labels need.
    public static func load(
        folder: String, name: String? = nil, title: String? = nil, classNames: [String]? = nil
    ) throws -> ImageDataset {
        let files = try ImageFolder(folder)
        let train = try LabelledImages.read(images: files.trainImages, labels: files.trainLabels, classNames: classNames)
        let test = try LabelledImages.read(images: files.testImages, labels: files.testLabels, classNames: train.classNames)
        return try ImageDataset(name: name ?? folder, title: title ?? folder, train: train, test: test)
    }
}
