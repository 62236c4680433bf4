import HillockCore

/// Instance normalisation (Ulyanov, Vedaldi, Lempitsky 2016): `(x − mean) / √(variance + ε) · weight + bias`, with mean and variance of each
/// channel of each image by itself, in training and elsewhere.
///
/// Without weight and bias unless `affine`, as PyTorch's. Shapes: `[N, C, H, W]`, unchanged. Checkpoint names: `weight`, `bias` `[C]`.
public struct InstanceNorm2d: Layer {
    /// Scale, `[C]`.
    public let weight: Parameter?
    /// Shift, `[C]`.
    public let bias: Parameter?
    /// Channels, C.
    public let channels: Int
    /// Added to the variance.
    public let epsilon: Double
    private let scope = LayerScope()

    /// A normalisation of this many channels; scale 1, shift 0.
    public init(_ channels: Int, epsilon: Double = 1e-5, affine: Bool = false, dtype: DType = .float32) {
        self.channels = channels
        self.epsilon = epsilon
        weight = affine ? Parameter(.ones([channels], dtype: dtype)) : nil
        bias = affine ? Parameter(.zeros([channels], dtype: dtype)) : nil
    }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) {
            guard x.rank == 4 else {
                return .failed(ShapeError("instanceNorm2d", "input is \(x.type), expected 4 axes: [N, C, H, W]"), [x])
            }
            guard x.shape[1] == channels else {
                return .failed(ShapeError("instanceNorm2d", "input \(x.shape) has \(x.shape[1]) channels, the layer has \(channels)"), [x])
            }
            return instanceNorm(x, scale: weight?.value, bias: bias?.value, epsilon: epsilon)
        }
    }
}
