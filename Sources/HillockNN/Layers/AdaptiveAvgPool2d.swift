import HillockCore

/// The means of a fixed number of windows that cover the image, whatever its size: `AdaptiveAvgPool2d(1)` is the global average.
///
/// Shapes: `[N, C, H, W] → [N, C, H′, W′]`.
public struct AdaptiveAvgPool2d: Layer {
    /// Extents of the output, height and width.
    public let size: (Int, Int)
    private let scope = LayerScope()

    /// A pooling to this size: `1`, or `[height, width]`.
    public init(_ size: any SpatialExtents) { self.size = size.pair("size", of: "adaptiveAvgPool2d") }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor { scope.enter(self, x) { adaptiveAvgPool2d(x, to: size) } }
}
