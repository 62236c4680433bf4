/// Matrix product of the last two axes, either side optionally transposed, batch axes equal (StableHLO `dot_general`).
public struct MatrixMultiply: Primitive {
    /// `matmul`
    public static let name = "matmul"
    /// Whether the left matrices are stored `[K, M]`.
    public let transposesLeft: Bool
    /// Whether the right matrices are stored `[N, K]`.
    public let transposesRight: Bool
    /// The dtype of the result of bf16 operands, f32 or bf16; `nil` for operands that have arithmetic of their own, and give their dtype.
    public let dtype: DType?

    /// The product with these sides transposed; of bf16 operands if `dtype` is given.
    public init(transposingLeft: Bool = false, transposingRight: Bool = false, as dtype: DType? = nil) {
        transposesLeft = transposingLeft
        transposesRight = transposingRight
        self.dtype = dtype
    }

    /// `[batch…, M, K] × [batch…, K, N] → [batch…, M, N]`
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        let (a, b) = (inputs[0], inputs[1])
        guard a.dtype == b.dtype else {
            throw ShapeError(Self.name, "left is \(a), right is \(b): dtypes differ", hint: "convert one of them with converted(to:)")
        }
        let dtype = try productType(Self.name, a, as: dtype)
        guard a.shape.rank >= 2, b.shape.rank == a.shape.rank, a.shape.dimensions.dropLast(2) == b.shape.dimensions.dropLast(2) else {
            throw ShapeError(Self.name, "left is \(a), right is \(b): batch axes differ")
        }
        let (m, k) = transposesLeft ? (a.shape[-1], a.shape[-2]) : (a.shape[-2], a.shape[-1])
        let (k2, n) = transposesRight ? (b.shape[-1], b.shape[-2]) : (b.shape[-2], b.shape[-1])
        guard k == k2 else {
            let sides = "left \(a.shape)\(transposesLeft ? " transposed" : ""), right \(b.shape)\(transposesRight ? " transposed" : "")"
            throw ShapeError(Self.name, "left has \(k) columns, right has \(k2) rows: \(sides)")
        }
        return TensorType(dtype, Shape(a.shape.dimensions.dropLast(2) + [m, n]))
    }

    /// dA = dY·Bᵀ, dB = Aᵀ·dY, with the transposes folded into the products.
    public func gradient(inputs: [Tensor], output: Tensor, upstream dy: Tensor) -> [Tensor?] {
        let (a, b) = (inputs[0], inputs[1])
        let dy = dy.converted(to: a.dtype)
        func multiply(_ x: Tensor, _ y: Tensor, _ left: Bool, _ right: Bool) -> Tensor {
            .apply(MatrixMultiply(transposingLeft: left, transposingRight: right, as: dtype == nil ? nil : a.dtype), [x, y])
        }
        let da = transposesLeft ? multiply(b, dy, transposesRight, true) : multiply(dy, b, false, !transposesRight)
        let db = transposesRight ? multiply(dy, a, true, transposesLeft) : multiply(a, dy, !transposesLeft, false)
        return [da, db]
    }

    /// Sums of products, rounded once.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let (m, n) = (type.shape[-2], type.shape[-1])
        let k = inputs[0].shape[transposesLeft ? -2 : -1]
        let (rowA, columnA) = transposesLeft ? (1, m) : (k, 1)
        let (rowB, columnB) = transposesRight ? (1, k) : (n, 1)
        func multiply<T: Numeric>(_ x: [T], _ y: [T], _ add: (T, T) -> T, _ times: (T, T) -> T) -> [T] {
            var result: [T] = []
            result.reserveCapacity(type.shape.count)
            for batch in 0..<type.shape.dimensions.dropLast(2).reduce(1, *) {
                for i in 0..<m {
                    for j in 0..<n {
                        var sum: T = 0
                        for p in 0..<k {
                            sum = add(sum, times(x[batch * m * k + i * rowA + p * columnA], y[batch * k * n + p * rowB + j * columnB]))
                        }
                        result.append(sum)
                    }
                }
            }
            return result
        }
        return type.dtype.isFloatingPoint
            ? HostArray(multiply(inputs[0].doubles, inputs[1].doubles, +, *), as: type)
            : HostArray(multiply(inputs[0].integers, inputs[1].integers, &+, &*), as: type)
    }

    /// `dot_general`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let batch = type.shape.rank - 2
        let (left, right) = (transposesLeft ? batch : batch + 1, transposesRight ? batch + 1 : batch)
        let batches = batch == 0 ? "" : "lhs_batching_dimensions = \(Array(0..<batch)), rhs_batching_dimensions = \(Array(0..<batch)), "
        return text.emit(
            "dot_general", inputs, as: type,
            """
            dot_dimension_numbers = #stablehlo.dot<\(batches)lhs_contracting_dimensions = [\(left)], \
            rhs_contracting_dimensions = [\(right)]>
            """, text.precision)
    }
}

