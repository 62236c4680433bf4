/// StableHLO `broadcast_in_dim`, axes aligned at the last as in NumPy: extents are equal, 1, or missing in front.
public struct Broadcast: Primitive {
    /// `broadcast`
    public static let name = "broadcast"
    /// The shape wanted.
    public let shape: Shape

    /// The broadcast to this shape.
    public init(to shape: Shape) { self.shape = shape }

    /// The shape wanted, if the input's broadcasts to it.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        guard inputs[0].shape.broadcast(with: shape) == shape else {
            throw ShapeError(
                Self.name, "shape \(inputs[0].shape) cannot be broadcast to \(shape)",
                hint: "extents must be equal or 1, counted from the last axis")
        }
        return TensorType(inputs[0].dtype, shape)
    }

    /// dy summed over what was repeated.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        let source = inputs[0].shape
        let lead = shape.rank - source.rank
        let repeated = (0..<shape.rank).filter { $0 < lead || (source[$0 - lead] == 1 && shape[$0] != 1) }
        return [upstream.reduced(.sum, axes: repeated).reshaped(to: source)]
    }

    /// Repeats.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let source = inputs[0].shape
        let lead = shape.rank - source.rank
        return inputs[0].picking(
            shape.positions(in: source) { index in (0..<source.rank).map { source[$0] == 1 ? 0 : index[$0 + lead] } }, as: type)
    }

    /// `broadcast_in_dim`, the last axes being the input's.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.broadcast(inputs[0], to: shape, axes: Array(shape.rank - inputs[0].shape.rank..<shape.rank))
    }
}

extension Tensor {
    /// The tensor repeated along axes of extent 1 and along new axes in front, as NumPy does.
    public func broadcast(to shape: Shape, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        if shape == self.shape { return self }
        if rank == 0 { return .apply(Broadcast(to: shape), self, unchecked: TensorType(dtype, shape)) }
        return .apply(
            Broadcast(to: shape), [self], at: SourceLocation(file: file, line: line), guess: TensorType(dtype, shape))
    }
}
