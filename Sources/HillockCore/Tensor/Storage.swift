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
        pointer = .allocate(byteCount: Swift.max(byteCount, 64), alignment: 64)
        release = nil
    }

    /// Takes over memory that `release` gives back.
    public init(adopting pointer: UnsafeMutableRawPointer, byteCount: Int, release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void) {
        self.byteCount = byteCount
        self.pointer = pointer
        self.release = release
    }

    deinit {
        if let release { release(pointer) } else { pointer.deallocate() }
    }
}
