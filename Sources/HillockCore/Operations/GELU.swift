/// x · Φ(x) with Φ the normal distribution function, exactly (Hendrycks and Gimpel 2016).
public func gelu(_ x: Tensor) -> Tensor { Tensor.composite(GELUFunction(), [x])[0] }

/// x · Φ(x) as one node, since an engine can compute it for less than the error function in it.
package struct GELUFunction: Composite {
    /// `gelu`
    package static let name = "gelu"

    /// The type of x, which has to be real.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        try checkReal(Self.name, inputs[0])
        return inputs
    }

    /// x · (1 + erf(x / √2)) / 2
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        let x = inputs[0]
        return [x * (erf(x * 0.707_106_781_186_547_5) + 1) * 0.5]
    }

    /// By one operation.
    package func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        Tensor.composite(GELUGradient(), [inputs[0], upstream])
    }
}

/// dy · (Φ(x) + x · φ(x)), φ being the normal density.
package struct GELUGradient: RealFunctionGradient {
    /// `geluGradient`
    package static let name = "geluGradient"

    /// The forward body, differentiated.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        vectorJacobianProduct(of: GELUFunction().body([inputs[0]]), with: [inputs[1]], withRespectTo: [inputs[0]])
    }
}
