/// The input itself, divided among the devices of a mesh: Shardy's `sharding_constraint`. On a single device it does nothing.
public struct Shard: Primitive {
    /// `shard`
    public static let name = "shard"
    /// How it is divided.
    public let sharding: Sharding
    /// Among which devices.
    public let mesh: Mesh

    /// A division among the devices of a mesh.
    public init(_ sharding: Sharding, on mesh: Mesh) { (self.sharding, self.mesh) = (sharding, mesh) }

    /// The input's type, whose axes the mesh must divide.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        if let fault = sharding.fault(for: inputs[0], on: mesh) { throw fault }
        return inputs[0]
    }

    /// dy, divided likewise.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] { [upstream.sharded(sharding, on: mesh)] }

    /// The input.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray { inputs[0] }

    /// `sdy.sharding_constraint` where the program runs on the mesh.
    public func stableHLO(
        _ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter
    ) throws(StableHLOError) -> StableHLOValue {
        guard let running = text.mesh else { return inputs[0] }
        // It may run on another mesh than it was written for.
        if let fault = sharding.fault(for: type, on: running) { throw StableHLOError(Self.name, fault.message) }
        return text.emit("sdy.sharding_constraint", inputs, as: type, "sharding = \(sharding.attribute(rank: type.shape.rank))")
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
}
