import HillockCore
import HillockData

/// Batches of grey images with a class each, normalised on the host by a table of the 256 greys.
public struct ImageBatches: BatchSource {
    /// The images and their classes.
    public let data: LabelledImages
    /// How pixels become numbers.
    public let normalization: Normalization
    /// The most pixels by which training images are shifted each way, at random, anew in every epoch; 0 for none.
    public let maximumShift: Int
    /// What the shifts depend on, besides the epoch and the sample.
    public let seed: UInt64
    private let table: [Float]

    /// Batches of these images.
    public init(_ data: LabelledImages, normalization: Normalization, maximumShift: Int = 0, seed: UInt64 = 0) {
        self.data = data
        self.normalization = normalization
        self.maximumShift = maximumShift
        self.seed = seed
        table = normalization.table
    }

    /// Number of images.
    public var sampleCount: Int { data.count }

    /// Images `[B, 1, H, W]` as f32 and classes `[B]` as i64. What a shift uncovers is black, as the border of every MNIST image is.
    public func batch(_ samples: ArraySlice<Int>, epoch: Int?) -> Batch {
        let (height, width) = (data.images.shape[1], data.images.shape[2])
        let pixels = height * width
        let words = epoch.flatMap { maximumShift > 0 ? Philox(key: SeedStream.augmentation.key(seed: seed, index: $0)) : nil }
        let images = HostArray(dtype: .float32, shape: [samples.count, 1, height, width]) { bytes in
            let target = bytes.bindMemory(to: Float.self)
            table.withUnsafeBufferPointer { table in
                data.images.withBytes { pictures in
                    for (row, sample) in samples.enumerated() {
                        let source = UnsafeRawBufferPointer(rebasing: pictures[sample * pixels..<(sample + 1) * pixels])
                        let place = UnsafeMutableBufferPointer(rebasing: target[row * pixels..<(row + 1) * pixels])
                        let (down, right) = words.map { shift($0.block(UInt64(sample))) } ?? (0, 0)
                        if down == 0, right == 0 {
                            for index in 0..<pixels { place[index] = table[Int(source[index])] }
                        } else {
                            copy(source, to: place, height: height, width: width, down: down, right: right, table)
                        }
                    }
                }
            }
        }
        let labels = data.labels.withBytes { bytes in samples.map { Int64(bytes[$0]) } }
        return Batch(inputs: Tensor(images), targets: Tensor(HostArray(labels)))
    }

    private func shift(_ words: (UInt32, UInt32, UInt32, UInt32)) -> (down: Int, right: Int) {
        let choices = UInt32(2 * maximumShift + 1)
        return (Int(words.0 % choices) - maximumShift, Int(words.1 % choices) - maximumShift)
    }

    private func copy(
        _ source: UnsafeRawBufferPointer, to target: UnsafeMutableBufferPointer<Float>, height: Int, width: Int, down: Int, right: Int,
        _ table: UnsafeBufferPointer<Float>
    ) {
        target.update(repeating: table[0])
        for y in max(0, down)..<min(height, height + down) {
            for x in max(0, right)..<min(width, width + right) {
                target[y * width + x] = table[Int(source[(y - down) * width + x - right])]
            }
        }
    }
}
