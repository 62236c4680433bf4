import Hillock
import HillockSystems

/// Small grey images in which each class is a bright square at a place of its own, with noise.
func toyImages(count: Int, size: Int = 8, classes: Int = 4, seed: UInt64) throws -> LabelledImages {
    let stream = Philox(key: seed)
    var pixels: [UInt8] = []
    var labels: [UInt8] = []
    for sample in 0..<count {
        let label = sample % classes
        labels.append(UInt8(label))
        for y in 0..<size {
            for x in 0..<size {
                let inside = y / (size / 2) == label / 2 && x / (size / 2) == label % 2
                pixels.append(UInt8(stream[(sample * size + y) * size + x] % 60) + (inside ? 180 : 0))
            }
        }
    }
    return try LabelledImages(
        images: HostArray(pixels, shape: [count, size, size]), labels: HostArray(labels), classNames: (0..<classes).map { "class \($0)" },
        imagesFile: "images", labelsFile: "labels")
}

/// A data set of such images.
func toyData(train: Int = 40, test: Int = 22, size: Int = 8) throws -> ImageDataset {
    try ImageDataset(
        name: "toy", title: "Toy", train: toyImages(count: train, size: size, seed: 1), test: toyImages(count: test, size: size, seed: 2))
}

/// Writes a data set as the four IDX files.
func write(_ data: ImageDataset, to folder: String) throws {
    try IDX.write(data.train.images, to: folder + "/train-images-idx3-ubyte", compressed: false)
    try IDX.write(data.train.labels, to: folder + "/train-labels-idx1-ubyte", compressed: false)
    try IDX.write(data.test.images, to: folder + "/t10k-images-idx3-ubyte", compressed: false)
    try IDX.write(data.test.labels, to: folder + "/t10k-labels-idx1-ubyte", compressed: false)
}

/// A copy of an array's bytes.
func bytes(_ array: HostArray) -> [UInt8] {
    array.withBytes { Array($0) }
}
