import HillockCore
import Synchronization

/// Memory for results, kept for the next ones: a training step in steady state asks the system for nothing.
///
/// Blocks are handed out by exact size, since a loop wants the same sizes again and again; what is kept is bounded.
final class StoragePool: Sendable {
    static let shared = StoragePool()
    private static let capacity = 1 << 30

    private struct Free {
        /// Addresses by size: a raw pointer is not `Sendable`, and nobody else knows these blocks.
        var blocks: [Int: [UInt]] = [:]
        var byteCount = 0
    }
    private let free = Mutex(Free())

    /// A block of at least `byteCount` bytes, 64-byte aligned, uninitialised; it comes back here when its last owner lets go.
    func allocate(_ byteCount: Int) -> Storage {
        let size = Self.size(byteCount)
        let address = free.withLock { free -> UInt? in
            guard let block = free.blocks[size]?.popLast() else { return nil }
            free.byteCount -= size
            return block
        }
        let pointer = address.flatMap { UnsafeMutableRawPointer(bitPattern: $0) }
        return Storage(adopting: pointer ?? .allocate(byteCount: size, alignment: 64), byteCount: byteCount) { [self] block in
            release(block, size)
        }
    }

    private func release(_ block: UnsafeMutableRawPointer, _ size: Int) {
        let address = UInt(bitPattern: block)
        let isKept = free.withLock { free in
            guard free.byteCount + size <= Self.capacity else { return false }
            free.blocks[size, default: []].append(address)
            free.byteCount += size
            return true
        }
        if !isKept { block.deallocate() }
    }

    private static func size(_ byteCount: Int) -> Int { Swift.max(64, (byteCount + 63) & ~63) }
}

/// Elements that the CPU engine computed, in a block that it may use again once nobody else holds it.
final class CPUBuffer: DeviceBuffer, @unchecked Sendable {
    /// Read by others through `hostArray`; taken out by the engine when the buffer is dead.
    var storage: Storage
    /// How the elements lie.
    let layout: PhysicalLayout

    init(type: TensorType, storage: Storage, layout: PhysicalLayout = .plain) {
        self.storage = storage
        self.layout = layout
        super.init(type: type)
    }

    /// The elements, row-major: copied where they lie otherwise.
    override func hostArray() throws -> HostArray {
        if layout == .plain { return HostArray(dtype: type.dtype, shape: type.shape, storage: storage) }
        let plain = try layout.copy(storage, type.shape, to: .plain, byteCount: type.byteCount)
        return HostArray(dtype: type.dtype, shape: type.shape, storage: plain)
    }
}
