import HillockCore

/// Elements in an accelerator's memory; they stay there until somebody reads them.
final class PJRTBuffer: DeviceBuffer, @unchecked Sendable {
    /// Asked by the engine whether anybody else holds it.
    var memory: DeviceMemory
    /// Where it is.
    let accelerator: Accelerator

    init(type: TensorType, memory: DeviceMemory, on accelerator: Accelerator) {
        self.memory = memory
        self.accelerator = accelerator
        super.init(type: type)
    }

    /// The elements; waits for them and for what computes them.
    override func hostArray() throws -> HostArray { try memory.read(type) }

    /// The elements, without keeping a thread waiting.
    override func loadHostArray() async throws -> HostArray { try await memory.load(type) }
}

/// What is remembered of a buffer's elements for as long as they are what they are: copies of them on devices.
final class DeviceCopies {
    private var copies: [(client: ObjectIdentifier, ordinal: Int, memory: DeviceMemory)] = []

    /// The copy on a device.
    subscript(accelerator: Accelerator) -> DeviceMemory? {
        get { copies.first { $0.client == ObjectIdentifier(accelerator.client) && $0.ordinal == accelerator.ordinal }?.memory }
        set {
            copies.removeAll { $0.client == ObjectIdentifier(accelerator.client) && $0.ordinal == accelerator.ordinal }
            if let newValue { copies.append((ObjectIdentifier(accelerator.client), accelerator.ordinal, newValue)) }
        }
    }
}
