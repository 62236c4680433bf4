/// 2-D transposed convolution (Zeiler et al. 2010), the gradient of a convolution by its input used as a layer: input `[N, C, H, W]`,
/// weight `[C, O / groups, kH, kW]`, bias `[O]` → `[N, O, H′, W′]` with
/// `H′ = (H − 1)·stride − 2·padding + dilation·(kH − 1) + outputPadding + 1`. f32 and f64.
///
/// `outputPadding` chooses among the input sizes that a convolution would map to `H`; it is less than stride or dilation, as PyTorch's.
public func convTranspose2d(
    _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: (Int, Int) = (1, 1), padding: (Int, Int) = (0, 0),
    outputPadding: (Int, Int) = (0, 0), dilation: (Int, Int) = (1, 1), groups: Int = 1, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let location = SourceLocation(file: file, line: line)
    func failed(_ message: String, hint: String? = nil) -> Tensor {
        .failed(ShapeError("convTranspose2d", message, hint: hint), [input, weight], at: location)
    }
    guard input.rank == 4, weight.rank == 4 else {
        return failed("input is \(input.shape), weight is \(weight.shape), expected [N, C, H, W] and [C, O / groups, kH, kW]")
    }
    guard input.dtype == weight.dtype, input.dtype == .float32 || input.dtype == .float64 else {
        return failed("input is \(input.type), weight is \(weight.type): expected both f32 or both f64")
    }
    let (strides, paddings, dilations) = ([stride.0, stride.1], [padding.0, padding.1], [dilation.0, dilation.1])
    let extra = [outputPadding.0, outputPadding.1]
    guard groups > 0, strides.allSatisfy({ $0 > 0 }), dilations.allSatisfy({ $0 > 0 }), paddings.allSatisfy({ $0 >= 0 }) else {
        return failed(
            "stride \(strides), padding \(paddings), dilation \(dilations), groups \(groups): strides, dilation and groups must be at least 1, padding at least 0"
        )
    }
    guard (0..<2).allSatisfy({ extra[$0] >= 0 && extra[$0] < max(strides[$0], dilations[$0]) }) else {
        return failed("output padding is \(extra), expected 0 or more and less than stride \(strides) or dilation \(dilations)")
    }
    guard input.shape[1] == weight.shape[0], input.shape[1] % groups == 0 else {
        return failed("input has \(input.shape[1]) channels, weight \(weight.shape) wants \(weight.shape[0]), in \(groups) groups")
    }
    let outputs = weight.shape[1] * groups
    if let bias, bias.shape != [outputs] { return failed("bias is \(bias.shape), expected [\(outputs)]") }

    // What lies beyond the last window is zeros, appended; what the padding cropped there comes back by cropping less.
    let appended = (0..<2).map { extra[$0] < strides[$0] ? 0 : max(extra[$0] - paddings[$0], 0) }
    let after = (0..<2).map { extra[$0] < strides[$0] ? paddings[$0] : max(paddings[$0] - extra[$0], 0) }
    let geometry = ConvolutionGeometry(
        strides: strides, paddingBefore: paddings, paddingAfter: after, dilation: dilations, groups: groups)
    let extents = (0..<2).map { axis in
        let windows = (input.shape[axis + 2] - 1) * strides[axis] + dilations[axis] * (weight.shape[axis + 2] - 1) + 1
        return windows - 2 * paddings[axis] + extra[axis] - appended[axis]
    }
    guard extents.allSatisfy({ $0 > 0 }) else {
        return failed("the output would be \(extents[0]) by \(extents[1])", hint: "use less padding or a larger input")
    }
    var output = Tensor.apply(
        ConvolutionInputGradient(geometry, inputShape: [input.shape[0], outputs, extents[0], extents[1]]), [input, weight], at: location)
    output = output.padded(low: [0, 0, 0, 0], high: [0, 0] + appended, interior: [0, 0, 0, 0])
    return bias.map { output + $0.reshaped(to: [outputs, 1, 1]) } ?? output
}
