import HillockCore
import Synchronization

/// Memory for results, kept for the next ones: a training step in steady state asks the system for nothing.
///
/// Blocks are handed out by size class, since a loop wants the same sizes again and again. What is kept is bounded: no more than
/// `capacity`, and a size that no plan of late wanted goes back to the system.
final class StoragePool: Sendable {
    static let shared = StoragePool()
    /// Runs of plans after which a size that none of them wanted is out of use.
    static let period: UInt64 = 256
    private let capacity: Int

    /// The free blocks of one size, and how a block of this size comes back: made once, so that handing one out allocates only its owner.
    private final class SizeClass: @unchecked Sendable {
        // Guarded by the pool's lock. A raw pointer is not `Sendable`, and nobody else knows these blocks.
        var blocks: [UInt] = []
        var lastUse: UInt64 = 0
        private(set) var release: @Sendable (UnsafeMutableRawPointer) -> Void = { _ in }

        init(of size: Int, in pool: StoragePool) { release = { [unowned self] in pool.take($0, size, self) } }
    }
    private struct Free {
        var classes: [Int: SizeClass] = [:]
        var byteCount = 0
    }
    private let free = Mutex(Free())
    private let runs = Atomic<UInt64>(0)

    init(capacity: Int = 1 << 30) { self.capacity = capacity }

    /// Bytes that are kept for later.
    var freeByteCount: Int { free.withLock { $0.byteCount } }

    /// A block of at least `byteCount` bytes, 64-byte aligned, uninitialised; it comes back here when its last owner lets go.
    /// - Throws: ``CPUEngineError`` where the system has no such block.
    func allocate(_ byteCount: Int) throws -> Storage {
        let size = Self.size(byteCount)
        let (address, release) = free.withLock { free -> (UInt?, @Sendable (UnsafeMutableRawPointer) -> Void) in
            let entry: SizeClass
            if let known = free.classes[size] {
                entry = known
            } else {
                entry = SizeClass(of: size, in: self)
                free.classes[size] = entry
            }
            let block = entry.blocks.popLast()
            entry.lastUse = runs.load(ordering: .relaxed)
            if block != nil { free.byteCount -= size }
            return (block, entry.release)
        }
        if let address { return Storage(adopting: UnsafeMutableRawPointer(bitPattern: address)!, byteCount: byteCount, release: release) }
        return Storage(adopting: try LargeBlocks.allocate(size), byteCount: byteCount, release: release)
    }

    /// Keeps a block that nobody owns any longer, if there is room.
    private func take(_ block: UnsafeMutableRawPointer, _ size: Int, _ entry: SizeClass) {
        let address = UInt(bitPattern: block)
        let isKept = free.withLock { free in
            guard free.byteCount + size <= capacity else { return false }
            entry.blocks.append(address)
            entry.lastUse = runs.load(ordering: .relaxed)
            free.byteCount += size
            return true
        }
        if !isKept { LargeBlocks.deallocate(block, size) }
    }

    /// Says that a plan ran: what none of many runs wanted is given back.
    func countRun() {
        let time = runs.add(1, ordering: .relaxed).newValue
        if time % Self.period == 0 { giveBack(unusedSince: time - Self.period) }
    }

    private func giveBack(unusedSince time: UInt64) {
        let blocks = free.withLock { free -> [(address: UInt, size: Int)] in
            var given: [(address: UInt, size: Int)] = []
            for (size, entry) in free.classes where entry.lastUse < time && !entry.blocks.isEmpty {
                given += entry.blocks.map { ($0, size) }
                free.byteCount -= size * entry.blocks.count
                entry.blocks = []
            }
            return given
        }
        for (address, size) in blocks { LargeBlocks.deallocate(UnsafeMutableRawPointer(bitPattern: address)!, size) }
    }

    /// Whole cache lines; from 64 KiB on eight sizes between powers of two, so that lengths that vary do not each have a class of their own.
    private static func size(_ byteCount: Int) -> Int {
        var step = 64
        if byteCount > 1 << 16 { step = 1 << (Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount - 3) }
        return Swift.max(64, (byteCount + step - 1) & -step)
    }
}
