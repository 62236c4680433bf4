import HillockCore

/// Batch normalisation by channel (Ioffe and Szegedy 2015): `(x − mean) / √(variance + ε) · weight + bias`.
///
/// In training the statistics are the batch's own (variance divided by n), and the running ones move towards them by `momentum` (variance
/// divided by n − 1, as PyTorch's); elsewhere the running ones are used. New running values are lazy: the optimizer computes them with its
/// update.
///
/// Shapes: `[N, C, H, W]`, unchanged. Checkpoint names: `weight`, `bias`, `running_mean`, `running_var` `[C]`, `num_batches_tracked` `[]`.
public struct BatchNorm2d: Layer {
    /// Properties whose names in checkpoints are not the rule's.
    public static var checkpointNames: [String: String] {
        ["runningVariance": "running_var", "batchesTracked": "num_batches_tracked"]
    }

    /// Scale, `[C]`.
    public let weight: Parameter?
    /// Shift, `[C]`.
    public let bias: Parameter?
    /// Mean over the batches so far, `[C]`.
    public let runningMean: Buffer
    /// Variance over the batches so far, `[C]`.
    public let runningVariance: Buffer
    /// How many batches the running statistics have seen: `i64`, `[]`.
    public let batchesTracked: Buffer
    /// Channels, C.
    public let channels: Int
    /// Added to the variance.
    public let epsilon: Double
    /// Weight of the newest batch in the running statistics.
    public let momentum: Double
    private let scope = LayerScope()

    /// A normalisation of this many channels; scale 1, shift 0, running mean 0 and variance 1.
    public init(_ channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1, affine: Bool = true, dtype: DType = .float32) {
        self.channels = channels
        self.epsilon = epsilon
        self.momentum = momentum
        weight = affine ? Parameter(.ones([channels], dtype: dtype)) : nil
        bias = affine ? Parameter(.zeros([channels], dtype: dtype)) : nil
        runningMean = Buffer(.zeros([channels], dtype: dtype))
        runningVariance = Buffer(.ones([channels], dtype: dtype))
        batchesTracked = Buffer(Tensor([0] as [Int64], shape: []))
    }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) {
            guard x.rank == 4 else {
                return .failed(ShapeError("batchNorm2d", "input is \(x.type), expected 4 axes: [N, C, H, W]"), [x])
            }
            guard x.shape[1] == channels else {
                return .failed(ShapeError("batchNorm2d", "input \(x.shape) has \(x.shape[1]) channels, the layer has \(channels)"), [x])
            }
            if TrainingMode.isActive { return normalizedInTraining(x) }
            return batchNorm(
                x, mean: runningMean.value, variance: runningVariance.value, scale: weight?.value, bias: bias?.value, epsilon: epsilon)
        }
    }

    /// Normalises by the batch's own statistics, and moves the running ones towards them.
    private func normalizedInTraining(_ x: Tensor) -> Tensor {
        let count = x.count / Swift.max(channels, 1)
        if count < 2, channels > 0 {
            misuse(
                ShapeError(
                    "batchNorm2d", "training needs more than one value in each channel, input is \(x.shape)",
                    hint: "use a larger batch, or call the model outside withTraining"))
        }
        let (y, mean, variance) = batchNorm(x, scale: weight?.value, bias: bias?.value, epsilon: epsilon)
        // A check of shapes must leave the model as it was.
        if Validation.current == nil {
            let unbiased = Double(count) / Double(Swift.max(count - 1, 1))
            runningMean.value = runningMean.value * (1 - momentum) + mean * momentum
            runningVariance.value = runningVariance.value * (1 - momentum) + variance * (momentum * unbiased)
            batchesTracked.value = batchesTracked.value + 1
        }
        return y
    }
}
