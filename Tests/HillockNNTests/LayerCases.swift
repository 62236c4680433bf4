import HillockCore
import HillockNN
import Testing

/// A layer and where its reference values are: what all tests of layers loop over.
struct LayerCase: Sendable, CustomTestStringConvertible {
    let name: String
    let isTraining: Bool
    let make: @Sendable () -> any Layer
    /// The dtype of the parameters that `make` makes.
    @TaskLocal static var dtype = DType.float64
    var testDescription: String { name }

    init(_ name: String, training: Bool = false, _ make: @autoclosure @escaping @Sendable () -> any Layer) {
        self.name = name
        isTraining = training
        self.make = make
    }

    static let all: [LayerCase] = [
        .init("linear", Linear(5, 3, dtype: dtype)),
        .init("linear-vector", Linear(5, 3, dtype: dtype)),
        .init("linear-batches", Linear(5, 3, bias: false, dtype: dtype)),
        .init("linear-one", Linear(1, 1, dtype: dtype)),
        .init("conv2d", Conv2d(2, 4, kernel: 3, dtype: dtype)),
        .init("conv2d-odd", Conv2d(2, 3, kernel: [3, 2], stride: [2, 3], padding: [1, 2], dilation: [2, 1], dtype: dtype)),
        .init("conv2d-groups", Conv2d(4, 6, kernel: 3, padding: 1, groups: 2, bias: false, dtype: dtype)),
        .init("conv2d-depthwise", Conv2d(3, 6, kernel: 3, stride: 2, groups: 3, dtype: dtype)),
        .init("conv2d-one", Conv2d(1, 1, kernel: 1, dtype: dtype)),
        .init("convtranspose2d", ConvTranspose2d(3, 4, kernel: 3, dtype: dtype)),
        .init("convtranspose2d-stride", ConvTranspose2d(4, 2, kernel: 4, stride: 2, padding: 1, bias: false, dtype: dtype)),
        .init("convtranspose2d-output", ConvTranspose2d(2, 3, kernel: 3, stride: 2, padding: 1, outputPadding: 1, dtype: dtype)),
        .init(
            "convtranspose2d-odd",
            ConvTranspose2d(
                4, 6, kernel: [3, 2], stride: [3, 2], padding: [0, 1], outputPadding: [2, 1], dilation: [1, 2], groups: 2, dtype: dtype)),
        .init(
            "convtranspose2d-dilated", ConvTranspose2d(2, 2, kernel: 2, padding: [1, 0], outputPadding: 2, dilation: 3, dtype: dtype)),
        .init("convtranspose2d-depthwise", ConvTranspose2d(3, 3, kernel: 2, stride: 2, groups: 3, dtype: dtype)),
        .init("convtranspose2d-one", ConvTranspose2d(1, 1, kernel: 1, dtype: dtype)),
        .init("maxpool2d", MaxPool2d(kernel: 2)),
        .init("maxpool2d-odd", MaxPool2d(kernel: [3, 2], stride: [2, 1], padding: [1, 1], dilation: [1, 2])),
        .init("avgpool2d", AvgPool2d(kernel: 2)),
        .init("avgpool2d-odd", AvgPool2d(kernel: [3, 2], stride: [2, 1], padding: [1, 1])),
        .init("avgpool2d-inside", AvgPool2d(kernel: 3, stride: 2, padding: 1, countsPadding: false)),
        .init("adaptiveavgpool2d", AdaptiveAvgPool2d(1)),
        .init("adaptiveavgpool2d-dividing", AdaptiveAvgPool2d([2, 3])),
        .init("adaptiveavgpool2d-overlapping", AdaptiveAvgPool2d([3, 7])),
        .init("pixelshuffle", PixelShuffle(2)),
        .init("pixelshuffle-three", PixelShuffle(3)),
        .init("upsample", Upsample(factor: 2)),
        .init("upsample-odd", Upsample(factor: [3, 1])),
        .init("upsample-bilinear", Upsample(factor: 2, mode: .bilinear())),
        .init("upsample-corners", Upsample(factor: [2, 3], mode: .bilinear(aligningCorners: true))),
        .init("reflectionpad2d", ReflectionPad2d(2)),
        .init("reflectionpad2d-odd", ReflectionPad2d([1, 0, 2, 3])),
        .init("zeropad2d", ZeroPad2d(1)),
        .init("zeropad2d-odd", ZeroPad2d([2, -1, 0, 3])),
        .init("flatten", Flatten()),
        .init("flatten-middle", Flatten(from: 1, through: 2)),
        .init("batchnorm2d", BatchNorm2d(3, dtype: dtype)),
        .init("batchnorm2d-train", training: true, BatchNorm2d(3, dtype: dtype)),
        .init("batchnorm2d-plain", training: true, BatchNorm2d(2, epsilon: 1e-3, momentum: 0.3, affine: false, dtype: dtype)),
        .init("layernorm", LayerNorm(6, dtype: dtype)),
        .init("layernorm-axes", LayerNorm([3, 4], epsilon: 1e-3, dtype: dtype)),
        .init("layernorm-plain", LayerNorm(5, affine: false)),
        .init("groupnorm", GroupNorm(groups: 2, 6, dtype: dtype)),
        .init("groupnorm-plain", GroupNorm(groups: 1, 4, epsilon: 1e-3, affine: false)),
        .init("instancenorm2d", InstanceNorm2d(3)),
        .init("instancenorm2d-affine", InstanceNorm2d(2, epsilon: 1e-3, affine: true, dtype: dtype)),
        .init("embedding", Embedding(7, 4, dtype: dtype)),
        .init("embedding-padding", Embedding(5, 3, paddingIndex: 2, dtype: dtype)),
        .init("relu", ReLU()),
        .init("leakyrelu", LeakyReLU(slope: 0.2)),
        .init("prelu", PReLU(dtype: dtype)),
        .init("prelu-channels", PReLU(3, slope: 0.1, dtype: dtype)),
        .init("gelu", GELU()),
        .init("silu", SiLU()),
        .init("tanh", Tanh()),
        .init("sigmoid", Sigmoid()),
        .init("softmax", Softmax()),
        .init("softmax-channels", Softmax(axis: 1)),
        .init("identity", Identity()),
        .init("dropout", Dropout(0.5)),
        .init("multiheadattention", MultiHeadAttention(6, heads: 2, dtype: dtype)),
        .init("multiheadattention-causal", training: true, MultiHeadAttention(4, heads: 1, isCausal: true, bias: false, dtype: dtype)),
        .init("transformerencoderlayer", TransformerEncoderLayer(8, heads: 2, feedForward: 12, dropout: 0, dtype: dtype)),
        .init(
            "transformerencoderlayer-causal",
            TransformerEncoderLayer(
                6, heads: 3, feedForward: 8, activation: GELU(), dropout: 0, normalizesFirst: true, isCausal: true, epsilon: 1e-3,
                dtype: dtype)),
        .init("lstm", LSTM(3, 4, dtype: dtype)),
        .init("lstm-stacked", LSTM(3, 4, layers: 2, bidirectional: true, dtype: dtype)),
        .init("lstm-plain", LSTM(2, 1, bias: false, dtype: dtype)),
        .init("gru", GRU(3, 4, dtype: dtype)),
        .init("gru-stacked", GRU(3, 4, layers: 2, bidirectional: true, dtype: dtype)),
        .init("gru-plain", GRU(2, 1, bias: false, dtype: dtype)),
        .init("lstmcell", LSTMCell(3, 4, dtype: dtype)),
        .init("grucell", GRUCell(3, 4, dtype: dtype)),
        .init(
            "sequential",
            Sequential(
                Conv2d(1, 2, kernel: 3, dtype: dtype), BatchNorm2d(2, dtype: dtype), ReLU(), MaxPool2d(kernel: 2), Flatten(),
                Linear(8, 3, dtype: dtype))),
    ]
}
