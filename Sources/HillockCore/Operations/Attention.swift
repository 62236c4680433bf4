/// Scaled dot-product attention: softmax(scale · Q·Kᵀ + mask)·V over the keys (Vaswani et al. 2017, equation 1), as PyTorch's
/// `scaled_dot_product_attention`.
///
/// A query that may see no key gives zeros.
///
/// - Parameters:
///   - q: queries, `[B, H, Tq, D]`.
///   - k: keys, `[B, H, Tk, D]`.
///   - v: values, `[B, H, Tk, E]`.
///   - mask: of a shape that broadcasts to `[B, H, Tq, Tk]`: `bool`, where keys that are false are not seen, or of the queries' dtype, added to
///     the scores.
///   - isCausal: query i sees keys 0 … i only.
///   - scale: factor of the scores; 1/√D unless given.
///   - dropout: probability of each softmax probability to be zeroed, the others being divided by 1 − dropout; 0 unless given.
/// - Returns: `[B, H, Tq, E]`.
public func scaledDotProductAttention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, mask: Tensor? = nil, isCausal: Bool = false, scale: Double? = nil, dropout rate: Double = 0,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let width = q.rank > 0 ? q.shape[-1] : 1
    let attention = ScaledDotProductAttention(isCausal: isCausal, scale: scale ?? 1 / Double(Swift.max(width, 1)).squareRoot())
    let inputs = [q, k, v] + (mask.map { [$0] } ?? [])
    let o = Tensor.composite(attention, inputs, at: SourceLocation(file: file, line: line))[0]
    // Calls that are wrong have stopped; those that are being validated have no probabilities to draw for.
    guard rate != 0, (try? attention.outputTypes(for: inputs.map(\.type))) != nil else { return o }
    let (powers, sum) = attention.powers(q, k, mask: mask)
    return matmul(HillockCore.dropout(powers / sum, rate: rate, file: file, line: line), v)
}

/// ``scaledDotProductAttention(_:_:_:mask:isCausal:scale:dropout:file:line:)`` as one node. Inputs: q, k, v, and the mask if there is one.
public struct ScaledDotProductAttention: Composite {
    /// `scaledDotProductAttention`
    public static let name = "scaledDotProductAttention"
    /// Query i sees keys 0 … i only.
    public let isCausal: Bool
    /// Factor of the scores.
    public let scale: Double

