import HillockCore

/// The mean of each window.
///
/// Shapes: `[N, C, H, W] → [N, C, H′, W′]` with `H′ = (H + 2·padding − kH) / stride + 1`, rounded down.
public struct AvgPool2d: Layer {
    /// Extents of the window, height and width.
    public let kernel: (Int, Int)
    /// Distance between windows, height and width.
    public let stride: (Int, Int)
    /// Cells on both sides, height and width.
    public let padding: (Int, Int)
    /// Whether padding counts as zeros in the mean, PyTorch's `count_include_pad`.
    public let countsPadding: Bool
    private let scope = LayerScope()

    /// A pooling with windows of this size; the stride is the window's size unless given.
    public init(
        kernel: any SpatialExtents, stride: (any SpatialExtents)? = nil, padding: any SpatialExtents = 0, countsPadding: Bool = true
    ) {
        self.kernel = kernel.pair("kernel", of: "avgpool2d")
        self.stride = (stride ?? kernel).pair("stride", of: "avgpool2d")
        self.padding = padding.pair("padding", of: "avgpool2d")
        self.countsPadding = countsPadding
    }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) { avgPool2d(x, kernel: kernel, stride: stride, padding: padding, countsPadding: countsPadding) }
    }
}
