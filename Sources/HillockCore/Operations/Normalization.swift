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
    _ x: Tensor, mean: Tensor, variance: Tensor, scale: Tensor?, bias: Tensor?, epsilon: Double = 1e-5
) -> Tensor {
    let shape = Shape([x.rank > 1 ? x.shape[1] : 0] + [Int](repeating: 1, count: Swift.max(x.rank - 2, 0)))
    func perChannel(_ t: Tensor) -> Tensor { t.reshaped(to: shape) }
    let inverse = rsqrt(variance + epsilon)
    let normal = (x - perChannel(mean)) * perChannel(scale.map { $0 * inverse } ?? inverse)
    return bias.map { normal + perChannel($0) } ?? normal
}
