/// A constant that is part of the program, such as the zeros and ones that gradients start from (StableHLO `constant`, splat).
public struct Fill: Primitive {
    /// `fill`
    public static let name = "fill"
    /// The value of every element.
    public let value: Double
    /// Element type and shape.
    public let type: TensorType

    /// A tensor of this type full of `value`.
    public init(_ value: Double, _ type: TensorType) {
        self.value = value
        self.type = type
    }

    /// ``type``
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType { type }
    /// Nothing: there are no inputs.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] { [] }
    /// Repeats the value.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        HostArray([Double](repeating: value, count: type.shape.count), as: type)
    }
    /// `constant`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.constant(value, StableHLOType(type))
    }
}

/// StableHLO `iota`: each element's index along one axis.
public struct Iota: Primitive {
    /// `iota`
    public static let name = "iota"
    /// Element type and shape.
    public let type: TensorType
    /// The axis along which values count.
    public let axis: Int

    /// Indices along `axis`.
    public init(_ type: TensorType, axis: Int) {
        self.type = type
        self.axis = axis
    }

    /// ``type``
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType { type }
    /// Nothing: there are no inputs.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] { [] }
    /// Counts.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        var values: [Int64] = []
        type.shape.forEachIndex { values.append(Int64($0[axis])) }
        return HostArray(values, as: type)
    }
    /// `iota`, which does not count in `bool`.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let counted = TensorType(type.dtype == .bool ? .int32 : type.dtype, type.shape)
        let result = text.emit("iota", [], as: counted, "iota_dimension = \(axis) : i64")
        return type.dtype == .bool ? text.emit("convert", [result], as: type) : result
    }
}

extension Tensor {
    /// Zeros.
    public static func zeros(
        _ shape: Shape, dtype: DType = .float32, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        constant(0, checked(shape, "zeros", at: SourceLocation(file: file, line: line)), dtype)
    }
    /// Ones.
    public static func ones(
        _ shape: Shape, dtype: DType = .float32, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        constant(1, checked(shape, "ones", at: SourceLocation(file: file, line: line)), dtype)
    }
    /// `value` everywhere.
    public static func full(
        _ shape: Shape, _ value: Double, dtype: DType = .float32, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        Tensor(hoisting: .real(value), dtype: dtype).broadcast(to: checked(shape, "full", at: SourceLocation(file: file, line: line)))
    }
    /// Zeros of another tensor's shape and dtype.
    public static func zerosLike(_ x: Tensor) -> Tensor { constant(0, x.shape, x.dtype) }
    /// Ones of another tensor's shape and dtype.
    public static func onesLike(_ x: Tensor) -> Tensor { constant(1, x.shape, x.dtype) }

    /// A shape without negative extents; another one stops the call that names it (extents of 0 during validation).
    private static func checked(_ shape: Shape, _ operation: String, at location: SourceLocation) -> Shape {
        if shape.dimensions.allSatisfy({ $0 >= 0 }) { return shape }
        misuse(ShapeError(operation, "shape \(shape) has a negative extent"), at: location)
        return Shape(shape.dimensions.map { Swift.max($0, 0) })
    }

    private static func constant(_ value: Double, _ shape: Shape, _ dtype: DType) -> Tensor {
        let type = TensorType(dtype, shape)
        return Tensor(new: Node(Fill(value, type), type))
    }

    /// `start, start + step, …`, as many as lie before `end` (with a negative step: after it). Shape `[n]`.
    public static func arange(
        from start: Double = 0, to end: Double, by step: Double = 1, dtype: DType = .float32, file: StaticString = #fileID,
        line: UInt = #line
    ) -> Tensor {
        guard step != 0, start.isFinite, end.isFinite, step.isFinite else {
            return failed(
                ShapeError("arange", "from \(start) to \(end) by \(step) never ends", hint: "use finite bounds and a step that is not 0"),
                [], at: SourceLocation(file: file, line: line))
        }
        let count = Swift.max(0, Int(((end - start) / step).rounded(.up)))
        let index = iota(TensorType(dtype, [count]), axis: 0)
        return start == 0 && step == 1 ? index : index * step + start
    }

    /// `count` numbers at equal distances, both ends among them. Shape `[count]`.
    public static func linspace(
        from start: Double, to end: Double, count: Int, dtype: DType = .float32, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        let shape = checked([count], "linspace", at: SourceLocation(file: file, line: line))
        let index = iota(TensorType(dtype, shape), axis: 0)
        if count < 2 { return index + start }
        // From both ends, so that rounding misses neither.
        let step = (end - start) / Double(count - 1)
        return `where`(index .< Double(count / 2), index * step + start, end - (Double(count - 1) - index) * step)
    }

    /// The identity matrix, or a part of it. Shape `[rows, columns]`.
    public static func eye(
        _ rows: Int, _ columns: Int? = nil, dtype: DType = .float32, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        let type = TensorType(.int64, checked([rows, columns ?? rows], "eye", at: SourceLocation(file: file, line: line)))
        return (iota(type, axis: 0) .== iota(type, axis: 1)).converted(to: dtype)
    }

    static func iota(_ type: TensorType, axis: Int) -> Tensor {
        Tensor(new: Node(Iota(type, axis: axis), type))
    }

    /// A scalar, shape `[]`. It is an input of programs: another value does not make another plan.
    public init(_ value: Double, dtype: DType = .float32) {
        self.init(hoisting: .real(value), dtype: dtype)
    }

    /// Elements in row-major order; `shape` defaults to one axis.
    public init<Element: TensorElement>(_ elements: [Element], shape: Shape? = nil, file: StaticString = #fileID, line: UInt = #line) {
        if let shape, shape.count != elements.count {
            self = Tensor.failed(
                ShapeError("tensor", "\(elements.count) elements cannot fill shape \(shape), which has \(shape.count)"), [],
                at: SourceLocation(file: file, line: line), guess: TensorType(Element.dtype, shape))
        } else {
            self.init(HostArray(elements, shape: shape))
        }
    }

    /// A matrix by its rows, which must be of equal length. Shape `[rows, columns]`.
    public init<Element: TensorElement>(_ rows: [[Element]], file: StaticString = #fileID, line: UInt = #line) {
        let width = rows.first?.count ?? 0
        if let odd = rows.firstIndex(where: { $0.count != width }) {
            self = Tensor.failed(
                ShapeError("tensor", "row \(odd) has \(rows[odd].count) elements, row 0 has \(width)"), [],
                at: SourceLocation(file: file, line: line), guess: TensorType(Element.dtype, [rows.count, width]))
        } else {
            self.init(HostArray(Array(rows.joined()), shape: [rows.count, width]))
        }
    }
}
