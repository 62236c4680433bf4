import HillockCore
import Synchronization

/// Memory for results, kept for the next ones: a training step in steady state asks the system for nothing.
///
/// Blocks are handed out by size class, since a loop wants the same sizes again and again. What is kept is bounded: no more than
/// `capacity`, and sizes that nobody asked for of late go back to the system before it is asked for more.
final class StoragePool: Sendable {
    static let shared = StoragePool()
    private let capacity: Int
    /// Requests after which a size counts as out of use.
    private let patience: UInt64

    /// The free blocks of one size, and how a block of this size comes back: made once, so that handing one out allocates only its owner.
    private struct SizeClass {
        /// A raw pointer is not `Sendable`, and nobody else knows these blocks.
        var blocks: [UInt] = []
        var lastUse: UInt64 = 0
        let release: @Sendable (UnsafeMutableRawPointer) -> Void
    }
    private struct Free {
        var classes: [Int: SizeClass] = [:]
        var byteCount = 0
        var clock: UInt64 = 0
    }
    private let free = Mutex(Free())

    init(capacity: Int = 1 << 30, patience: UInt64 = 4096) {
        self.capacity = capacity
        self.patience = patience
    }

    /// Bytes that are kept for later.
    var freeByteCount: Int { free.withLock { $0.byteCount } }

    /// A block of at least `byteCount` bytes, 64-byte aligned, uninitialised; it comes back here when its last owner lets go.
    func allocate(_ byteCount: Int) -> Storage {
        let size = Self.size(byteCount)
        let (address, release) = free.withLock { free -> (UInt?, @Sendable (UnsafeMutableRawPointer) -> Void) in
            free.clock += 1
            let time = free.clock
            if free.classes[size] == nil { free.classes[size] = SizeClass(release: { [self] in take($0, size) }) }
            let block = free.classes[size]!.blocks.popLast()
            free.classes[size]!.lastUse = time
            if block != nil { free.byteCount -= size }
            return (block, free.classes[size]!.release)
        }
        if let address { return Storage(adopting: UnsafeMutableRawPointer(bitPattern: address)!, byteCount: byteCount, release: release) }
        giveBack { $0.lastUse &+ self.patience < $1 }
        return Storage(adopting: LargeBlocks.allocate(size), byteCount: byteCount, release: release)
    }

    /// Keeps a block that nobody owns any longer, if there is room.
    private func take(_ block: UnsafeMutableRawPointer, _ size: Int) {
        let address = UInt(bitPattern: block)
        let isKept = free.withLock { free in
            guard free.byteCount + size <= capacity else { return false }
            free.classes[size]!.blocks.append(address)
            free.byteCount += size
            return true
        }
        if !isKept { block.deallocate() }
    }

    /// Frees the blocks of the sizes that `isIdle`, given a size and the time, says are out of use.
    private func giveBack(_ isIdle: (SizeClass, UInt64) -> Bool) {
        let blocks = free.withLock { free -> [UInt] in
            if free.byteCount == 0 { return [] }
            var given: [UInt] = []
            for (size, entry) in free.classes where !entry.blocks.isEmpty && isIdle(entry, free.clock) {
                given += entry.blocks
                free.byteCount -= size * entry.blocks.count
                free.classes[size]!.blocks = []
            }
            return given
        }
        for address in blocks { UnsafeMutableRawPointer(bitPattern: address)!.deallocate() }
    }

    /// Whole cache lines; from 64 KiB on eight sizes between powers of two, so that lengths that vary do not each have a class of their own.
    private static func size(_ byteCount: Int) -> Int {
        var step = 64
        if byteCount > 1 << 16 { step = 1 << (Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount - 3) }
        return Swift.max(64, (byteCount + step - 1) & -step)
    }
}
