import HillockCore

/// A two-dimensional transposed convolution with a learned kernel (Zeiler et al. 2010): what a convolution does to its input's gradient.
///
/// Shapes: `[N, in, H, W] → [N, out, H′, W′]` with `H′ = (H − 1)·stride − 2·padding + dilation·(kH − 1) + outputPadding + 1`.
/// Checkpoint names: `weight` `[in, out / groups, kH, kW]`, `bias` `[out]`.
public struct ConvTranspose2d: Layer {
    /// `[in, out / groups, kH, kW]`
    public let weight: Parameter
    /// `[out]`
    public let bias: Parameter?
    /// Distance between the windows in the output, height and width.
    public let stride: (Int, Int)
    /// Rows and columns cropped on both sides of the output.
    public let padding: (Int, Int)
    /// Rows and columns more at the end of the output.
    public let outputPadding: (Int, Int)
    /// Distance between the kernel's taps, height and width; 1 is dense.
    public let dilation: (Int, Int)
    /// Input and output channels fall into this many groups that do not see each other.
    public let groups: Int
    private let scope = LayerScope()

    /// A transposed convolution from `inputs` to `outputs` channels.
    ///
    /// - Parameters:
    ///   - inputs: Channels of the input; a multiple of `groups`.
    ///   - outputs: Channels of the output; a multiple of `groups`.
    ///   - kernel: Extents of the kernel: `3`, or `[height, width]`.
    ///   - stride: Distance between the windows in the output.
    ///   - padding: Rows and columns cropped on both sides of the output.
    ///   - outputPadding: Rows and columns more at the end of the output; less than stride or dilation.
    ///   - dilation: Distance between the kernel's taps.
    ///   - groups: Groups of channels.
    ///   - bias: Whether a bias is added to each output channel.
    ///   - weightInitializer: How the kernel begins; uniform in ±1/√(out / groups · kH · kW) unless given, as PyTorch's.
    ///   - biasInitializer: How the bias begins; the same bounds unless given.
    ///   - dtype: `f32` or `f64`.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: any SpatialExtents, stride: any SpatialExtents = 1, padding: any SpatialExtents = 0,
        outputPadding: any SpatialExtents = 0, dilation: any SpatialExtents = 1, groups: Int = 1, bias: Bool = true,
        weightInitializer: Initializer = .kaimingUniform(.leakyReLU(slope: 5.0.squareRoot())), biasInitializer: Initializer? = nil,
        dtype: DType = .float32
    ) {
        if groups < 1 || inputs % groups != 0 || outputs % groups != 0 {
            misuse(ShapeError("convTranspose2d", "\(groups) groups do not divide \(inputs) input and \(outputs) output channels"))
        }
        let (height, width) = kernel.pair("kernel", of: "convTranspose2d")
        let perGroup = outputs / Swift.max(groups, 1)
        weight = Parameter(weightInitializer([inputs, perGroup, height, width], dtype: dtype))
        self.bias = bias ? Parameter((biasInitializer ?? .bias(fanIn: perGroup * height * width))([outputs], dtype: dtype)) : nil
        self.stride = stride.pair("stride", of: "convTranspose2d")
        self.padding = padding.pair("padding", of: "convTranspose2d")
        self.outputPadding = outputPadding.pair("output padding", of: "convTranspose2d")
        self.dilation = dilation.pair("dilation", of: "convTranspose2d")
        self.groups = groups
    }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) {
            convTranspose2d(
                x, weight.value, bias: bias?.value, stride: stride, padding: padding, outputPadding: outputPadding, dilation: dilation,
                groups: groups)
        }
    }
}
