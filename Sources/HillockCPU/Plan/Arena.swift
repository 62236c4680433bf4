import Glibc

/// The arena that all plans share: plans run one at a time, and nothing in it outlives a run.
///
/// It is as large as the largest plan of late wants. When none of many runs wanted half of it, the rest goes back to the system, so that a
/// large plan that is gone holds no memory.
final class Arena: @unchecked Sendable {
    static let shared = Arena()
    /// Runs after which the size is looked at again.
    static let period = 256
    /// What is not worth giving back.
    private static let smallest = 1 << 24

    private var block: UnsafeMutableRawPointer?
    /// Size of the block in bytes.
    private(set) var byteCount = 0
    private var runs = 0
    private var largest = 0

    /// At least `byteCount` bytes, 64-byte aligned, until it is called again. Called with the evaluator's lock held.
    /// - Throws: ``CPUEngineError`` where the system has no such block.
    func memory(_ byteCount: Int) throws -> UnsafeMutableRawPointer {
        largest = Swift.max(largest, byteCount)
        runs += 1
        if runs >= Self.period {
            if self.byteCount > Self.smallest, self.byteCount / 2 > largest { try resize(to: largest) }
            (runs, largest) = (0, byteCount)
        }
        if byteCount > self.byteCount { try resize(to: byteCount) }
        return block.unsafelyUnwrapped
    }

    private func resize(to size: Int) throws {
        if let block { LargeBlocks.deallocate(block, byteCount) }
        (block, byteCount) = (nil, 0)
        block = try LargeBlocks.allocate(size)
        byteCount = size
    }
}
