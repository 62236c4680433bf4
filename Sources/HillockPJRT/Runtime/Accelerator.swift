import CPJRT
import HillockCore

/// One device of a client.
package struct Accelerator: @unchecked Sendable {
    /// Whose it is.
    package let client: Client
    /// Its position among the client's devices.
    package let ordinal: Int
    let pointer: OpaquePointer

    /// Its number in the plugin's own counting.
    package var id: Int { client.devices[ordinal].id }
    /// What it is: `NVIDIA H200`.
    package var kind: String { client.devices[ordinal].kind }
    var plugin: Plugin { client.plugin }

    /// How its memory is used, where the plugin knows: bytes in use, the most that were, and how many there are.
    package var memory: (inUse: Int, peak: Int?, limit: Int?)? {
        var record = PJRT_Device_MemoryStats_Args.sized()
        record.device = pointer
        guard (try? plugin.call(plugin.table.PJRT_Device_MemoryStats, &record, "ask for memory")) != nil else { return nil }
        return (
            Int(record.bytes_in_use), record.peak_bytes_in_use_is_set ? Int(record.peak_bytes_in_use) : nil,
            record.bytes_limit_is_set ? Int(record.bytes_limit) : nil
        )
    }

    /// Copies elements to the device, or lets it use them where they lie.
    ///
    /// - Parameters:
    ///   - array: The elements; their memory is held for as long as the device needs it.
    ///   - isOwn: Whether the copy must be the device's own, so that it can be donated.
    package func upload(_ array: HostArray, isOwn: Bool) throws(PJRTError) -> DeviceMemory {
        var record = PJRT_Client_BufferFromHostBuffer_Args.sized()
        // A small copy costs less than being told that it is done.
        let isCopiedAtOnce = array.byteCount <= 4096 || (isOwn && client.isOnHost)
        record.host_buffer_semantics =
            isCopiedAtOnce
            ? PJRT_HostBufferSemantics_kImmutableOnlyDuringCall
            : client.isOnHost ? PJRT_HostBufferSemantics_kImmutableZeroCopy : PJRT_HostBufferSemantics_kImmutableUntilTransferCompletes
        let storage = array.storage
        try upload(&record, UnsafeRawPointer(storage.pointer), array.dtype, array.shape.dimensions)
        if let pointer = record.done_with_host_buffer {
            let event = Event(plugin, pointer)
            if !isCopiedAtOnce { try event.whenReady("copy to the device") { _ in withExtendedLifetime(storage) {} } }
        }
        return DeviceMemory(client, record.buffer)
    }

    /// Copies a number to the device as one element of a dtype.
    func upload(_ scalar: Scalar, as dtype: DType) throws(PJRTError) -> DeviceMemory {
        let array = HostArray(scalar, dtype: dtype)
        return try upload(array, isOwn: false)
    }

    private func upload(
        _ record: inout PJRT_Client_BufferFromHostBuffer_Args, _ data: UnsafeRawPointer, _ dtype: DType, _ shape: [Int]
    ) throws(PJRTError) {
        record.client = client.pointer
        record.device = pointer
        record.data = data
        record.type = dtype.elementType
        var failure: PJRTError?
        shape.withUnsafeBytes { extents in
            record.dims = extents.baseAddress?.assumingMemoryBound(to: Int64.self)
            record.num_dims = shape.count
            do throws(PJRTError) {
                try plugin.call(
                    plugin.table.PJRT_Client_BufferFromHostBuffer, &record, "copy \(TensorType(dtype, Shape(shape))) to the device")
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}

extension DType {
    /// The plugin's number for the type.
    var elementType: PJRT_Buffer_Type {
        switch self {
        case .float32: PJRT_Buffer_Type_F32
        case .float64: PJRT_Buffer_Type_F64
        case .int32: PJRT_Buffer_Type_S32
        case .int64: PJRT_Buffer_Type_S64
        case .uint8: PJRT_Buffer_Type_U8
        case .bool: PJRT_Buffer_Type_PRED
        case .bfloat16: PJRT_Buffer_Type_BF16
        case .float16: PJRT_Buffer_Type_F16
        }
    }
}
