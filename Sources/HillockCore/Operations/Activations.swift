// Composites: a few lines over primitives, with no gradient of their own.

/// x where positive, `slope` · x elsewhere (Maas, Hannun, Ng 2013).
public func leakyReLU(_ x: Tensor, slope: Double = 0.01) -> Tensor { `where`(x .> 0, x, x * slope) }

/// x where positive, a learned slope · x elsewhere (He et al. 2015): `slope` is `[1]`, or one for each channel of `[N, C, …]`.
public func prelu(_ x: Tensor, slope: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    guard slope.shape == [1] || (x.rank >= 2 && slope.shape == [x.shape[1]]) else {
        let channels = x.rank >= 2 ? " or [\(x.shape[1])]" : ""
        return .failed(
            ShapeError("prelu", "slope is \(slope.shape), input \(x.shape) wants [1]\(channels)"), [x],
            at: SourceLocation(file: file, line: line))
    }
    // One slope is a scalar; others stand along axis 1.
    let slope = slope.reshaped(to: slope.count == 1 ? [] : Shape([slope.count] + [Int](repeating: 1, count: x.rank - 2)))
    return `where`(x .> 0, x, x * slope)
}

/// x · sigmoid(x), also called swish (Elfwing, Uchibe, Doya 2018).
public func silu(_ x: Tensor) -> Tensor { x * sigmoid(x) }

/// ln(1 + e^x) without overflow.
public func softplus(_ x: Tensor) -> Tensor { maximum(x, 0) + log1p(exp(-abs(x))) }

/// Each element zeroed with probability `rate` and the others divided by `1 − rate`, so that the mean stays (Srivastava et al. 2014).
/// The key comes from the task's ``RandomSource``.
public func dropout(_ x: Tensor, rate: Double, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    guard rate >= 0, rate < 1 else {
        return .failed(
            ShapeError("dropout", "rate is \(rate), expected 0 or more and less than 1"), [x], at: SourceLocation(file: file, line: line))
    }
    if rate == 0 { return x }
    let keep = Tensor.uniform(x.shape, dtype: x.dtype) .>= rate
    return `where`(keep, x / (1 - rate), Tensor.zerosLike(x))
}
