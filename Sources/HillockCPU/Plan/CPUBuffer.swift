import HillockCore

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
