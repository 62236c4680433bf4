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
        scope.enter(self, x) {
            let weight = weight.value
            let (outputs, inputs) = (weight.shape[0], weight.shape[1])
            guard x.rank > 0, x.shape[-1] == inputs else {
                let features = x.rank == 0 ? "no" : "\(x.shape[-1])"
                return .failed(
                    ShapeError("linear", "input \(x.shape) has \(features) features, weight \(weight.shape) wants \(inputs)"),
                    [weight], guess: TensorType(x.dtype, Shape(x.shape.dimensions.dropLast() + [outputs])))
            }
            // As one tall matrix, to which the bias is added on the product's way out.
            let rows = x.rank > 2 ? x.reshaped(to: [x.shape.dimensions.dropLast().reduce(1, *), inputs]) : x
            let product = matmul(rows, weight, transposingRight: true)
            let y = bias.map { product + $0.value } ?? product
            return x.rank > 2 ? y.reshaped(to: Shape(x.shape.dimensions.dropLast() + [outputs])) : y
        }
    }
}
