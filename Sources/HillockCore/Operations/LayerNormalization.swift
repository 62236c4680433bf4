/// Layer normalisation over the last axes, those of `scale` (Ba, Kiros, Hinton 2016): `(x − mean) / √(variance + ε) · scale + bias`.
///
/// `scale` and `bias` have the shape of the normalised axes; the result has the shape of `x`.
public func layerNorm(
    _ x: Tensor, scale: Tensor, bias: Tensor?, epsilon: Double = 1e-5, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let composite = LayerNormalization(axisCount: scale.rank, epsilon: epsilon)
    return Tensor.composite(composite, [x, scale] + [bias].compactMap { $0 }, at: SourceLocation(file: file, line: line))[0]
}

/// ``layerNorm(_:scale:bias:epsilon:file:line:)`` as one node. Inputs: x, scale, and if there is one bias. Result: of the shape of x.
package struct LayerNormalization: Composite {
    /// `layer_norm`
    package static let name = "layer_norm"
    /// How many of the last axes are normalised over.
    package let axisCount: Int
    /// Added to the variance.
    package let epsilon: Double

    /// The type of x.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let (x, scale) = (inputs[0], inputs[1])
        let normalised = Shape(x.shape.dimensions.suffix(axisCount))
        guard axisCount >= 1, axisCount <= x.shape.rank, normalised == scale.shape else {
            throw ShapeError("layerNorm", "input \(x.shape) does not end with the normalised shape \(scale.shape)")
        }
        try checkNormalized("layerNorm", x, Array(zip(["scale", "bias"], inputs.dropFirst())), want: normalised)
        return [x]
    }

    /// The variance is that of the centred values, so that a mean far from 0 cancels nothing.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        let (x, scale) = (inputs[0], inputs[1])
        let axes = Array(x.rank - axisCount..<x.rank)
        let kept = Shape(x.shape.dimensions.dropLast(axisCount) + [Int](repeating: 1, count: axisCount))
        let n = Double(scale.count)
        let centred = x - (x.reduced(.sum, axes: axes) / n).reshaped(to: kept)
        let variance = (centred * centred).reduced(.sum, axes: axes) / n
        let normal = centred * rsqrt(variance + epsilon).reshaped(to: kept)
        return [inputs.count > 2 ? normal * scale + inputs[2] : normal * scale]
    }
}

/// Checks the input of a normalisation and what it is given for each channel or position.
func checkNormalized(
    _ operation: String, _ x: TensorType, _ parts: [(name: String, type: TensorType)], want shape: Shape
) throws(ShapeError) {
    guard x.dtype == .float32 || x.dtype == .float64 else {
        throw ShapeError(operation, "input is \(x), expected f32 or f64", hint: "convert it with converted(to: .float32)")
    }
    for (name, type) in parts {
        guard type.shape == shape else { throw ShapeError(operation, "\(name) is \(type.shape), input \(x.shape) wants \(shape)") }
        guard type.dtype == x.dtype else {
            throw ShapeError(
                operation, "\(name) is \(type), input is \(x): dtypes differ", hint: "convert one of them with converted(to:)")
        }
    }
}
