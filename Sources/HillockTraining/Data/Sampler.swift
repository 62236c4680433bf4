import HillockCore

/// In which order the samples of a data set are visited.
///
/// The order depends on the seed and the epoch alone, so a resumed run sees the same batches without saving any state.
public struct Sampler: Sendable, Hashable {
    /// Number of samples.
    public let count: Int
    /// What the orders depend on, besides the epoch.
    public let seed: UInt64
    /// Whether the order is random; otherwise samples come as they are stored.
    public let isShuffled: Bool

    /// Visits `count` samples, each once an epoch.
    public init(count: Int, seed: UInt64 = 0, isShuffled: Bool = true) {
        self.count = count
        self.seed = seed
        self.isShuffled = isShuffled
    }

    /// The samples' indices in the order of an epoch, counted from 0: a uniform permutation (Fisher and Yates, by Durstenfeld 1964).
    public func order(epoch: Int) -> [Int] {
        var order = Array(0..<count)
        guard isShuffled, count > 1 else { return order }
        var words = WordStream(key: SeedStream.order.key(seed: seed, index: epoch))
        for last in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(last, Int(words.next(below: UInt64(last) + 1)))
        }
        return order
    }

    /// Number of batches in an epoch; the last one may be smaller.
    public func batchCount(batchSize: Int) -> Int { (count + batchSize - 1) / batchSize }
}

/// The words of one Philox key, one after the other.
struct WordStream {
    private let philox: Philox
    private var counter: UInt64 = 0
    private var block: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    private var used = 4

    init(key: UInt64) { philox = Philox(key: key) }

    mutating func next() -> UInt32 {
        if used == 4 {
            block = philox.block(counter)
            counter += 1
            used = 0
        }
        defer { used += 1 }
        return switch used {
        case 0: block.0
        case 1: block.1
        case 2: block.2
        default: block.3
        }
    }

    /// A uniform integer in 0 ..< bound, without bias (Lemire, "Fast random integer generation in an interval", 2019).
    mutating func next(below bound: UInt64) -> UInt64 {
        func draw() -> UInt64 { UInt64(next()) << 32 | UInt64(next()) }
        var product = draw().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = draw().multipliedFullWidth(by: bound) }
        }
        return product.high
    }
}
