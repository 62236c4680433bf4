import HillockCore

/// A dense (fully connected, affine) layer: y = x·Wᵀ + b, along the last axis.
///
/// Shapes: `[…, in] → […, out]`. Checkpoint names: `weight` `[out, in]`, `bias` `[out]`.
public struct Linear: Layer {
    /// `[out, in]`
    public let weight: Parameter
    /// `[out]`
    public let bias: Parameter?
    private let scope = LayerScope()

    /// A layer from `inputs` to `outputs` features.
    ///
    /// - Parameters:
    ///   - inputs: Extent of the input's last axis.
    ///   - outputs: Extent of the output's last axis.
    ///   - bias: Whether a bias is added.
    ///   - weightInitializer: How the weight begins; uniform in ±1/√in unless given, as PyTorch's.
    ///   - biasInitializer: How the bias begins; uniform in ±1/√in unless given, as PyTorch's.
    ///   - dtype: `f32` or `f64`.
    public init(
        _ inputs: Int, _ outputs: Int, bias: Bool = true,
        weightInitializer: Initializer = .kaimingUniform(.leakyReLU(slope: 5.0.squareRoot())), biasInitializer: Initializer? = nil,
        dtype: DType = .float32
    ) {
        weight = Parameter(weightInitializer([outputs, inputs], dtype: dtype))
        self.bias = bias ? Parameter((biasInitializer ?? .bias(fanIn: inputs))([outputs], dtype: dtype)) : nil
    }

    /// Applies the layer to the last axis.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) { linear(x, weight.value, bias: bias?.value) }
    }
}
