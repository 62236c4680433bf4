/// StableHLO `concatenate`: tensors one after the other along an axis.
public struct Concatenate: Primitive {
    /// `concatenate`
    public static let name = "concatenate"
    /// The axis along which they follow each other.
    public let axis: Int

    /// The concatenation along `axis`.
    public init(axis: Int) { self.axis = axis }

    /// Extents are equal but along the axis, where they add up.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        guard let first = inputs.first else { throw ShapeError(Self.name, "there is nothing to concatenate") }
        guard axis < first.shape.rank else { throw ShapeError(Self.name, "axis \(axis) is out of range for shape \(first.shape)") }
        for (position, input) in inputs.enumerated() {
            guard input.dtype == first.dtype else {
                throw ShapeError(Self.name, "input 0 is \(first), input \(position) is \(input): dtypes differ")
            }
            guard input.shape.rank == first.shape.rank, input.shape.removing(axes: [axis]) == first.shape.removing(axes: [axis]) else {
                throw ShapeError(
                    Self.name, "input 0 is \(first), input \(position) is \(input): shapes must agree in every axis but \(axis)")
            }
        }
        return TensorType(first.dtype, first.shape.replacing(axis: axis, with: inputs.reduce(0) { $0 + $1.shape[axis] }))
    }

    /// Each input's part of dy.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        var start = 0
        return inputs.map { input in
            defer { start += input.shape[axis] }
            return upstream.sliced(axis: axis, from: start, to: start + input.shape[axis])
        }
    }

    /// Copies the inputs' rows in turn.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let outer = type.shape.dimensions[..<axis].reduce(1, *)
        return HostArray(dtype: type.dtype, shape: type.shape) { target in
            guard var place = target.baseAddress else { return }
            for row in 0..<outer {
                for input in inputs where input.count > 0 {
                    let width = input.byteCount / outer
                    input.withBytes { place.copyMemory(from: $0.baseAddress! + row * width, byteCount: width) }
                    place += width
                }
            }
        }
    }

    /// `concatenate`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.emit("concatenate", inputs, as: type, "dimension = \(axis) : i64")
    }
}

/// The tensors one after the other along an existing axis.
public func concatenate(_ tensors: [Tensor], axis: Int = 0, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    let location = SourceLocation(file: file, line: line)
    guard let first = tensors.first else { return .failed(ShapeError("concatenate", "there is nothing to concatenate"), [], at: location) }
    if tensors.count == 1 { return first }
    return .apply(Concatenate(axis: first.checkedAxis(axis, "concatenate", at: location)), tensors, at: location)
}

/// The tensors, all of one shape, along a new axis.
public func stack(_ tensors: [Tensor], axis: Int = 0, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    let location = SourceLocation(file: file, line: line)
    guard let first = tensors.first else { return .failed(ShapeError("stack", "there is nothing to stack"), [], at: location) }
    for (position, tensor) in tensors.enumerated() where tensor.type != first.type {
        return .failed(
            ShapeError("stack", "input 0 is \(first.type), input \(position) is \(tensor.type): they must be equal"), tensors, at: location)
    }
    guard axis >= -first.rank - 1, axis <= first.rank else {
        return .failed(
            ShapeError("stack", "axis \(axis) is out of range for shape \(first.shape): expected \(-first.rank - 1)...\(first.rank)"),
            tensors, at: location)
    }
    return concatenate(
        tensors.map { $0.unsqueezed(axis: axis, file: file, line: line) }, axis: axis < 0 ? axis + first.rank + 1 : axis, file: file,
        line: line)
}

extension Tensor {
    /// Part of one axis.
    func sliced(axis: Int, from start: Int, to end: Int, by step: Int = 1, at location: SourceLocation? = nil) -> Tensor {
        if start == 0, end == shape[axis], step == 1 { return self }
        var starts = [Int](repeating: 0, count: rank)
        var limits = shape.dimensions
        var strides = [Int](repeating: 1, count: rank)
        (starts[axis], limits[axis], strides[axis]) = (start, end, step)
        return .apply(Slice(starts: starts, limits: limits, strides: strides), [self], at: location)
    }

    /// Parts of the given sizes along an axis; the sizes add up to its extent.
    public func split(sizes: [Int], axis: Int = 0, file: StaticString = #fileID, line: UInt = #line) -> [Tensor] {
        let location = SourceLocation(file: file, line: line)
        let axis = checkedAxis(axis, "split", at: location)
        guard rank > 0, sizes.reduce(0, +) == shape[axis], sizes.allSatisfy({ $0 >= 0 }) else {
            let part = Tensor.failed(
                ShapeError("split", "sizes \(sizes) do not add up to axis \(axis) of shape \(shape)"), [self], at: location)
            return sizes.map { _ in part }
        }
        var start = 0
        return sizes.map { size in
            defer { start += size }
            return sliced(axis: axis, from: start, to: start + size)
        }
    }

    /// `parts` equal parts along an axis.
    public func split(into parts: Int, axis: Int = 0, file: StaticString = #fileID, line: UInt = #line) -> [Tensor] {
        let location = SourceLocation(file: file, line: line)
        let position = checkedAxis(axis, "split", at: location)
        guard rank > 0, parts > 0, shape[position] % parts == 0 else {
            let part = Tensor.failed(
                ShapeError("split", "axis \(axis) of shape \(shape) cannot be split into \(parts) equal parts"), [self], at: location)
            return [Tensor](repeating: part, count: Swift.max(parts, 0))
        }
        return split(sizes: [Int](repeating: shape[position] / parts, count: parts), axis: position, file: file, line: line)
    }
}
