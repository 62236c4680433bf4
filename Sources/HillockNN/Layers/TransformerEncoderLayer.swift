import HillockCore

/// One block of a Transformer (Vaswani et al. 2017, section 3.1): self-attention, then two dense layers applied to every position, each added
/// to what goes in and normalised.
///
/// - after the sum (the paper's way): `x = norm1(x + attention(x))`, `x = norm2(x + feedForward(x))`
/// - before, with `normalizesFirst` (Xiong et al. 2020): `x = x + attention(norm1(x))`, `x = x + feedForward(norm2(x))`
///
/// With `isCausal` it is the block of a GPT. Shapes: `[batch, length, width]`, unchanged; as PyTorch's `TransformerEncoderLayer` with
/// `batch_first=True`, and with its checkpoint names: `self_attn.…`, `linear1.…`, `linear2.…`, `norm1.…`, `norm2.…`.
public struct TransformerEncoderLayer: Layer {
    /// The attention.
    public let selfAttn: MultiHeadAttention
    /// From the width to the width in between.
    public let linear1: Linear
    /// And back.
    public let linear2: Linear
    /// Normalisation at the attention.
    public let norm1: LayerNorm
    /// Normalisation at the dense layers.
    public let norm2: LayerNorm
    /// Between the dense layers.
    public let activation: any Layer
    /// Of what attention and dense layers add, and between these.
    public let dropout: Dropout
    /// Whether normalisation comes before attention and dense layers, not after the sums.
    public let normalizesFirst: Bool
    private let scope = LayerScope()

    /// A block for vectors of `width` elements.
    ///
    /// - Parameters:
    ///   - width: Length of the vectors, a multiple of `heads`.
    ///   - heads: Number of heads of the attention.
    ///   - feedForward: Width between the dense layers.
    ///   - activation: Function between the dense layers.
    ///   - dropout: Rate of dropping, also of attention probabilities.
    ///   - normalizesFirst: Whether normalisation comes before attention and dense layers, not after the sums.
    ///   - isCausal: Whether each position sees only itself and those before it.
    ///   - epsilon: Added to the variance by the normalisations.
    ///   - bias: Whether dense layers and normalisations add biases.
    ///   - dtype: `f32` or `f64`.
    public init(
        _ width: Int, heads: Int, feedForward: Int = 2048, activation: any Layer = ReLU(), dropout: Double = 0.1,
        normalizesFirst: Bool = false, isCausal: Bool = false, epsilon: Double = 1e-5, bias: Bool = true, dtype: DType = .float32
    ) {
        selfAttn = MultiHeadAttention(width, heads: heads, isCausal: isCausal, dropout: dropout, bias: bias, dtype: dtype)
        linear1 = Linear(width, feedForward, bias: bias, dtype: dtype)
        linear2 = Linear(feedForward, width, bias: bias, dtype: dtype)
        norm1 = LayerNorm(width, epsilon: epsilon, bias: bias, dtype: dtype)
        norm2 = LayerNorm(width, epsilon: epsilon, bias: bias, dtype: dtype)
        self.activation = activation
        self.dropout = Dropout(dropout)
        self.normalizesFirst = normalizesFirst
    }

    /// Applies the block.
    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, mask: nil) }

    /// Applies the block; `mask` as ``scaledDotProductAttention(_:_:_:mask:isCausal:scale:dropout:file:line:)`` takes it.
    public func callAsFunction(_ x: Tensor, mask: Tensor?) -> Tensor {
        scope.enter(self, x) {
            if normalizesFirst {
                let y = x + dropout(selfAttn(norm1(x), mask: mask))
                return y + feedForward(norm2(y))
            }
            let y = norm1(x + dropout(selfAttn(x, mask: mask)))
            return norm2(y + feedForward(y))
        }
    }

    private func feedForward(_ x: Tensor) -> Tensor { dropout(linear2(dropout(activation(linear1(x))))) }
}
