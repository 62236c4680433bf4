/// StableHLO `reshape`: the same elements in row-major order under another shape.
public struct Reshape: Primitive {
    /// `reshape`
    public static let name = "reshape"
    /// The shape wanted.
    public let shape: Shape

    /// The reshape to this shape.
    public init(to shape: Shape) { self.shape = shape }

    /// The shape wanted, if it has as many elements.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        guard inputs[0].shape.count == shape.count else {
            throw ShapeError(
                Self.name, "shape \(inputs[0].shape) has \(inputs[0].shape.count) elements, \(shape) has \(shape.count)")
        }
        return TensorType(inputs[0].dtype, shape)
    }

    /// dy reshaped back.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        [upstream.reshaped(to: inputs[0].shape)]
    }

    /// The same memory.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        HostArray(dtype: type.dtype, shape: shape, storage: inputs[0].storage)
    }

    /// `reshape`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.reshape(inputs[0], to: shape)
    }
}

extension Tensor {
    /// The same elements in row-major order under another shape; one extent may be −1: whatever is left.
    public func reshaped(to shape: Shape, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        if shape == self.shape { return self }
        var wanted = shape
        if let open = shape.dimensions.firstIndex(of: -1) {
            let known = shape.dimensions.enumerated().reduce(1) { $1.offset == open ? $0 : $0 * $1.element }
            wanted = shape.replacing(axis: open, with: known == 0 ? 0 : count / known)
        }
        if wanted == self.shape { return self }
        guard wanted.dimensions.allSatisfy({ $0 >= 0 }), wanted.count == count else {
            return .failed(
                ShapeError("reshape", "shape \(self.shape) has \(count) elements, which \(shape) cannot hold"), [self],
                at: SourceLocation(file: file, line: line))
        }
        return .apply(Reshape(to: wanted), self, unchecked: TensorType(dtype, wanted))
    }

    /// One axis where `axes` (default: all) were, in row-major order.
    public func flattened(axes: ClosedRange<Int>? = nil, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let location = SourceLocation(file: file, line: line)
        guard let axes else { return reshaped(to: [count]) }
        let low = checkedAxis(axes.lowerBound, "flatten", at: location)
        let high = checkedAxis(axes.upperBound, "flatten", at: location)
        let dims = shape.dimensions
        guard low <= high, high < rank else {
            return .failed(
                ShapeError("flatten", "axes \(axes) of shape \(shape) are not in order"), [self], at: location,
                guess: TensorType(dtype, [count]))
        }
        return reshaped(to: Shape(Array(dims[..<low]) + [dims[low...high].reduce(1, *)] + Array(dims[(high + 1)...])))
    }

    /// The axes (default: all) of extent 1 removed.
    public func squeezed(axis: Int? = nil, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        guard let axis else { return reshaped(to: Shape(shape.dimensions.filter { $0 != 1 })) }
        let location = SourceLocation(file: file, line: line)
        let position = checkedAxis(axis, "squeeze", at: location)
        guard rank > 0, shape[position] == 1 else {
            return .failed(ShapeError("squeeze", "axis \(axis) of shape \(shape) is not of extent 1"), [self], at: location)
        }
        return reshaped(to: shape.removing(axes: [position]))
    }

    /// A new axis of extent 1 before `axis`; −1 puts it last.
    public func unsqueezed(axis: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        guard axis >= -rank - 1, axis <= rank else {
            return .failed(
                ShapeError("unsqueeze", "axis \(axis) is out of range for shape \(shape): expected \(-rank - 1)...\(rank)"), [self],
                at: SourceLocation(file: file, line: line))
        }
        var dimensions = shape.dimensions
        dimensions.insert(1, at: axis < 0 ? axis + rank + 1 : axis)
        return reshaped(to: Shape(dimensions))
    }
}