    /// `[B, H, Tq, D], [B, H, Tk, D], [B, H, Tk, E] → [B, H, Tq, E]`
    public func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let (q, k, v) = (inputs[0], inputs[1], inputs[2])
        guard q.dtype == .float32 || q.dtype == .float64 else { throw ShapeError(Self.name, "queries are \(q), expected f32 or f64") }
        for (name, type) in [("queries", q), ("keys", k), ("values", v)] {
            guard type.shape.rank == 4 else { throw ShapeError(Self.name, "\(name) are \(type), expected [batch, heads, length, width]") }
            guard type.dtype == q.dtype, type.shape.dimensions.prefix(2) == q.shape.dimensions.prefix(2) else {
                throw ShapeError(Self.name, "queries are \(q), \(name) are \(type): dtype, batch and heads must be the same")
            }
        }
        guard k.shape[3] == q.shape[3] else {
            throw ShapeError(Self.name, "queries \(q.shape) have width \(q.shape[3]), keys \(k.shape) have \(k.shape[3])")
        }
        guard v.shape[2] == k.shape[2] else { throw ShapeError(Self.name, "there are \(k.shape[2]) keys, but \(v.shape[2]) values") }
        let scores = Shape([q.shape[0], q.shape[1], q.shape[2], k.shape[2]])
        if inputs.count > 3 { try Self.check(mask: inputs[3], scores: scores, dtype: q.dtype) }
        return [TensorType(q.dtype, Shape(q.shape.dimensions.prefix(3) + [v.shape[3]]))]
    }

    static func check(mask: TensorType, scores: Shape, dtype: DType) throws(ShapeError) {
        guard mask.dtype == .bool || mask.dtype == dtype else {
            throw ShapeError(name, "mask is \(mask), expected bool (false hides a key) or \(dtype) (added to the scores)")
        }
        guard mask.shape.broadcast(with: scores) == scores else {
            throw ShapeError(name, "mask \(mask.shape) does not broadcast to the scores \(scores): [batch, heads, queries, keys]")
        }
    }

    /// The softmax without its division, which comes after the product with the values and spares queries that see nothing.
    public func body(_ inputs: [Tensor]) -> [Tensor] {
        let (powers, sum) = powers(inputs[0], inputs[1], mask: inputs.count > 3 ? inputs[3] : nil)
        return [matmul(powers, inputs[2]) / sum]
    }

    /// e^(score − largest score) for every query and key, 0 for keys that are not seen, and what to divide by for the probabilities.
    func powers(_ q: Tensor, _ k: Tensor, mask: Tensor?) -> (powers: Tensor, sum: Tensor) {
        var scores = matmul(q, k, transposingRight: true) * scale
        let nothing = Tensor(-Double.infinity, dtype: q.dtype)
        if let mask { scores = mask.dtype == .bool ? `where`(mask, scores, nothing) : scores + mask }
        if isCausal {
            let queries = Tensor.arange(to: Double(q.shape[2]), dtype: .int32).unsqueezed(axis: 1)
            scores = `where`(Tensor.arange(to: Double(k.shape[2]), dtype: .int32) .<= queries, scores, nothing)
        }
        guard scores.count > 0 else { return (scores, Tensor.ones(Shape(scores.shape.dimensions.dropLast() + [1]), dtype: q.dtype)) }
        let most = scores.max(axes: 3, keepingAxes: true).stoppingGradient()
        let powers = exp(scores - `where`(most .== nothing, Tensor.zerosLike(most), most))
        let sum = powers.sum(axes: 3, keepingAxes: true)
        return (powers, `where`(sum .== 0, Tensor.onesLike(sum), sum))
    }
}

/// Attention of a sequence with itself, where one product has made queries, keys and values: they lie beside each other, `[B, T, 3·H·D]`, and
/// are read, and their gradients written, in place. Inputs: that tensor, and the mask if there is one. Result: `[B, T, H·D]`.
package struct SelfAttention: Composite {
    /// `selfAttention`
    package static let name = "selfAttention"
    /// Number of heads.
    package let heads: Int
    /// Query i sees keys 0 … i only.
    package let isCausal: Bool

    /// Attention with this many heads.
    package init(heads: Int, isCausal: Bool) {
        self.heads = heads
        self.isCausal = isCausal
    }

    /// Columns of one head.
    package func width(of type: TensorType) -> Int { type.shape[2] / (3 * Swift.max(heads, 1)) }

    /// The attention of the parts.
    package func attention(of type: TensorType) -> ScaledDotProductAttention {
        ScaledDotProductAttention(isCausal: isCausal, scale: 1 / Double(Swift.max(width(of: type), 1)).squareRoot())
    }

    /// `[B, T, 3·H·D] → [B, T, H·D]`
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let type = inputs[0]
        guard type.shape.rank == 3, type.dtype == .float32 || type.dtype == .float64, heads > 0, type.shape[2] % (3 * heads) == 0 else {
            throw ShapeError(Self.name, "input is \(type), expected f32 or f64 [batch, length, 3 · \(heads) · width]")
        }
        if inputs.count > 1 {
            let scores = Shape([type.shape[0], heads, type.shape[1], type.shape[1]])
            try ScaledDotProductAttention.check(mask: inputs[1], scores: scores, dtype: type.dtype)
        }
        return [TensorType(type.dtype, [type.shape[0], type.shape[1], type.shape[2] / 3])]
    }

    /// Queries, keys and values cut apart, and the heads of the result put beside each other.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        let x = inputs[0]
        let (batch, length, width) = (x.shape[0], x.shape[1], width(of: x.type))
        let parts = x.reshaped(to: [batch, length, 3, heads, width]).transposed([2, 0, 3, 1, 4])
        let o = Tensor.composite(attention(of: x.type), [parts[0], parts[1], parts[2]] + inputs.dropFirst())[0]
        return [o.transposed([0, 2, 1, 3]).reshaped(to: [batch, length, heads * width])]
    }
}
