/// Batch normalisation of `[N, C, …]` with given statistics `[C]` (Ioffe and Szegedy 2015):
/// `(x − mean) / √(variance + ε) · scale + bias`, all of them by channel.
public func batchNorm(
    _ x: Tensor, mean: Tensor, variance: Tensor, scale: Tensor?, bias: Tensor?, epsilon: Double = 1e-5, file: StaticString = #fileID,
    line: UInt = #line
) -> Tensor {
    let composite = AppliedBatchNormalization(epsilon: epsilon, hasScale: scale != nil, hasBias: bias != nil)
    let inputs = [x, mean, variance, scale, bias].compactMap { $0 }
    return .composite(composite, inputs, at: SourceLocation(file: file, line: line))[0]
}

/// ``batchNorm(_:mean:variance:scale:bias:epsilon:file:line:)`` as one node: a model that is applied has many, and waits for them to be made.
///
/// Inputs: x `[N, C, …]`, mean and variance `[C]`, and if there are any scale and bias `[C]`. StableHLO: `batch_norm_inference`.
package struct AppliedBatchNormalization: Composite {
    /// `batch_norm_inference`
    package static let name = "batch_norm_inference"
    /// Added to the variance.
    package let epsilon: Double
    /// Whether there is an input scale.
    package let hasScale: Bool
    /// Whether there is an input bias.
    package let hasBias: Bool

    /// That of x.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let x = inputs[0]
        // As it should be, most often: then no message need be made.
        if x.dtype == .float32 || x.dtype == .float64, x.shape.rank >= 2,
            inputs.dropFirst().allSatisfy({ $0.dtype == x.dtype && $0.shape.rank == 1 && $0.shape[0] == x.shape[1] })
        {
            return [x]
        }
        let names = ["mean", "variance"] + (hasScale ? ["scale"] : []) + (hasBias ? ["bias"] : [])
        try checkChannels("batchNorm", x, Array(zip(names, inputs.dropFirst())))
        return [x]
    }

    /// A shift, a factor and a shift of each channel, which go into the weights of a convolution before.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        let x = inputs[0]
        let centred = x - inputs[1].perChannel(of: x)
        return [normalized(centred, inputs[2], epsilon, scale: hasScale ? inputs[3] : nil, bias: hasBias ? inputs.last : nil)]
    }
}

/// Batch normalisation of `[N, C, …]` with the batch's own statistics (Ioffe and Szegedy 2015), as in training:
/// `(x − mean) / √(variance + ε) · scale + bias`, all of them by channel.
///
/// - Parameters:
///   - scale: `[C]`; 1 if there is none.
///   - bias: `[C]`; 0 if there is none.
/// - Returns: the normalised values, of the shape of `x`; mean and variance (divided by n) of each channel, `[C]`.
public func batchNorm(
    _ x: Tensor, scale: Tensor?, bias: Tensor?, epsilon: Double = 1e-5, file: StaticString = #fileID, line: UInt = #line
) -> (output: Tensor, mean: Tensor, variance: Tensor) {
    let composite = BatchNormalization(epsilon: epsilon, hasScale: scale != nil, hasBias: bias != nil)
    let inputs = [x, scale, bias].compactMap { $0 }
    let results = Tensor.composite(composite, inputs, at: SourceLocation(file: file, line: line))
    // A stand-in for a wrong call is one tensor.
    return (results[0], results[Swift.min(1, results.count - 1)], results[results.count - 1])
}

/// ``batchNorm(_:scale:bias:epsilon:file:line:)`` as one node.
///
/// Inputs: x `[N, C, …]`, and if there are any scale and bias `[C]`. Results: y, of the shape of x, and mean and variance `[C]`.
package struct BatchNormalization: Composite {
    /// `batch_norm`
    package static let name = "batch_norm"
    /// Added to the variance.
    package let epsilon: Double
    /// Whether there is an input scale.
    package let hasScale: Bool
    /// Whether there is an input bias.
    package let hasBias: Bool

    /// Those of y, mean and variance.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let names = (hasScale ? ["scale"] : []) + (hasBias ? ["bias"] : [])
        try checkChannels("batchNorm", inputs[0], Array(zip(names, inputs.dropFirst())))
        let channels = TensorType(inputs[0].dtype, [inputs[0].shape[1]])
        return [inputs[0], channels, channels]
    }

    /// The variance is that of the centred values, so that a mean far from 0 cancels nothing.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        let x = inputs[0]
        let axes = [0] + Array(2..<x.rank)
        let n = Double(x.count) / Double(x.shape[1])
        let mean = x.reduced(.sum, axes: axes) / n
        let centred = x - mean.perChannel(of: x)
        let variance = (centred * centred).reduced(.sum, axes: axes) / n
        let y = normalized(centred, variance, epsilon, scale: hasScale ? inputs[1] : nil, bias: hasBias ? inputs.last : nil)
        return [y, mean, variance]
    }
}

/// `centred / √(variance + ε) · scale + bias`: one factor and one shift of each channel.
private func normalized(_ centred: Tensor, _ variance: Tensor, _ epsilon: Double, scale: Tensor?, bias: Tensor?) -> Tensor {
    let inverse = rsqrt(variance + epsilon)
    let y = centred * (scale.map { $0 * inverse } ?? inverse).perChannel(of: centred)
    return bias.map { y + $0.perChannel(of: centred) } ?? y
}

extension Tensor {
    /// `[C]` as it broadcasts over `[N, C, …]`.
    package func perChannel(of x: Tensor) -> Tensor { reshaped(to: Shape([count] + [Int](repeating: 1, count: x.rank - 2))) }
}

/// Checks the input `[N, C, …]` of a normalisation by channel, and what it is given for each channel.
func checkChannels(_ operation: String, _ x: TensorType, _ parts: [(name: String, type: TensorType)]) throws(ShapeError) {
    guard x.shape.rank >= 2 else { throw ShapeError(operation, "input is \(x.shape), expected [N, C, …]") }
    try checkNormalized(operation, x, parts, want: [x.shape[1]])
}
