import HillockCore

/// Attention in several heads side by side, with learned projections before and after (Vaswani et al. 2017, section 3.2.2).
///
/// Shapes: `[batch, length, width]`, unchanged; as PyTorch's `MultiheadAttention` with `batch_first=True`. Checkpoint names:
/// `in_proj_weight` `[3 · width, width]` and `in_proj_bias` `[3 · width]`, for queries, keys and values in this order; `out_proj.weight`
/// `[width, width]`, `out_proj.bias` `[width]`.
public struct MultiHeadAttention: Layer {
    /// `[3 · width, width]`: makes queries, keys and values.
    public let inProjWeight: Parameter
    /// `[3 · width]`
    public let inProjBias: Parameter?
    /// Mixes the heads.
    public let outProj: Linear
    /// Number of heads.
    public let heads: Int
    /// Whether each position sees only itself and those before it.
    public let isCausal: Bool
    /// In training, the probability of each attention probability to be zeroed.
    public let dropout: Double
    private let scope = LayerScope()

    /// Attention over vectors of `width` elements.
    ///
    /// Begins as PyTorch's: the input projection uniform by Glorot and Bengio's rule, the output projection as ``Linear``, biases 0.
    ///
    /// - Parameters:
    ///   - width: Length of the vectors, a multiple of `heads`.
    ///   - heads: Number of heads, each with `width / heads` elements.
    ///   - isCausal: Whether each position sees only itself and those before it.
    ///   - dropout: In training, the probability of each attention probability to be zeroed.
    ///   - bias: Whether the projections add biases.
    ///   - dtype: `f32` or `f64`.
    public init(
        _ width: Int, heads: Int, isCausal: Bool = false, dropout: Double = 0, bias: Bool = true, dtype: DType = .float32
    ) {
        if heads < 1 || width < 1 || width % heads != 0 {
            misuse(ShapeError("multiHeadAttention", "width \(width) cannot be divided into \(heads) heads"))
        }
        if !(dropout >= 0 && dropout < 1) {
            misuse(ShapeError("multiHeadAttention", "dropout is \(dropout), expected 0 or more and less than 1"))
        }
        inProjWeight = Parameter(Initializer.xavierUniform()([3 * width, width], dtype: dtype))
        inProjBias = bias ? Parameter(.zeros([3 * width], dtype: dtype)) : nil
        outProj = Linear(width, width, bias: bias, biasInitializer: .zeros, dtype: dtype)
        self.heads = heads
        self.isCausal = isCausal
        self.dropout = dropout
    }

    /// Attention of the positions of `x` with each other.
    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, mask: nil) }

    /// Attention of the positions of `x` with each other; `mask` as ``scaledDotProductAttention(_:_:_:mask:isCausal:scale:dropout:file:line:)``
    /// takes it, of a shape that broadcasts to `[batch, heads, length, length]`.
    public func callAsFunction(_ x: Tensor, mask: Tensor?) -> Tensor {
        scope.enter(self, x) {
            guard fits(x, "input") else { return x }
            let projected = project(x, parts: 0..<3)
            if TrainingMode.isActive && dropout > 0 || headDivision != nil {
                let parts = projected.split(into: 3, axis: 2).map(split)
                return attend(parts[0], parts[1], parts[2], mask)
            }
            let attention = SelfAttention(heads: heads, isCausal: isCausal)
            return outProj(Tensor.composite(attention, [projected] + (mask.map { [$0] } ?? []))[0])
        }
    }

    /// Attention of queries `[batch, length, width]` with other positions: keys and values `[batch, otherLength, width]`. With `isCausal` query i
    /// sees keys 0 … i.
    public func callAsFunction(_ queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor? = nil) -> Tensor {
        scope.enter(self, queries) {
            guard fits(queries, "queries"), fits(keys, "keys"), fits(values, "values") else { return queries }
            return attend(
                split(project(queries, parts: 0..<1)), split(project(keys, parts: 1..<2)), split(project(values, parts: 2..<3)), mask)
        }
    }

    /// Along which axis of which mesh heads are divided: the one that divides the projection's rows, so that each device computes some heads.
    private var headDivision: (axis: String, mesh: Mesh)? {
        guard let mesh = Device.current.mesh, let names = inProjWeight.sharding?.axes.first, names.count == 1,
            let parts = mesh.size(of: names[0]),
            // Along the samples' axis the projection is kept divided, not computed so.
            names[0] != "data", parts > 1, heads % parts == 0
        else { return nil }
        return (names[0], mesh)
    }

    private func attend(_ q: Tensor, _ k: Tensor, _ v: Tensor, _ mask: Tensor?) -> Tensor {
        let rate = TrainingMode.isActive ? dropout : 0
        let division = headDivision
        let (q, k, v) = (divided(q, division), divided(k, division), divided(v, division))
        let o = scaledDotProductAttention(q, k, v, mask: mask, isCausal: isCausal, dropout: rate).transposed([0, 2, 1, 3])
        return outProj(o.reshaped(to: [o.shape[0], o.shape[1], o.shape[2] * o.shape[3]]))
    }

    /// The rows of the input projection that make these of queries, keys and values, applied.
    private func project(_ x: Tensor, parts: Range<Int>) -> Tensor {
        let width = inProjWeight.shape[1]
        func rows(_ tensor: Tensor) -> Tensor {
            parts.count == 3 ? tensor : tensor[parts.lowerBound * width..<parts.upperBound * width]
        }
        return linear(x, rows(inProjWeight.value), bias: inProjBias.map { rows($0.value) })
    }

    /// `[batch, length, width]` as `[batch, heads, length, width / heads]`.
    private func split(_ x: Tensor) -> Tensor {
        x.reshaped(to: [x.shape[0], x.shape[1], heads, x.shape[2] / heads]).transposed([0, 2, 1, 3])
    }

    private func divided(_ x: Tensor, _ division: (axis: String, mesh: Mesh)?) -> Tensor {
        division.map { x.sharded(axis: 1, by: $0.axis, on: $0.mesh) } ?? x
    }

    private func fits(_ x: Tensor, _ name: String) -> Bool {
        let width = inProjWeight.shape[1]
        if x.rank == 3, x.shape[2] == width { return true }
        misuse(ShapeError("multiHeadAttention", "\(name) \(x.shape), expected [batch, length, \(width)]"))
        return false
    }
}
