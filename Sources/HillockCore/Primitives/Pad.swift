/// StableHLO `pad` with zeros: before, after and between elements; negative amounts before and after crop.
public struct Pad: Primitive {
    /// `pad`
    public static let name = "pad"
    /// Zeros before each axis.
    public let low: [Int]
    /// Zeros after each axis.
    public let high: [Int]
    /// Zeros between neighbours of each axis.
    public let interior: [Int]

    /// The padding by these amounts.
    public init(low: [Int], high: [Int], interior: [Int]) {
        self.low = low
        self.high = high
        self.interior = interior
    }

    /// The extents grown.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        let shape = inputs[0].shape
        guard low.count == shape.rank, high.count == shape.rank, interior.count == shape.rank, interior.allSatisfy({ $0 >= 0 }) else {
            throw ShapeError(Self.name, "low \(low), high \(high) and interior \(interior) do not fit shape \(shape)")
        }
        let extents = (0..<shape.rank).map { low[$0] + high[$0] + shape[$0] + Swift.max(shape[$0] - 1, 0) * interior[$0] }
        guard extents.allSatisfy({ $0 >= 0 }) else {
            throw ShapeError(Self.name, "low \(low) and high \(high) crop more than shape \(shape) has")
        }
        return TensorType(inputs[0].dtype, Shape(extents))
    }

    /// The part of dy where the input is.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        let shape = inputs[0].shape
        guard shape.count > 0 else { return [Tensor.zeros(shape, dtype: upstream.dtype)] }
        // Crops are undone first, so that the slice is whole.
        let whole = upstream.padded(
            low: low.map { Swift.max(-$0, 0) }, high: high.map { Swift.max(-$0, 0) }, interior: [Int](repeating: 0, count: shape.rank))
        let starts = low.map { Swift.max($0, 0) }
        let limits = (0..<shape.rank).map { starts[$0] + (shape[$0] - 1) * (interior[$0] + 1) + 1 }
        return [.apply(Slice(starts: starts, limits: limits, strides: interior.map { $0 + 1 }), [whole])]
    }

    /// Places the elements among zeros.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let size = type.dtype.byteCount
        let source = inputs[0]
        return HostArray(dtype: type.dtype, shape: type.shape) { target in
            target.initializeMemory(as: UInt8.self, repeating: 0)
            var offset = 0
            source.withBytes { bytes in
                source.shape.forEachIndex { index in
                    let place = index.indices.map { low[$0] + index[$0] * (interior[$0] + 1) }
                    if zip(place, type.shape.dimensions).allSatisfy({ $0 >= 0 && $0 < $1 }) {
                        (target.baseAddress! + type.shape.position(of: place) * size)
                            .copyMemory(from: bytes.baseAddress! + offset, byteCount: size)
                    }
                    offset += size
                }
            }
        }
    }

    /// `pad`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let zero = text.scalar(0, like: inputs[0])
        return text.pad(inputs[0], with: zero, low: low, high: high, interior: interior)
    }
}

extension Tensor {
    func padded(low: [Int], high: [Int], interior: [Int], at location: SourceLocation? = nil) -> Tensor {
        if low.allSatisfy({ $0 == 0 }), high.allSatisfy({ $0 == 0 }), interior.allSatisfy({ $0 == 0 }) { return self }
        return .apply(Pad(low: low, high: high, interior: interior), [self], at: location)
    }

    /// The tensor with `value` before and after each axis: `amounts[axis]` is `(before, after)`, negative amounts crop.
    public func padded(
        _ amounts: [(before: Int, after: Int)], value: Double = 0, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        let location = SourceLocation(file: file, line: line)
        guard amounts.count == rank else {
            return .failed(ShapeError("pad", "\(amounts.count) amounts for the \(rank) axes of shape \(shape)"), [self], at: location)
        }
        let low = amounts.map(\.before)
        let high = amounts.map(\.after)
        let none = [Int](repeating: 0, count: rank)
        let zeros = padded(low: low, high: high, interior: none, at: location)
        guard value != 0 else { return zeros }
        let inside = Tensor.ones(shape, dtype: .bool).padded(low: low, high: high, interior: none)
        return `where`(inside, zeros, zeros.scalar(value, for: Pad.name))
    }
}
