import Hillock
import Testing

struct BatchTests {
    @Test func pixelsAreNormalised() throws {
        let data = try LabelledImages(
            images: HostArray([UInt8(0), 51, 102, 255], shape: [2, 1, 2]), labels: HostArray([UInt8(1), 0]), classNames: ["a", "b"],
            imagesFile: "images", labelsFile: "labels")
        let batch = ImageBatches(data, normalization: Normalization(mean: 0.2, standardDeviation: 0.5)).batch([1, 0], epoch: 0)
        #expect(batch.inputs.shape == [2, 1, 1, 2])
        #expect(batch.inputs.elements(as: Float.self) == [0.4, 1.6, -0.4, 0])
        #expect(batch.targets.elements(as: Int.self) == [0, 1])
        #expect(batch.count == 2)
    }

    @Test func normalizationOfImagesIsMeanAndDeviation() {
        let images = HostArray([UInt8(0), 0, 255, 255], shape: [1, 2, 2])
        #expect(Normalization(of: images) == Normalization(mean: 0.5, standardDeviation: 0.5))
        #expect(Normalization(of: HostArray([UInt8(51), 51], shape: [1, 1, 2])) == Normalization(mean: 0.2, standardDeviation: 1))
    }

    @Test func embeddedDigitsHaveTheKnownStatistics() throws {
        let normalization = Normalization(of: try ImageDataset.load("mnist-5k").train.images)
        // MNIST's are 0.1307 and 0.3081; these are 4,000 of its images.
        #expect(abs(normalization.mean - 0.1307) < 0.002)
        #expect(abs(normalization.standardDeviation - 0.3081) < 0.002)
    }

    /// An image with one bright pixel shows by where it comes out how it was shifted.
    @Test func shiftsAreSeededBoundedAndVaried() throws {
        var pixels = [UInt8](repeating: 0, count: 200 * 81)
        for sample in 0..<200 { pixels[sample * 81 + 40] = 255 }
        let data = try LabelledImages(
            images: HostArray(pixels, shape: [200, 9, 9]), labels: HostArray([UInt8](repeating: 0, count: 200)), classNames: ["a"],
            imagesFile: "images", labelsFile: "labels")
        func places(seed: UInt64, epoch: Int?) -> [Int] {
            let source = ImageBatches(data, normalization: Normalization(mean: 0, standardDeviation: 1), maximumShift: 2, seed: seed)
            let values = source.batch(ArraySlice(0..<200), epoch: epoch).inputs.elements(as: Float.self)
            return (0..<200).map { sample in (0..<81).first { values[sample * 81 + $0] == 1 } ?? -1 }
        }
        let first = places(seed: 1, epoch: 0)
        var possible = Set<Int>()
        for down in -2...2 { for right in -2...2 { possible.insert(40 + 9 * down + right) } }
        #expect(Set(first) == possible)
        #expect(first == places(seed: 1, epoch: 0))
        #expect(first != places(seed: 1, epoch: 1))
        #expect(first != places(seed: 2, epoch: 0))
        #expect(places(seed: 1, epoch: nil) == [Int](repeating: 40, count: 200))
    }

    /// A shift depends on the sample, not on its place in the batch: a resumed run must not care where batches begin.
    @Test func shiftsDoNotDependOnTheBatch() throws {
        let data = try toyImages(count: 20, seed: 4)
        let source = ImageBatches(data, normalization: Normalization(of: data.images), maximumShift: 2, seed: 7)
        let all = source.batch(ArraySlice(0..<20), epoch: 3).inputs.elements(as: Float.self)
        let one = source.batch([13], epoch: 3).inputs.elements(as: Float.self)
        #expect(Array(all[13 * 64..<14 * 64]) == one)
    }
}
