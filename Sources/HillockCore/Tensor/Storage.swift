import Glibc

/// A block of host memory, 64-byte aligned, that many values may share; freed with its last owner.
///
/// The memory is written once, by whoever made the block, before it is shared: after that it is only read. An engine may write it again
/// only when it holds the last reference.
public final class Storage: @unchecked Sendable {
    /// Start of the block; valid for the object's life, never `nil` even when empty.
    public let pointer: UnsafeMutableRawPointer
    /// Size of the block in bytes.
    public let byteCount: Int
    private let release: (@Sendable (UnsafeMutableRawPointer) -> Void)?

    /// Allocates an uninitialised block.
    public init(byteCount: Int) {
        self.byteCount = byteCount
        if byteCount < Self.large {
            pointer = .allocate(byteCount: Swift.max(byteCount, 64), alignment: 64)
        } else {
            // Pages of 2 MiB are fewer to touch at first and to look up later: a parameter that is trained stays where it was made.
            pointer = .allocate(byteCount: byteCount, alignment: 1 << 21)
            _ = madvise(pointer, byteCount, MADV_HUGEPAGE)
        }
        release = nil
    }

    /// Allocates a block of zeros; a large one takes memory only where it is written.
    ///
    /// - Parameter isWrittenHereAndThere: Whether most of it may never be written, so that small pages take less.
    package init(zeroByteCount byteCount: Int, isWrittenHereAndThere: Bool = false) {
        self.byteCount = byteCount
        let block = byteCount < Self.large ? nil : mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if let block, block != MAP_FAILED {
            if !isWrittenHereAndThere { _ = madvise(block, byteCount, MADV_HUGEPAGE) }
            pointer = block
            release = { munmap($0, byteCount) }
        } else {
            pointer = .allocate(byteCount: Swift.max(byteCount, 64), alignment: 64)
            pointer.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
            release = nil
        }
    }

    /// Bytes from which a block comes with pages of its own.
    private static let large = 1 << 23

    /// Takes over memory that may be written and that `release` gives back.
    public init(adopting pointer: UnsafeMutableRawPointer, byteCount: Int, release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void) {
        self.byteCount = byteCount
        self.pointer = pointer
        self.release = release
    }

    deinit {
        if let release { release(pointer) } else { pointer.deallocate() }
    }
}
