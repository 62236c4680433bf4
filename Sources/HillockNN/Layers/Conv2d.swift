import HillockCore

/// A two-dimensional convolution (cross-correlation, as networks mean it) with a learned kernel.
///
/// Shapes: `[N, in, H, W] → [N, out, H′, W′]` with `H′ = (H + 2·padding − dilation·(kH − 1) − 1) / stride + 1`, rounded down.
/// Checkpoint names: `weight` `[out, in / groups, kH, kW]`, `bias` `[out]`.
public struct Conv2d: Layer {
    /// `[out, in / groups, kH, kW]`
    public let weight: Parameter
    /// `[out]`
    public let bias: Parameter?
    /// Distance between windows, height and width.
    public let stride: (Int, Int)
    /// Zeros on both sides, height and width.
    public let padding: (Int, Int)
    /// Distance between the kernel's taps, height and width; 1 is dense.
    public let dilation: (Int, Int)
    /// Input and output channels fall into this many groups that do not see each other.
    public let groups: Int
    private let scope = LayerScope()

    /// A convolution from `inputs` to `outputs` channels.
    ///
    /// - Parameters:
    ///   - inputs: Channels of the input; a multiple of `groups`.
    ///   - outputs: Channels of the output; a multiple of `groups`.
    ///   - kernel: Extents of the kernel: `3`, or `[height, width]`.
    ///   - stride: Distance between windows.
    ///   - padding: Zeros on both sides of each spatial axis.
    ///   - dilation: Distance between the kernel's taps.
    ///   - groups: Groups of channels; `inputs` of them make the convolution depthwise.
    ///   - bias: Whether a bias is added to each output channel.
    ///   - weightInitializer: How the kernel begins; uniform in ±1/√(in / groups · kH · kW) unless given, as PyTorch's.
    ///   - biasInitializer: How the bias begins; the same bounds unless given.
    ///   - dtype: `f32` or `f64`.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: any SpatialExtents, stride: any SpatialExtents = 1, padding: any SpatialExtents = 0,
        dilation: any SpatialExtents = 1, groups: Int = 1, bias: Bool = true,
        weightInitializer: Initializer = .kaimingUniform(.leakyReLU(slope: 5.0.squareRoot())), biasInitializer: Initializer? = nil,
        dtype: DType = .float32
    ) {
        if groups < 1 || inputs % groups != 0 || outputs % groups != 0 {
            misuse(ShapeError("conv2d", "\(groups) groups do not divide \(inputs) input and \(outputs) output channels"))
        }
        let (height, width) = kernel.pair("kernel", of: "conv2d")
        let perGroup = inputs / Swift.max(groups, 1)
        weight = Parameter(weightInitializer([outputs, perGroup, height, width], dtype: dtype))
        self.bias = bias ? Parameter((biasInitializer ?? .bias(fanIn: perGroup * height * width))([outputs], dtype: dtype)) : nil
        self.stride = stride.pair("stride", of: "conv2d")
        self.padding = padding.pair("padding", of: "conv2d")
        self.dilation = dilation.pair("dilation", of: "conv2d")
        self.groups = groups
    }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) {
            conv2d(x, weight.value, bias: bias?.value, stride: stride, padding: padding, dilation: dilation, groups: groups)
        }
    }
}
