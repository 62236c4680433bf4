/// The input itself, divided among the devices of a mesh: Shardy's `sharding_constraint`. On a single device it does nothing.
public struct Shard: Primitive {
    /// `shard`
    public static let name = "shard"
    /// How it is divided.
    public let sharding: Sharding
    /// Among which devices.
    public let mesh: Mesh
    /// Whether axes that the sharding does not divide are left to XLA's partitioner; otherwise each device has all of them.
    public let isOpen: Bool

    /// A division among the devices of a mesh.
    public init(_ sharding: Sharding, on mesh: Mesh, isOpen: Bool = false) {
        (self.sharding, self.mesh, self.isOpen) = (sharding, mesh, isOpen)
    }

    /// The input's type, whose axes the mesh must divide.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        if let fault = sharding.fault(for: inputs[0], on: mesh) { throw fault }
        return inputs[0]
    }

    /// dy, divided likewise.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] { [.apply(self, [upstream])] }

    /// The input.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray { inputs[0] }

    /// `sdy.sharding_constraint` where the program runs on the mesh.
    public func stableHLO(
        _ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter
    ) throws(StableHLOError) -> StableHLOValue {
        guard let running = text.mesh else { return inputs[0] }
        // It may run on another mesh than it was written for.
        if let fault = sharding.fault(for: type, on: running) { throw StableHLOError(Self.name, fault.message) }
        let attribute = sharding.attribute(rank: type.shape.rank, isOpen: isOpen)
        return text.emit("sdy.sharding_constraint", inputs, as: type, "sharding = \(attribute)")
    }
}

extension Tensor {
    /// The same values, divided among the devices of a mesh where they are computed on one (``Device/mesh(_:of:)``). Each axis that is
    /// divided must be a multiple of the devices that divide it.
    public func sharded(_ sharding: Sharding, on mesh: Mesh, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        .apply(Shard(sharding, on: mesh), [self], at: SourceLocation(file: file, line: line))
    }

    /// The same values, their first axis (the samples) divided along the mesh's axis `data`.
    public func sharded(on mesh: Mesh, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        sharded(Sharding(axis: 0, by: "data"), on: mesh, file: file, line: line)
    }

    /// The same values, one axis divided along an axis of the mesh, which must divide its extent; how the other axes lie is left to XLA's
    /// partitioner, as where the samples are divided already.
    public func sharded(axis: Int, by name: String, on mesh: Mesh, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let location = SourceLocation(file: file, line: line)
        let sharding = Sharding(axis: checkedAxis(axis, Shard.name, at: location), by: name)
        return .apply(Shard(sharding, on: mesh, isOpen: true), [self], at: location)
    }
}
