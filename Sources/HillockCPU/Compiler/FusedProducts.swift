import HillockCore

/// A convolution that adds its bias and a residual and rectifies before it stores: inputs x, weight, the bias `[channels]` and the residual,
/// of the result's shape, as far as there are such.
package struct FusedConvolution: Composite {
    package static let name = "convolution+"
    package let geometry: ConvolutionGeometry
    package let hasBias: Bool
    package let hasResidual: Bool
    package let hasRelu: Bool
    /// The convolution's ``Convolution/dtype``.
    package var dtype: DType?

    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        [try Convolution(geometry, as: dtype).outputType(for: Array(inputs.prefix(2)))]
    }

    package func body(_ inputs: [Tensor]) -> [Tensor] {
        var y = Tensor.apply(Convolution(geometry, as: dtype), Array(inputs.prefix(2)))
        if hasBias { y = y + inputs[2].perChannel(of: y) }
        if hasResidual { y = y + inputs[inputs.count - 1] }
        return [hasRelu ? relu(y) : y]
    }
}

/// A matrix product that adds its bias and rectifies before it stores, or is the gradient of a rectifier's argument: inputs a, b, and if there
/// are such the bias `[columns]` and the gate, of the result's shape, which are the rectified values. As a weight's gradient it has a second
/// result, the bias's.
package struct FusedMatrixMultiply: Composite {
    package static let name = "matmul+"
    package let product: MatrixMultiply
    package let hasBias: Bool
    package let hasRelu: Bool
    /// The result is 0 where the gate is at most 0.
    package let isGated: Bool
    /// The second result is the sum of the rows of a, a matrix whose transpose the product takes: `[rows of the result]`.
    package let sumsLeft: Bool

    package init(product: MatrixMultiply, hasBias: Bool = false, hasRelu: Bool = false, isGated: Bool = false, sumsLeft: Bool = false) {
        self.product = product
        self.hasBias = hasBias
        self.hasRelu = hasRelu
        self.isGated = isGated
        self.sumsLeft = sumsLeft
    }

    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let result = try product.outputType(for: Array(inputs.prefix(2)))
        return sumsLeft ? [result, TensorType(result.dtype, [result.shape[-2]])] : [result]
    }

    package func body(_ inputs: [Tensor]) -> [Tensor] {
        var y = Tensor.apply(product, Array(inputs.prefix(2)))
        if hasBias { y = y + inputs[2].reshaped(to: [inputs[2].count]) }
        if hasRelu { y = relu(y) }
        if sumsLeft { return [y, .apply(Reduce(.sum, axes: [0]), [inputs[0]])] }
        guard isGated, let gate = inputs.last else { return [y] }
        let zeros = Tensor.zerosLike(y)
        return [`where`(gate .<= zeros, zeros, y)]
    }
}

/// A convolution's weight gradient with that of its bias: inputs x and dy, results dw and db `[channels]`.
package struct FusedWeightGradient: Composite {
    package static let name = "convolution_weight_gradient+"
    package let gradient: ConvolutionWeightGradient

    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let weight = try gradient.outputType(for: inputs)
        return [weight, TensorType(weight.dtype, [inputs[1].shape[1]])]
    }

    package func body(_ inputs: [Tensor]) -> [Tensor] {
        let upstream = gradient.dtype.map { inputs[1].converted(to: $0) } ?? inputs[1]
        return [.apply(gradient, inputs), .apply(Reduce(.sum, axes: [0] + Array(2..<upstream.rank)), [upstream])]
    }
}

// MARK: - Products in bf16

extension FusedConvolution: Product {
    package static var readsViews: Bool { false }
    package func inBFloat16(giving dtype: DType) -> FusedConvolution {
        FusedConvolution(geometry: geometry, hasBias: hasBias, hasResidual: hasResidual, hasRelu: hasRelu, dtype: dtype)
    }
}

extension FusedMatrixMultiply: Product {
    package static var readsViews: Bool { true }
    package func inBFloat16(giving dtype: DType) -> FusedMatrixMultiply {
        FusedMatrixMultiply(
            product: product.inBFloat16(giving: dtype), hasBias: hasBias, hasRelu: hasRelu, isGated: isGated, sumsLeft: sumsLeft)
    }
}

extension FusedWeightGradient: Product {
    package static var readsViews: Bool { false }
    package func inBFloat16(giving dtype: DType) -> FusedWeightGradient {
        FusedWeightGradient(gradient: gradient.inBFloat16(giving: dtype))
    }
}

extension Program {
    /// Whether a value is an f32 value rounded for convolutions, which are free to round it themselves: then it is not computed before
    /// somebody reads it.
    func isRoundedForConvolutions(_ value: Int, _ uses: [[Int]]) -> Bool {
        guard let instruction = instruction(value), instruction.primitive as? Convert == Convert(to: .bfloat16),
            type(of: instruction.operands[0]).dtype == .float32
        else { return false }
        return uses[value].contains { position in
            guard let product = instructions[position].primitive as? any Product else { return false }
            return !Swift.type(of: product).readsViews
        }
    }
}
