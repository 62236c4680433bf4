import HillockCore

/// Blocks of channels laid out in space: how sub-pixel convolution makes images larger (Shi et al. 2016).
///
/// Shapes: `[N, C·r², H, W] → [N, C, H·r, W·r]`.
public struct PixelShuffle: Layer {
    /// How many times larger the image becomes along each axis, r.
    public let factor: Int
    private let scope = LayerScope()

    /// A layer that makes images `factor` times larger.
    public init(_ factor: Int) { self.factor = factor }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor { scope.enter(self, x) { pixelShuffle(x, factor: factor) } }
}
