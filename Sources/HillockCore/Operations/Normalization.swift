/// Layer normalisation over the last axes, those of `scale` (Ba, Kiros, Hinton 2016): `(x − mean) / √(variance + ε) · scale + bias`.
///
/// `scale` and `bias` have the shape of the normalised axes; the result has the shape of `x`.
public func layerNorm(
    _ x: Tensor, scale: Tensor, bias: Tensor?, epsilon: Double = 1e-5, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let k = scale.rank
    guard k >= 1, k <= x.rank, Array(x.shape.dimensions.suffix(k)) == scale.shape.dimensions else {
        return .failed(
            ShapeError("layerNorm", "input \(x.shape) does not end with the normalised shape \(scale.shape)"), [x, scale],
            at: SourceLocation(file: file, line: line))
    }
    let axes = Array(x.rank - k..<x.rank)
    let kept = Shape(x.shape.dimensions.dropLast(k) + [Int](repeating: 1, count: k))
    let n = Double(scale.count)
    let centred = x - (x.reduced(.sum, axes: axes) / n).reshaped(to: kept)
    let variance = (centred * centred).reduced(.sum, axes: axes) / n
    let normal = centred * rsqrt(variance + epsilon).reshaped(to: kept)
    return bias.map { normal * scale + $0 } ?? normal * scale
}

/// Batch normalisation of `[N, C, …]` with given statistics `[C]` (Ioffe and Szegedy 2015):
/// `(x − mean) / √(variance + ε) · scale + bias`, all of them by channel.
public func batchNorm(
    _ x: Tensor, mean: Tensor, variance: Tensor, scale: Tensor?, bias: Tensor?, epsilon: Double = 1e-5, file: StaticString = #fileID,
    line: UInt = #line
) -> Tensor {
    func failed(_ message: String) -> Tensor { .failed(ShapeError("batchNorm", message), [x], at: SourceLocation(file: file, line: line)) }
    guard x.rank >= 2 else { return failed("input is \(x.shape), expected [N, C, …]") }
    let channels = Shape([x.shape[1]])
    let statistics = [("mean", mean), ("variance", variance), ("scale", scale ?? mean), ("bias", bias ?? mean)]
    for (name, tensor) in statistics where tensor.shape != channels {
        return failed("\(name) is \(tensor.shape), input \(x.shape) wants \(channels)")
    }
    let shape = Shape([x.shape[1]] + [Int](repeating: 1, count: x.rank - 2))
    func perChannel(_ t: Tensor) -> Tensor { t.reshaped(to: shape) }
    let inverse = rsqrt(variance + epsilon)
    let normal = (x - perChannel(mean)) * perChannel(scale.map { $0 * inverse } ?? inverse)
    return bias.map { normal + perChannel($0) } ?? normal
}
