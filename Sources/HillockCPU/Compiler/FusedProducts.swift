import HillockCore

/// A convolution that adds its bias and a residual and rectifies before it stores: inputs x, weight, the bias `[channels]` and the residual,
/// of the result's shape, as far as there are such.
package struct FusedConvolution: Composite {
    package static let name = "convolution+"
    package let geometry: ConvolutionGeometry
    package let hasBias: Bool
    package let hasResidual: Bool
    package let hasRelu: Bool

    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        [try Convolution(geometry).outputType(for: Array(inputs.prefix(2)))]
    }

    package func body(_ inputs: [Tensor]) -> [Tensor] {
        var y = Tensor.apply(Convolution(geometry), Array(inputs.prefix(2)))
        if hasBias { y = y + inputs[2].reshaped(to: Shape([inputs[2].count] + [Int](repeating: 1, count: y.rank - 2))) }
        if hasResidual { y = y + inputs[inputs.count - 1] }
        return [hasRelu ? relu(y) : y]
    }
}

/// A matrix product that adds its bias and rectifies before it stores: inputs a, b, and if there is one the bias `[columns]`.
package struct FusedMatrixMultiply: Composite {
    package static let name = "matmul+"
    package let product: MatrixMultiply
    package let hasBias: Bool
    package let hasRelu: Bool

    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        [try product.outputType(for: Array(inputs.prefix(2)))]
    }

    package func body(_ inputs: [Tensor]) -> [Tensor] {
        var y = Tensor.apply(product, Array(inputs.prefix(2)))
        if hasBias { y = y + inputs[2].reshaped(to: [inputs[2].count]) }
        return [hasRelu ? relu(y) : y]
    }
}

/// A convolution's weight gradient with that of its bias: inputs x and dy, results dw and db `[channels]`.
package struct FusedWeightGradient: Composite {
    package static let name = "convolution_weight_gradient+"
    package let gradient: ConvolutionWeightGradient

    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        [try gradient.outputType(for: inputs), TensorType(inputs[1].dtype, [inputs[1].shape[1]])]
    }

    package func body(_ inputs: [Tensor]) -> [Tensor] {
        [.apply(gradient, inputs), .apply(Reduce(.sum, axes: [0] + Array(2..<inputs[1].rank)), [inputs[1]])]
    }
}
