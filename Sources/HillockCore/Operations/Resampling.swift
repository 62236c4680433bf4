/// Blocks of channels laid out in space (Shi et al. 2016): `[…, C·r², H, W] → […, C, H·r, W·r]`.
public func pixelShuffle(_ x: Tensor, factor: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    guard factor >= 1, x.rank >= 3, x.shape[-3] % (factor * factor) == 0 else {
        return .failed(
            ShapeError("pixelShuffle", "input is \(x.shape), expected […, C·\(factor)², H, W]", hint: "the factor is 1 or more"), [x],
            at: SourceLocation(file: file, line: line))
    }
    let (batch, k) = (Array(x.shape.dimensions.dropLast(3)), x.rank - 3)
    let (channels, height, width) = (x.shape[-3] / (factor * factor), x.shape[-2], x.shape[-1])
    return x.reshaped(to: Shape(batch + [channels, factor, factor, height, width]))
        .transposed(Array(0..<k) + [k, k + 3, k + 1, k + 4, k + 2])
        .reshaped(to: Shape(batch + [channels, height * factor, width * factor]))
}

/// How ``upsample2d(_:to:mode:)`` finds values between pixels.
public enum InterpolationMode: Hashable, Sendable {
    /// The pixel at `⌊i · H / H′⌋`.
    case nearest
    /// Weighted by the distance to the two nearest pixels along each axis; with `aligningCorners` the corner pixels' centres stay where
    /// they are, otherwise the image's edges.
    case bilinear(aligningCorners: Bool = false)
}

/// Images of another size: `[N, C, H, W] → [N, C, H′, W′]`, as PyTorch's `interpolate` does. f32 and f64.
public func upsample2d(
    _ x: Tensor, to size: (Int, Int), mode: InterpolationMode = .nearest, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let location = SourceLocation(file: file, line: line)
    guard x.rank == 4, x.dtype == .float32 || x.dtype == .float64 else {
        return .failed(ShapeError("upsample2d", "input is \(x.type), expected [N, C, H, W] of f32 or f64"), [x], at: location)
    }
    let (height, width) = (x.shape[2], x.shape[3])
    guard size.0 > 0, size.1 > 0, height > 0, width > 0 else {
        return .failed(ShapeError("upsample2d", "\(height) by \(width) pixels cannot become \(size.0) by \(size.1)"), [x], at: location)
    }
    switch mode {
    case .nearest:
        if size.0 % height == 0, size.1 % width == 0 { return repeated(x, size.0 / height, size.1 / width) }
        return x.gathered(nearestPixels(size.0, of: height), axis: 2).gathered(nearestPixels(size.1, of: width), axis: 3)
    case .bilinear(let aligningCorners):
        // Both axes apart, each a product with the matrix of the pixels' shares.
        let rows = bilinearShares(size.0, of: height, aligningCorners, x.dtype)
        let columns = bilinearShares(size.1, of: width, aligningCorners, x.dtype)
        return matmul(rows, matmul(x, columns, transposingRight: true))
    }
}

/// Every pixel `rows` by `columns` times.
private func repeated(_ x: Tensor, _ rows: Int, _ columns: Int) -> Tensor {
    let (n, c, h, w) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    return x.reshaped(to: [n, c, h, 1, w, 1]).broadcast(to: [n, c, h, rows, w, columns]).reshaped(to: [n, c, h * rows, w * columns])
}

private func nearestPixels(_ count: Int, of extent: Int) -> Tensor {
    Tensor((0..<count).map { Int64($0 * extent / count) }, shape: [count])
}

/// `[count, extent]`: max(0, 1 − |place of i − j|), the place being moved inside the image.
private func bilinearShares(_ count: Int, of extent: Int, _ aligningCorners: Bool, _ dtype: DType) -> Tensor {
    let shape: Shape = [count, extent]
    let i = Tensor.iota(TensorType(dtype, shape), axis: 0)
    let j = Tensor.iota(TensorType(dtype, shape), axis: 1)
    let place: Tensor
    if aligningCorners {
        place = i * (count > 1 ? Double(extent - 1) / Double(count - 1) : 0)
    } else {
        place = minimum(maximum((i + 0.5) * (Double(extent) / Double(count)) - 0.5, 0), Double(extent - 1))
    }
    return maximum(1 - abs(place - j), 0)
}
