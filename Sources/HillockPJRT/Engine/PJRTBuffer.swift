import HillockCore

/// Elements in an accelerator's memory; they stay there until somebody reads them.
final class PJRTBuffer: DeviceBuffer, @unchecked Sendable {
    /// Asked by the engine whether anybody else holds it.
    var memory: DeviceMemory
    /// Where it is.
    let accelerator: Accelerator

    private let explainer: ProgramExplanation

    init(type: TensorType, memory: DeviceMemory, on accelerator: Accelerator, _ explainer: ProgramExplanation) {
        self.memory = memory
        self.accelerator = accelerator
        self.explainer = explainer
        super.init(type: type)
    }

    /// The elements; waits for them and for what computes them.
    override func hostArray() throws -> HostArray {
        do throws(PJRTError) {
            return try memory.read(type)
        } catch {
            throw explainer.explained(error)
        }
    }

    /// The elements, without keeping a thread waiting.
    override func loadHostArray() async throws -> HostArray {
        do {
            return try await memory.load(type)
        } catch let error as PJRTError {
            throw explainer.explained(error)
        }
    }
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
