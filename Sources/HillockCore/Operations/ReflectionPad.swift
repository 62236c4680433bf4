/// The image continued by its mirror image, without the edge pixel itself twice: `[…, H, W] → […, top + H + bottom, left + W + right]`,
/// PyTorch's `ReflectionPad2d`. Each amount is less than the extent that it reflects.
public func reflectionPad2d(
    _ x: Tensor, left: Int, right: Int, top: Int, bottom: Int, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    guard x.rank >= 2, [top, bottom].allSatisfy({ $0 >= 0 && $0 < x.shape[-2] }), [left, right].allSatisfy({ $0 >= 0 && $0 < x.shape[-1] })
    else {
        return .failed(
            ShapeError(
                "reflectionPad2d", "left \(left), right \(right), top \(top) and bottom \(bottom) do not fit input \(x.shape)",
                hint: "each is 0 or more and less than the extent that it reflects"), [x], at: SourceLocation(file: file, line: line))
    }
    return reflected(reflected(x, axis: x.rank - 1, left, right), axis: x.rank - 2, top, bottom)
}

private func reflected(_ x: Tensor, axis: Int, _ before: Int, _ after: Int) -> Tensor {
    let extent = x.shape[axis]
    var parts = [x]
    if before > 0 { parts.insert(x.sliced(axis: axis, from: 1, to: before + 1).reversed(axes: axis), at: 0) }
    if after > 0 { parts.append(x.sliced(axis: axis, from: extent - 1 - after, to: extent - 1).reversed(axes: axis)) }
    return concatenate(parts, axis: axis)
}
