import HillockCore

/// Group normalisation (Wu and He 2018): `(x − mean) / √(variance + ε) · weight + bias`, with mean and variance of each image over groups of
/// neighbouring channels.
///
/// Shapes: `[N, C, …]`, unchanged. Checkpoint names: `weight`, `bias` `[C]`.
public struct GroupNorm: Layer {
    /// Scale, `[C]`.
    public let weight: Parameter?
    /// Shift, `[C]`.
    public let bias: Parameter?
    /// Groups of channels.
    public let groups: Int
    /// Channels, C.
    public let channels: Int
    /// Added to the variance.
    public let epsilon: Double
    private let scope = LayerScope()

    /// A normalisation of `channels` channels in `groups` groups; scale 1, shift 0.
    public init(groups: Int, _ channels: Int, epsilon: Double = 1e-5, affine: Bool = true, dtype: DType = .float32) {
        if groups < 1 || channels % groups != 0 { misuse(ShapeError("groupNorm", "\(groups) groups do not divide \(channels) channels")) }
        self.groups = groups
        self.channels = channels
        self.epsilon = epsilon
        weight = affine ? Parameter(.ones([channels], dtype: dtype)) : nil
        bias = affine ? Parameter(.zeros([channels], dtype: dtype)) : nil
    }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) {
            guard x.rank >= 2, x.shape[1] == channels else {
                return .failed(ShapeError("groupNorm", "input is \(x.shape), expected [N, \(channels), …]"), [x])
            }
            return groupNorm(x, groups: groups, scale: weight?.value, bias: bias?.value, epsilon: epsilon)
        }
    }
}
