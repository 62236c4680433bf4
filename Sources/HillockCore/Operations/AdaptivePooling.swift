/// The means of `H′ × W′` windows that cover the image: `[N, C, H, W] → [N, C, H′, W′]`, PyTorch's `adaptive_avg_pool2d`. f32 and f64.
///
/// Window `i` of an axis reaches from `⌊i·H / H′⌋` to before `⌈(i + 1)·H / H′⌉`; neighbours overlap where `H′` does not divide `H`.
public func adaptiveAvgPool2d(_ x: Tensor, to size: (Int, Int), file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    guard x.rank == 4, x.dtype == .float32 || x.dtype == .float64, size.0 > 0, size.1 > 0, x.shape[2] > 0, x.shape[3] > 0 else {
        return .failed(
            ShapeError("adaptiveAvgPool2d", "input \(x.type) has no \(size.0) by \(size.1) windows, expected [N, C, H, W] of f32 or f64"),
            [x], at: SourceLocation(file: file, line: line))
    }
    if size == (1, 1) { return x.mean(axes: 2, 3, keepingAxes: true) }
    let (height, width) = (x.shape[2], x.shape[3])
    if height % size.0 == 0, width % size.1 == 0 {
        return avgPool2d(x, kernel: (height / size.0, width / size.1))
    }
    // Both axes apart, each a product with the matrix of the windows' shares.
    let rows = windowShares(size.0, of: height, x.dtype)
    let columns = windowShares(size.1, of: width, x.dtype)
    return matmul(rows, matmul(x, columns, transposingRight: true))
}

/// `[count, extent]`: 1 / length within the window, 0 elsewhere.
private func windowShares(_ count: Int, of extent: Int, _ dtype: DType) -> Tensor {
    var shares = [Double](repeating: 0, count: count * extent)
    for window in 0..<count {
        let (start, end) = (window * extent / count, ((window + 1) * extent + count - 1) / count)
        for place in start..<end { shares[window * extent + place] = 1 / Double(end - start) }
    }
    return Tensor(shares, shape: [count, extent]).converted(to: dtype)
}
