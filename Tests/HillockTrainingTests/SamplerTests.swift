import Hillock
import Testing

struct SamplerTests {
    @Test(arguments: [0, 1, 2, 7, 1000])
    func everySampleOnceAnEpoch(count: Int) {
        for epoch in 0..<3 {
            #expect(Sampler(count: count, seed: 5).order(epoch: epoch).sorted() == Array(0..<count))
        }
    }

    @Test func orderDependsOnSeedAndEpochAlone() {
        let sampler = Sampler(count: 100, seed: 1)
        _ = sampler.order(epoch: 0)
        #expect(sampler.order(epoch: 3) == Sampler(count: 100, seed: 1).order(epoch: 3))
        #expect(sampler.order(epoch: 3) != sampler.order(epoch: 4))
        #expect(sampler.order(epoch: 3) != Sampler(count: 100, seed: 2).order(epoch: 3))
    }

    /// Pinned: another order would break the resumption of old runs.
    @Test func orderOfTenIsWhatItWas() {
        #expect(Sampler(count: 10, seed: 1).order(epoch: 0) == [7, 5, 2, 8, 0, 4, 3, 6, 9, 1])
    }

    @Test func withoutShufflingSamplesComeAsStored() {
        #expect(Sampler(count: 4, isShuffled: false).order(epoch: 9) == [0, 1, 2, 3])
    }

    /// Every sample is equally often at every place, within five standard deviations.
    @Test func ordersAreUniform() {
        let (count, epochs) = (8, 4000)
        var seen = [[Int]](repeating: [Int](repeating: 0, count: count), count: count)
        let sampler = Sampler(count: count, seed: 3)
        for epoch in 0..<epochs {
            for (place, sample) in sampler.order(epoch: epoch).enumerated() { seen[place][sample] += 1 }
        }
        let expected = Double(epochs) / Double(count)
        let deviation = (expected * (1 - 1 / Double(count))).squareRoot()
        for number in seen.joined() { #expect(abs(Double(number) - expected) < 5 * deviation) }
    }

    @Test func batchCountsRoundUp() {
        #expect(Sampler(count: 10).batchCount(batchSize: 4) == 3)
        #expect(Sampler(count: 8).batchCount(batchSize: 4) == 2)
        #expect(Sampler(count: 0).batchCount(batchSize: 4) == 0)
    }
}
