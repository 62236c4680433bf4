import CEmbeddedData
import HillockFormats

/// The 5,000 digits that are compiled in, so that training works with no network and no files.
enum EmbeddedDigits {
    static func load(_ entry: DatasetEntry) throws -> ImageDataset {
        let files = UnsafeBufferPointer(start: hillock_embedded_mnist_5k(), count: 4)
        func part(_ first: Int) throws -> LabelledImages {
            func name(_ index: Int) -> String { "\(entry.name)/\(String(cString: files[index].name))" }
            func bytes(_ index: Int) -> [UInt8] { Array(UnsafeBufferPointer(start: files[index].bytes, count: files[index].size)) }
            return try LabelledImages(
                images: IDX.decode(bytes(first), file: name(first), expecting: .images),
                labels: IDX.decode(bytes(first + 1), file: name(first + 1), expecting: .labels),
                classNames: entry.classNames, imagesFile: name(first), labelsFile: name(first + 1))
        }
        return try ImageDataset(name: entry.name, title: entry.title, train: part(0), test: part(2))
    }
}
