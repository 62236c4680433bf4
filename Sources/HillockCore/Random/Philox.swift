import Synchronization

/// Counter-based random numbers: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
///
/// Word `i` of a key's stream is word `i % 4` of the block with counter `i / 4`, so any part of the stream is made without the rest, by any
/// number of threads.
public struct Philox: Sendable {
    /// The 64-bit key that selects the stream.
    public let key: UInt64

    /// The stream of this key.
    public init(key: UInt64) { self.key = key }

    /// The four words of a block.
    public func block(_ counter: UInt64, high: UInt64 = 0) -> (UInt32, UInt32, UInt32, UInt32) {
        var c = (
            UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32), UInt32(truncatingIfNeeded: high),
            UInt32(truncatingIfNeeded: high >> 32)
        )
        var k = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
        for _ in 0..<10 {
            let a = UInt64(0xD251_1F53) * UInt64(c.0)
            let b = UInt64(0xCD9E_8D57) * UInt64(c.2)
            c = (
                UInt32(truncatingIfNeeded: b >> 32) ^ c.1 ^ k.0, UInt32(truncatingIfNeeded: b),
                UInt32(truncatingIfNeeded: a >> 32) ^ c.3 ^ k.1, UInt32(truncatingIfNeeded: a)
            )
            k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
        }
        return c
    }

    /// Word `index` of the stream.
    public subscript(index: Int) -> UInt32 {
        let words = block(UInt64(index / 4))
        return switch index % 4 {
        case 0: words.0
        case 1: words.1
        case 2: words.2
        default: words.3
        }
    }
}

/// Where random operations and initialisers get their keys: one key for each call, in order, from a seed.
///
/// Task-local like every setting: `withSeed(42) { … }` runs its body with a source of its own, so the same seed gives the same numbers
/// whatever ran before. Its state is one counter, which a checkpoint saves.
public final class RandomSource: Sendable {
    private let state: Mutex<(seed: UInt64, counter: UInt64)>

    /// The source of this task; seeded with 0 unless ``withSeed(_:_:)`` says otherwise.
    @TaskLocal public static var current = RandomSource(seed: 0)

    /// A source that begins with its first key, or goes on after `position` keys.
    public init(seed: UInt64, position: UInt64 = 0) {
        state = Mutex((seed, position))
    }

    /// The seed and how many keys were drawn: what resuming needs.
    public var position: (seed: UInt64, position: UInt64) { state.withLock { ($0.seed, $0.counter) } }

    /// Goes on from another place.
    public func restore(seed: UInt64, position: UInt64) {
        state.withLock { $0 = (seed, position) }
    }

    /// The next key: a block of the seed's own stream, so that keys of different seeds and places do not meet.
    public func nextKey() -> UInt64 {
        state.withLock { state in
            let words = Philox(key: state.seed).block(state.counter, high: 1)
            state.counter += 1
            return UInt64(words.0) << 32 | UInt64(words.1)
        }
    }
}

/// Runs `body` with random numbers that depend on `seed` alone.
public func withSeed<Result>(_ seed: UInt64, _ body: () throws -> Result) rethrows -> Result {
    try RandomSource.$current.withValue(RandomSource(seed: seed), operation: body)
}
