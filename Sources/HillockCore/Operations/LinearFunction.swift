/// A dense layer: x·Wᵀ + b along the last axis, `[…, in] → […, out]`, the weight being `[out, in]` and the bias `[out]`.
package func linear(_ x: Tensor, _ weight: Tensor, bias: Tensor?) -> Tensor {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    guard x.rank > 0, x.shape[-1] == inputs else {
        let features = x.rank == 0 ? "no" : "\(x.shape[-1])"
        return .failed(
            ShapeError("linear", "input \(x.shape) has \(features) features, weight \(weight.shape) wants \(inputs)"), [weight],
            guess: TensorType(x.dtype, Shape(x.shape.dimensions.dropLast() + [outputs])))
    }
    // As one tall matrix, to which the bias is added on the product's way out.
    let rows = x.rank == 2 ? x : x.reshaped(to: [x.shape.dimensions.dropLast().reduce(1, *), inputs])
    let y: Tensor
    if let bias, x.dtype == weight.dtype, x.dtype.isArithmetic, bias.type == TensorType(x.dtype, [outputs]) {
        let node = Node(
            LinearFunction(), TensorType(x.dtype, [rows.shape[0], outputs]), first: rows.node, second: weight.node, others: [bias.node])
        y = Tensor(new: node)
    } else {
        let product = matmul(rows, weight, transposingRight: true)
        y = bias.map { product + $0 } ?? product
    }
    return x.rank == 2 ? y : y.reshaped(to: Shape(x.shape.dimensions.dropLast() + [outputs]))
}

/// x·Wᵀ + b as one node: what is inferred for one sample waits for the nodes to be made.
///
/// Inputs: x `[N, in]`, W `[out, in]`, b `[out]`. Result: `[N, out]`.
package struct LinearFunction: Composite {
    /// `linear`
    package static let name = "linear"

    package init() {}

    /// `[N, out]`
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let product = try MatrixMultiply(transposingRight: true).outputType(for: Array(inputs.prefix(2)))
        guard inputs[2] == TensorType(product.dtype, [product.shape[-1]]) else {
            throw ShapeError(Self.name, "bias is \(inputs[2]), expected \(TensorType(product.dtype, [product.shape[-1]]))")
        }
        return [product]
    }

    /// The product, and the bias spread over its rows.
    package func body(_ inputs: [Tensor]) -> [Tensor] { [matmul(inputs[0], inputs[1], transposingRight: true) + inputs[2]] }

    /// Those of the product, and the sum over rows.
    package func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        MatrixMultiply(transposingRight: true).gradient(inputs: Array(inputs.prefix(2)), output: output, upstream: upstream)
            + [upstream.reduced(.sum, axes: [0])]
    }
}
