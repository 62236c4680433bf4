import HillockCore

/// A batch normalisation that adds a residual and rectifies before it stores.
///
/// Inputs: those of ``norm``, then the residual if there is one. Results: as those of ``norm``.
package struct FusedBatchNormalization: Composite {
    /// `batch_norm+`
    package static let name = "batch_norm+"
    /// What normalises.
    package let norm: BatchNormalization
    /// Whether there is an input residual.
    package let hasResidual: Bool
    /// Whether the sum is rectified.
    package let hasRelu: Bool

    /// How many inputs the normalisation itself has.
    var normInputCount: Int { 1 + (norm.hasScale ? 1 : 0) + (norm.hasBias ? 1 : 0) }

    /// Those of the normalisation.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        try norm.outputTypes(for: Array(inputs.prefix(normInputCount)))
    }

    /// One after the other.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        var results = norm.body(Array(inputs.prefix(normInputCount)))
        if hasResidual { results[0] = results[0] + inputs[inputs.count - 1] }
        if hasRelu { results[0] = relu(results[0]) }
        return results
    }
}

/// A group normalisation that adds a residual and rectifies before it stores.
///
/// Inputs: those of ``norm``, then the residual if there is one. Result: of the shape of x.
package struct FusedGroupNormalization: Composite {
    /// `group_norm+`
    package static let name = "group_norm+"
    /// What normalises.
    package let norm: GroupNormalization
    /// Whether there is an input residual.
    package let hasResidual: Bool
    /// Whether the sum is rectified.
    package let hasRelu: Bool

    /// That of the normalisation.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        try norm.outputTypes(for: hasResidual ? Array(inputs.dropLast()) : inputs)
    }

    /// One after the other.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        var y = norm.body(hasResidual ? Array(inputs.dropLast()) : inputs)[0]
        if hasResidual { y = y + inputs[inputs.count - 1] }
        return [hasRelu ? relu(y) : y]
    }
}

/// The gradient of a batch normalisation whose statistics are known, and of the rectifier that followed.
///
/// Inputs: those of ``norm``, mean, variance, the upstream gradient, and if the mask is found by it the rectified result. Results: the
/// gradients of the inputs of ``norm``, then if it is wanted the upstream gradient as far as it passed the rectifier.
package struct FusedBatchNormalizationGradient: Composite {
    /// What a rectifier that followed is found by.
    package enum Mask: Hashable, Sendable {
        case none
        /// The sign of the result.
        case output
        /// The sign of the normalised value, computed again.
        case again
    }
    /// `batch_norm_gradient+`
    package static let name = "batch_norm_gradient+"
    /// What is differentiated.
    package let norm: BatchNormalization
    /// How the rectifier is looked through.
    package let mask: Mask
    /// Whether what passed the rectifier is a result.
    package let keepsUpstream: Bool

    /// How many inputs the normalisation itself has.
    var normInputCount: Int { FusedBatchNormalization(norm: norm, hasResidual: false, hasRelu: false).normInputCount }

    /// Those of the inputs of the normalisation, and of the upstream gradient.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        Array(inputs.prefix(normInputCount)) + (keepsUpstream ? [inputs[0]] : [])
    }

    /// Ioffe and Szegedy 2015, section 3, collected.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        let x = inputs[0]
        let (mean, variance) = (inputs[normInputCount], inputs[normInputCount + 1])
        var upstream = inputs[normInputCount + 2]
        let inverse = rsqrt(variance + norm.epsilon)
        let normal = (x - mean.perChannel(of: x)) * inverse.perChannel(of: x)
        let zeros = Tensor.zerosLike(x)
        switch mask {
        case .none: break
        case .output: upstream = `where`(inputs[normInputCount + 3] .<= zeros, zeros, upstream)
        case .again:
            var y = norm.hasScale ? normal * inputs[1].perChannel(of: x) : normal
            if norm.hasBias { y = y + inputs[normInputCount - 1].perChannel(of: x) }
            upstream = `where`(y .<= zeros, zeros, upstream)
        }
        func total(_ t: Tensor) -> Tensor { .apply(Reduce(.sum, axes: [0] + Array(2..<x.rank)), [t]) }
        let n = Double(x.count) / Double(x.shape[1])
        let (sum, product) = (total(upstream), total(upstream * normal))
        let slope = norm.hasScale ? inputs[1] * inverse : inverse
        let centred = upstream - (sum / n).perChannel(of: x) - normal * (product / n).perChannel(of: x)
        return [centred * slope.perChannel(of: x)] + (norm.hasScale ? [product] : []) + (norm.hasBias ? [sum] : [])
            + (keepsUpstream ? [upstream] : [])
    }
}
