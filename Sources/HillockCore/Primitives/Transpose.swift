/// StableHLO `transpose`: axes in another order.
public struct Transpose: Primitive {
    /// `transpose`
    public static let name = "transpose"
    /// Which input axis each output axis is.
    public let permutation: [Int]

    /// The transpose whose axis `i` is the input's `permutation[i]`.
    public init(_ permutation: [Int]) { self.permutation = permutation }

    /// The permuted shape.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        let shape = inputs[0].shape
        guard permutation.sorted() == Array(0..<shape.rank) else {
            throw ShapeError(Self.name, "\(permutation) is no permutation of the \(shape.rank) axes of shape \(shape)")
        }
        return TensorType(inputs[0].dtype, Shape(permutation.map { shape[$0] }))
    }

    /// dy with the axes put back.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        var inverse = permutation
        for (to, from) in permutation.enumerated() { inverse[from] = to }
        return [upstream.transposed(inverse)]
    }

    /// Picks by permuted index.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        inputs[0].picking(
            type.shape.positions(in: inputs[0].shape) { index in
                var source = index
                for (to, from) in permutation.enumerated() { source[from] = index[to] }
                return source
            }, as: type)
    }

    /// `transpose`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.emit("transpose", inputs, as: type, "permutation = \(text.array(permutation))")
    }
}

extension Tensor {
    /// The axes in the order `permutation`; negative axes count from the end.
    public func transposed(_ permutation: [Int], file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let axes = permutation.map { $0 < 0 ? $0 + rank : $0 }
        if axes == Array(0..<rank) { return self }
        return .apply(Transpose(axes), [self], at: SourceLocation(file: file, line: line))
    }

    /// The last two axes swapped: of a matrix, its transpose.
    public func transposed(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        guard rank >= 2 else {
            return .failed(
                ShapeError(
                    "transpose", "shape \(shape) has no two axes to swap", hint: "give a permutation, or add an axis with unsqueezed(axis:)"
                ),
                [self], at: SourceLocation(file: file, line: line))
        }
        return transposed(Array(0..<rank - 2) + [rank - 1, rank - 2])
    }
}
