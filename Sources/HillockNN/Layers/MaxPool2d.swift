import HillockCore

/// The greatest element of each window.
///
/// Shapes: `[N, C, H, W] → [N, C, H′, W′]` with `H′ = (H + 2·padding − dilation·(kH − 1) − 1) / stride + 1`, rounded down.
public struct MaxPool2d: Layer {
    /// Extents of the window, height and width.
    public let kernel: (Int, Int)
    /// Distance between windows, height and width.
    public let stride: (Int, Int)
    /// Cells on both sides that never win, height and width.
    public let padding: (Int, Int)
    /// Distance between the window's cells, height and width; 1 is dense.
    public let dilation: (Int, Int)
    private let scope = LayerScope()

    /// A pooling with windows of this size; the stride is the window's size unless given.
    public init(
        kernel: any SpatialExtents, stride: (any SpatialExtents)? = nil, padding: any SpatialExtents = 0, dilation: any SpatialExtents = 1
    ) {
        self.kernel = kernel.pair("kernel", of: "maxpool2d")
        self.stride = (stride ?? kernel).pair("stride", of: "maxpool2d")
        self.padding = padding.pair("padding", of: "maxpool2d")
        self.dilation = dilation.pair("dilation", of: "maxpool2d")
    }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) { maxPool2d(x, kernel: kernel, stride: stride, padding: padding, dilation: dilation) }
    }
}
