import CPJRT
import HillockCore

/// A plugin's buffer: elements in a device's memory, there or on their way. Freed with its last owner.
package final class DeviceMemory: @unchecked Sendable {
    let client: Client
    let pointer: OpaquePointer

    /// Takes over a plugin's buffer.
    init(_ client: Client, _ pointer: OpaquePointer) {
        self.client = client
        self.pointer = pointer
    }

    deinit {
        var record = PJRT_Buffer_Destroy_Args.sized()
        record.buffer = pointer
        client.plugin.release(client.plugin.table.PJRT_Buffer_Destroy, &record)
    }

    private var plugin: Plugin { client.plugin }

    /// Whether a program took the memory for its results.
    package var isDonated: Bool {
        var record = PJRT_Buffer_IsDeleted_Args.sized()
        record.buffer = pointer
        return (try? plugin.call(plugin.table.PJRT_Buffer_IsDeleted, &record, "ask for a buffer")) == nil || record.is_deleted
    }

    /// How many bytes it takes on its device, as the plugin says.
    package func byteCount() throws(PJRTError) -> Int {
        var record = PJRT_Buffer_OnDeviceSizeInBytes_Args.sized()
        record.buffer = pointer
        try plugin.call(plugin.table.PJRT_Buffer_OnDeviceSizeInBytes, &record, "ask for a buffer's size")
        return record.on_device_size_in_bytes
    }

    /// Waits until the elements are there.
    package func wait() throws(PJRTError) { try readyEvent().wait("run the program") }

    /// The elements in host memory; waits for them.
    package func read(_ type: TensorType) throws(PJRTError) -> HostArray {
        if type.shape.count == 0 { return HostArray(zeros: type) }
        if client.isOnHost {
            try wait()
            return try view(type)
        }
        let array = HostArray(dtype: type.dtype, shape: type.shape, storage: Storage(byteCount: type.byteCount))
        try copy(to: array).wait("read \(type) from the device")
        return array
    }

    /// The elements in host memory, without keeping a thread waiting for them.
    package func load(_ type: TensorType) async throws -> HostArray {
        if type.shape.count == 0 { return HostArray(zeros: type) }
        if client.isOnHost {
            try await Self.end(of: readyEvent(), "run the program")
            return try view(type)
        }
        let array = HostArray(dtype: type.dtype, shape: type.shape, storage: Storage(byteCount: type.byteCount))
        try await Self.end(of: copy(to: array), "read \(type) from the device")
        return array
    }

    /// Copies to another device of the same client.
    func copied(to device: Accelerator) throws(PJRTError) -> DeviceMemory {
        var record = PJRT_Buffer_CopyToDevice_Args.sized()
        record.buffer = pointer
        record.dst_device = device.pointer
        try plugin.call(plugin.table.PJRT_Buffer_CopyToDevice, &record, "copy between devices")
        return DeviceMemory(client, record.dst_buffer)
    }

    private func readyEvent() throws(PJRTError) -> Event {
        var record = PJRT_Buffer_ReadyEvent_Args.sized()
        record.buffer = pointer
        try plugin.call(plugin.table.PJRT_Buffer_ReadyEvent, &record, "wait for a buffer")
        return Event(plugin, record.event)
    }

    /// The elements where they lie, which they keep for as long as somebody reads them.
    private func view(_ type: TensorType) throws(PJRTError) -> HostArray {
        var record = PJRT_Buffer_UnsafePointer_Args.sized()
        record.buffer = pointer
        try plugin.call(plugin.table.PJRT_Buffer_UnsafePointer, &record, "read a buffer")
        guard let address = UnsafeMutableRawPointer(bitPattern: record.buffer_pointer) else {
            throw PJRTError(.internal, device: plugin.kind.name, action: "read \(type)", reason: "the buffer has no address")
        }
        let storage = Storage(adopting: address, byteCount: type.byteCount) { [self] _ in withExtendedLifetime(self) {} }
        return HostArray(dtype: type.dtype, shape: type.shape, storage: storage)
    }

    /// Begins to copy the elements, row-major, to memory that the event's owner must hold.
    private func copy(to array: HostArray) throws(PJRTError) -> Event {
        let axes = (0..<array.shape.rank).reversed().map { Int64($0) }
        var layout = PJRT_Buffer_MemoryLayout.sized()
        layout.type = PJRT_Buffer_MemoryLayout_Type_Tiled
        layout.tiled = .sized()
        var record = PJRT_Buffer_ToHostBuffer_Args.sized()
        record.src = pointer
        record.dst = array.storage.pointer
        record.dst_size = array.byteCount
        var failure: PJRTError?
        axes.withUnsafeBufferPointer { axes in
            layout.tiled.minor_to_major = axes.baseAddress
            layout.tiled.minor_to_major_size = axes.count
            withUnsafeMutablePointer(to: &layout) { layout in
                record.host_layout = layout
                do throws(PJRTError) {
                    try plugin.call(plugin.table.PJRT_Buffer_ToHostBuffer, &record, "read from the device")
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
        return Event(plugin, record.event)
    }

    private static func end(of event: consuming Event, _ action: String) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            do {
                try event.whenReady(action) { error in
                    if let error { continuation.resume(throwing: error) } else { continuation.resume() }
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
