import Glibc
import HillockFormats

/// The four IDX files of a folder, however they are spelt.
package struct ImageFolder {
    package let trainImages, trainLabels, testImages, testLabels: String

    /// The four paths in the order of ``baseNames``.
    package var all: [String] { [trainImages, trainLabels, testImages, testLabels] }

    /// The files' names without `.gz`, as MNIST spells them: train images, train labels, test images, test labels.
    package static let baseNames = [
        "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
    ]

    /// Finds the files; throws ``DatasetError`` that names the first that is missing.
    package init(_ folder: String) throws {
        guard ImageFolder.exists(folder) else {
            throw FileError(path: folder, action: "read", code: FilePath.exists(folder) ? ENOTDIR : ENOENT)
        }
        let paths = try ImageFolder.baseNames.map { name in
            guard let path = ImageFolder.find(name, in: folder) else {
                throw DatasetError.fileMissing(folder: folder, spellings: ImageFolder.spellings(of: name))
            }
            return path
        }
        (trainImages, trainLabels, testImages, testLabels) = (paths[0], paths[1], paths[2], paths[3])
    }

    /// The path of a file of the folder under any of its spellings.
    package static func find(_ baseName: String, in folder: String) -> String? {
        spellings(of: baseName).map { FilePath.join(folder, $0) }
            .first { FilePath.exists($0) }
    }

    /// Whether the path is a folder.
    package static func exists(_ path: String) -> Bool {
        FilePath.isFolder(path)
    }

    private static func spellings(of baseName: String) -> [String] {
        let dotted = baseName.replacing("-idx", with: ".idx")
        return [baseName + ".gz", baseName, dotted + ".gz", dotted]
    }
}
