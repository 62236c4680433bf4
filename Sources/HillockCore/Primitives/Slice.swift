/// StableHLO `slice`: a regular part of each axis.
public struct Slice: Primitive {
    /// `slice`
    public static let name = "slice"
    /// First index taken along each axis.
    public let starts: [Int]
    /// Index before which each axis ends.
    public let limits: [Int]
    /// Distance between indices taken, at least 1.
    public let strides: [Int]

    /// The part `starts[i]..<limits[i]` by `strides[i]` along each axis.
    public init(starts: [Int], limits: [Int], strides: [Int]) {
        self.starts = starts
        self.limits = limits
        self.strides = strides
    }

    /// The extents of the parts.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        let shape = inputs[0].shape
        guard starts.count == shape.rank, limits.count == shape.rank, strides.count == shape.rank else {
            throw ShapeError(Self.name, "\(starts.count) ranges for the \(shape.rank) axes of shape \(shape)")
        }
        var extents: [Int] = []
        for axis in 0..<shape.rank {
            guard starts[axis] >= 0, starts[axis] <= limits[axis], limits[axis] <= shape[axis], strides[axis] > 0 else {
                throw ShapeError(
                    Self.name, "range \(starts[axis])..<\(limits[axis]) by \(strides[axis]) is outside axis \(axis) of shape \(shape)")
            }
            extents.append((limits[axis] - starts[axis] + strides[axis] - 1) / strides[axis])
        }
        return TensorType(inputs[0].dtype, Shape(extents))
    }

    /// dy in place, zeros around and between.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        let extents = output.shape.dimensions
        let high = extents.indices.map { axis in
            let last = extents[axis] == 0 ? starts[axis] : starts[axis] + (extents[axis] - 1) * strides[axis] + 1
            return inputs[0].shape[axis] - last
        }
        return [upstream.padded(low: starts, high: high, interior: strides.map { $0 - 1 })]
    }

    /// Picks.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        inputs[0].picking(
            type.shape.positions(in: inputs[0].shape) { index in index.indices.map { starts[$0] + index[$0] * strides[$0] } }, as: type)
    }

    /// `slice`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.slice(inputs[0], from: starts, to: limits, by: strides)
    }
}

/// StableHLO `reverse`: axes run backwards.
public struct Reverse: Primitive {
    /// `reverse`
    public static let name = "reverse"
    /// Which axes.
    public let axes: [Int]

    /// The reversal of these axes.
    public init(axes: [Int]) { self.axes = axes }

    /// The input's type.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType { inputs[0] }

    /// dy reversed.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        [.apply(self, upstream, unchecked: upstream.type)]
    }

    /// Picks from the end.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        inputs[0].picking(
            type.shape.positions(in: type.shape) { index in
                index.indices.map { axes.contains($0) ? type.shape[$0] - 1 - index[$0] : index[$0] }
            }, as: type)
    }

    /// `reverse`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.emit("reverse", inputs, as: type, "dimensions = \(text.array(axes))")
    }
}

extension Tensor {
    /// The elements in opposite order along the axes.
    public func reversed(axes: Int..., file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let positions = axes.map { checkedAxis($0, "reverse", at: SourceLocation(file: file, line: line)) }
        return .apply(Reverse(axes: positions.sorted()), self, unchecked: type)
    }
}
