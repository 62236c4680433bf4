import HillockCore

/// The independent streams of random numbers that one seed gives a training run.
///
/// A stream's keys are Philox blocks of the seed with a high counter word of their own, so no two streams meet, and none meets the keys
/// that ``RandomSource`` hands out (high word 1).
package enum SeedStream: UInt64 {
    /// The order of the samples in each epoch.
    case order = 2
    /// How each sample is shifted in each epoch.
    case augmentation = 3
    /// Seed of the source that operations of the training steps draw from, such as dropout.
    case steps = 4

    /// Key number `index` of the stream.
    package func key(seed: UInt64, index: Int = 0) -> UInt64 {
        let words = Philox(key: seed).block(UInt64(index), high: rawValue)
        return UInt64(words.0) << 32 | UInt64(words.1)
    }
}
