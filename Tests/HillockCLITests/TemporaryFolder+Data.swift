import Foundation
import TestFolders

extension TemporaryFolder {
    /// The bytes of a file.
    func read(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: file(name))) }

    /// Writes a data set of small images as four IDX files into a folder: in each image one quarter is bright, and which is its class.
    func writeData(_ name: String = "toy", train: Int = 40, test: Int = 20, size: Int = 6) throws {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
        for (part, count) in [("train", train), ("t10k", test)] {
            var pixels: [UInt8] = [0, 0, 8, 3, 0, 0, 0, UInt8(count), 0, 0, 0, UInt8(size), 0, 0, 0, UInt8(size)]
            for sample in 0..<count {
                for place in 0..<size * size {
                    let isBright = place / size / (size / 2) == sample % 4 / 2 && place % size / (size / 2) == sample % 2
                    pixels.append(UInt8((sample * 31 + place * 17) % 50) + (isBright ? 200 : 0))
                }
            }
            try write("\(name)/\(part)-images-idx3-ubyte", pixels)
            try write("\(name)/\(part)-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, UInt8(count)] + (0..<count).map { UInt8($0 % 4) })
        }
    }
}
