/// The families of element-wise primitives. Operands have the same shape and dtype: broadcasting is a node of its own.

/// A primitive that computes each element of its result from the operands' elements at the same place.
public protocol ElementByElement: Primitive {}

extension Convert: ElementByElement {}
extension Compare: ElementByElement {}
extension Logical: ElementByElement {}
extension LogicalNot: ElementByElement {}
extension Select: ElementByElement {}

/// A function of one real number, defined on floating dtypes.
public protocol RealFunction: ElementByElement {
    /// StableHLO's name of the operation.
    static var stableHLOName: String { get }
    /// The function.
    func apply(_ x: Double) -> Double
    /// Gradient with respect to `x`, where `y` is the result and `dy` the gradient with respect to it.
    func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor?
}

extension RealFunction {
    /// The input's type, which must be floating.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        try checkReal(Self.name, inputs[0])
        return inputs[0]
    }

    /// By ``derivative(x:y:dy:)``.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        [derivative(x: inputs[0], y: output, dy: upstream)]
    }

    /// By ``apply(_:)``, element by element.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        HostArray(inputs[0].doubles.map(apply), as: type)
    }

    /// The operation of ``stableHLOName``.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.emit(Self.stableHLOName, inputs, as: type)
    }
}

/// The gradient of a function of one tensor as one node: of what the function keeps, its input or its result, and of the gradient with
/// respect to its result.
package protocol RealFunctionGradient: Composite {}

extension RealFunctionGradient {
    /// The type that both operands have.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        try checkSame(Self.name, inputs)
        try checkReal(Self.name, inputs[0])
        return [inputs[0]]
    }
}

/// A function of one number, defined on every arithmetic dtype.
public protocol NumericFunction: RealFunction {
    /// The function on whole numbers; the result wraps to the dtype.
    func apply(_ x: Int64) -> Int64
}

extension NumericFunction {
    /// The input's type, which must be arithmetic.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        try checkArithmetic(Self.name, inputs[0])
        return inputs[0]
    }

    /// By `apply`, element by element.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        type.dtype.isFloatingPoint
            ? HostArray(inputs[0].doubles.map { apply($0) as Double }, as: type)
            : HostArray(inputs[0].integers.map { apply($0) as Int64 }, as: type)
    }
}

/// A function of two numbers.
public protocol BinaryFunction: ElementByElement {
    /// StableHLO's name of the operation.
    static var stableHLOName: String { get }
    /// The function on reals.
    func apply(_ a: Double, _ b: Double) -> Double
    /// The function on whole numbers; the result wraps to the dtype.
    func apply(_ a: Int64, _ b: Int64) -> Int64
    /// Gradients with respect to `a` and `b`, where `y` is the result and `dy` the gradient with respect to it.
    func derivatives(a: Tensor, b: Tensor, y: Tensor, dy: Tensor) -> (Tensor?, Tensor?)
}

extension BinaryFunction {
    /// The operands' common type, which must be arithmetic.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        try checkSame(Self.name, inputs)
        try checkArithmetic(Self.name, inputs[0])
        return inputs[0]
    }

    /// By ``derivatives(a:b:y:dy:)``.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        let (a, b) = derivatives(a: inputs[0], b: inputs[1], y: output, dy: upstream)
        return [a, b]
    }

    /// By `apply`, element by element.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        type.dtype.isFloatingPoint
            ? HostArray(zip(inputs[0].doubles, inputs[1].doubles).map { apply($0, $1) as Double }, as: type)
            : HostArray(zip(inputs[0].integers, inputs[1].integers).map { apply($0, $1) as Int64 }, as: type)
    }

    /// The operation of ``stableHLOName``.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.emit(Self.stableHLOName, inputs, as: type)
    }
}

func checkArithmetic(_ operation: String, _ type: TensorType) throws(ShapeError) {
    guard type.dtype.isArithmetic else {
        throw ShapeError(operation, "\(type.dtype) has no arithmetic", hint: "convert it with converted(to: .float32)")
    }
}

func checkReal(_ operation: String, _ type: TensorType) throws(ShapeError) {
    guard type.dtype == .float32 || type.dtype == .float64 else {
        throw ShapeError(operation, "input is \(type), a real function wants f32 or f64", hint: "convert it with converted(to: .float32)")
    }
}

func checkSame(_ operation: String, _ inputs: [TensorType]) throws(ShapeError) {
    guard inputs[0].dtype == inputs[1].dtype else {
        throw ShapeError(
            operation, "left is \(inputs[0]), right is \(inputs[1]): dtypes differ", hint: "convert one of them with converted(to:)")
    }
    guard inputs[0].shape == inputs[1].shape else {
        throw ShapeError(operation, "left is \(inputs[0]), right is \(inputs[1]): shapes differ")
    }
}

extension Tensor {
    /// Applies a function of one tensor.
    @inline(__always)
    static func unary<P: RealFunction>(_ primitive: P, _ x: Tensor) -> Tensor {
        x.dtype == .float32 || x.dtype == .float64 ? apply(primitive, x, unchecked: x.type) : apply(primitive, [x])
    }

    /// Applies a function of two tensors after broadcasting them to a common shape.
    @inline(__always)
    static func binary<P: BinaryFunction>(_ primitive: P, _ a: Tensor, _ b: Tensor) -> Tensor {
        if a.type == b.type, a.dtype.isArithmetic { return apply(primitive, a, b, unchecked: a.type) }
        guard let (a, b) = broadcast(P.name, a, b) else { return standIn(a, b) }
        if a.dtype == b.dtype, a.dtype.isArithmetic { return apply(primitive, a, b, unchecked: a.type) }
        return apply(primitive, [a, b])
    }

    /// Both tensors at their common shape; where there is none the call stops here (`nil` only during validation).
    static func broadcast(_ operation: String, _ a: Tensor, _ b: Tensor) -> (Tensor, Tensor)? {
        guard a.shape != b.shape else { return (a, b) }
        // A bias, most often.
        if b.shape.isTail(of: a.shape) { return (a, apply(Broadcast(to: a.shape), b, unchecked: TensorType(b.dtype, a.shape))) }
        guard let shape = a.shape.broadcast(with: b.shape) else {
            _ = failed(
                ShapeError(
                    operation, "left is \(a.type), right is \(b.type): shapes cannot be broadcast together",
                    hint: "extents must be equal or 1, counted from the last axis"), [a, b])
            return nil
        }
        return (a.broadcast(to: shape), b.broadcast(to: shape))
    }

    static func standIn(_ a: Tensor, _ b: Tensor) -> Tensor {
        let type = a.rank >= b.rank ? a.type : b.type
        return Tensor(new: Node(.standIn, type))
    }

    /// A number as a tensor of this one's type, hoisted out of the program. A dtype of whole numbers takes whole numbers only: half a step
    /// must not quietly become none.
    @inline(__always)
    func scalar(_ value: Double, for operation: String) -> Tensor {
        if !dtype.isFloatingPoint { checkWhole(value, operation) }
        return Tensor(hoisting: .real(value), dtype: dtype).broadcast(to: shape)
    }

    private func checkWhole(_ value: Double, _ operation: String) {
        let fits =
            switch dtype {
            case .int32: Int32(exactly: value) != nil
            case .int64: Int64(exactly: value) != nil
            case .uint8: UInt8(exactly: value) != nil
            case .bool, .float32, .float64, .bfloat16, .float16: true
            }
        if fits { return }
        misuse(
            ShapeError(
                operation, "tensor is \(type), which cannot hold the number \(value)", hint: "convert it with converted(to: .float32)"))
    }
}
