import HillockCore

/// Images made larger without learned parameters.
///
/// Shapes: `[N, C, H, W] → [N, C, H·factor, W·factor]`.
public struct Upsample: Layer {
    /// How many times larger the image becomes, height and width.
    public let factor: (Int, Int)
    /// How values between pixels are found.
    public let mode: InterpolationMode
    private let scope = LayerScope()

    /// A layer that makes images `factor` times larger.
    public init(factor: any SpatialExtents, mode: InterpolationMode = .nearest) {
        self.factor = factor.pair("factor", of: "upsample")
        self.mode = mode
    }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) {
            guard x.rank == 4 else {
                return .failed(ShapeError("upsample", "input is \(x.type), expected 4 axes: [N, C, H, W]"), [x])
            }
            return upsample2d(x, to: (x.shape[2] * factor.0, x.shape[3] * factor.1), mode: mode)
        }
    }
}