/// Matrix product as in NumPy's `matmul`: `[…, M, K] × […, K, N] → […, M, N]`, batch axes broadcast; a vector on the left is a row, on the
/// right a column, and the axis added for it is taken away again. `transposingRight` takes the right matrices as `[…, N, K]`.
public func matmul(
    _ a: Tensor, _ b: Tensor, transposingLeft: Bool = false, transposingRight: Bool = false, file: StaticString = #fileID,
    line: UInt = #line
) -> Tensor {
    let location = SourceLocation(file: file, line: line)
    guard a.rank > 0, b.rank > 0 else {
        return .failed(
            ShapeError("matmul", "left is \(a.type), right is \(b.type): a scalar is no matrix", hint: "use * to scale"), [a, b],
            at: location)
    }
    let product = MatrixMultiply(
        transposingLeft: transposingLeft && a.rank > 1, transposingRight: transposingRight && b.rank > 1)
    if a.rank == 2, b.rank == 2 {
        let (x, y) = (a.shape.dimensions, b.shape.dimensions)
        let (m, k) = transposingLeft ? (x[1], x[0]) : (x[0], x[1])
        let (k2, n) = transposingRight ? (y[1], y[0]) : (y[0], y[1])
        guard k == k2, a.dtype == b.dtype, a.dtype.isArithmetic else { return .apply(product, [a, b], at: location) }
        return .apply(product, a, b, unchecked: TensorType(a.dtype, Shape([m, n])))
    }
    let left = a.rank == 1 ? a.unsqueezed(axis: 0) : a
    let right = b.rank == 1 ? b.unsqueezed(axis: 1) : b
    var result: Tensor
    if right.rank == 2, !product.transposesLeft {
        // One matrix for the whole batch: its rows are one tall matrix.
        let rows = left.reshaped(to: Shape([left.shape.dimensions.dropLast().reduce(1, *), left.shape[-1]]))
        let tall = Tensor.apply(product, [rows, right], at: location)
        result = tall.reshaped(to: Shape(left.shape.dimensions.dropLast() + [tall.shape[-1]]))
    } else {
        let batches = (Shape(Array(left.shape.dimensions.dropLast(2))), Shape(Array(right.shape.dimensions.dropLast(2))))
        guard let batch = batches.0.broadcast(with: batches.1) else {
            return .failed(
                ShapeError("matmul", "left is \(a.type), right is \(b.type): batch axes cannot be broadcast together"), [a, b], at: location
            )
        }
        func spread(_ t: Tensor) -> Tensor { t.broadcast(to: Shape(batch.dimensions + t.shape.dimensions.suffix(2))) }
        result = .apply(product, [spread(left), spread(right)], at: location)
    }
    if a.rank == 1 { result = result.squeezed(axis: -2) }
    if b.rank == 1 { result = result.squeezed(axis: -1) }
    return result
}
