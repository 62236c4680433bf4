extension Tensor {
    /// How the value is divided among the devices of a mesh; computes it if need be. `nil` where it is on a single device.
    /// - Throws: what the engine throws when it cannot compute it.
    public func currentSharding() throws -> Sharding? { try buffer()?.sharding }

    /// The bytes that each device holds of the value, in the mesh's order; one number where it is on a single device. Computes it if need be.
    /// - Throws: what the engine throws when it cannot compute it.
    public func byteCounts() throws -> [Int] { try buffer()?.byteCounts() ?? [type.byteCount] }

    /// What holds the value; `nil` for a number that is part of the program.
    private func buffer() throws -> DeviceBuffer? {
        try Evaluator.shared.evaluate([node], on: Device.current)
        switch Evaluator.shared.value(of: node) {
        case .buffer(let buffer): return buffer
        case .failed(let error): throw error
        case .none, .scalar, .standIn: return nil
        }
    }
}
