/// Group normalisation of `[N, C, …]` (Wu and He 2018): `(x − mean) / √(variance + ε) · scale + bias`, with mean and variance of each image
/// over groups of neighbouring channels.
///
/// - Parameters:
///   - groups: How many groups; divides C.
///   - scale: `[C]`; 1 if there is none.
///   - bias: `[C]`; 0 if there is none.
/// - Returns: of the shape of `x`.
public func groupNorm(
    _ x: Tensor, groups: Int, scale: Tensor?, bias: Tensor?, epsilon: Double = 1e-5, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let composite = GroupNormalization(groups: groups, epsilon: epsilon, hasScale: scale != nil, hasBias: bias != nil)
    return Tensor.composite(composite, [x, scale, bias].compactMap { $0 }, at: SourceLocation(file: file, line: line))[0]
}

/// Instance normalisation of `[N, C, …]` (Ulyanov, Vedaldi, Lempitsky 2016): `(x − mean) / √(variance + ε) · scale + bias`, with mean and
/// variance of each channel of each image by itself.
///
/// `scale` and `bias` are `[C]`; 1 and 0 if there are none. The result has the shape of `x`.
public func instanceNorm(
    _ x: Tensor, scale: Tensor?, bias: Tensor?, epsilon: Double = 1e-5, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let location = SourceLocation(file: file, line: line)
    guard x.rank >= 2 else { return .failed(ShapeError("instanceNorm", "input is \(x.shape), expected [N, C, …]"), [x], at: location) }
    let composite = GroupNormalization(
        groups: Swift.max(x.shape[1], 1), epsilon: epsilon, hasScale: scale != nil, hasBias: bias != nil, operation: "instanceNorm")
    return Tensor.composite(composite, [x, scale, bias].compactMap { $0 }, at: location)[0]
}

/// ``groupNorm(_:groups:scale:bias:epsilon:file:line:)`` and
/// ``instanceNorm(_:scale:bias:epsilon:file:line:)``, its case of one channel a group, as one node.
///
/// Inputs: x `[N, C, …]`, and if there are any scale and bias `[C]`. Result: of the shape of x.
package struct GroupNormalization: Composite {
    /// `group_norm`
    package static let name = "group_norm"
    /// How many groups of channels.
    package let groups: Int
    /// Added to the variance.
    package let epsilon: Double
    /// Whether there is an input scale.
    package let hasScale: Bool
    /// Whether there is an input bias.
    package let hasBias: Bool
    /// What errors call it.
    package var operation = "groupNorm"

    /// The type of x.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let names = (hasScale ? ["scale"] : []) + (hasBias ? ["bias"] : [])
        try checkChannels(operation, inputs[0], Array(zip(names, inputs.dropFirst())))
        guard groups >= 1, inputs[0].shape[1] % groups == 0 else {
            throw ShapeError(operation, "\(groups) groups do not divide \(inputs[0].shape[1]) channels of input \(inputs[0].shape)")
        }
        return [inputs[0]]
    }

    /// The variance is that of the centred values, so that a mean far from 0 cancels nothing.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        let x = inputs[0]
        let n = x.shape.dimensions.dropFirst().reduce(1, *) / groups
        let rows = x.reshaped(to: [x.shape[0], groups, n])
        let centred = rows - (rows.reduced(.sum, axes: [2]) / Double(n)).reshaped(to: [x.shape[0], groups, 1])
        let variance = (centred * centred).reduced(.sum, axes: [2]) / Double(n)
        var y = (centred * rsqrt(variance + epsilon).reshaped(to: [x.shape[0], groups, 1])).reshaped(to: x.shape)
        if hasScale { y = y * inputs[1].perChannel(of: x) }
        if hasBias { y = y + inputs[inputs.count - 1].perChannel(of: x) }
        return [y]
    }
}
