import HillockCore

/// Layer normalisation over the last axes (Ba, Kiros, Hinton 2016): `(x − mean) / √(variance + ε) · weight + bias`.
///
/// Shapes: `[…, shape…]`, unchanged. Checkpoint names: `weight`, `bias`, of the normalised shape.
public struct LayerNorm: Layer {
    /// Scale, of the normalised shape.
    public let weight: Parameter?
    /// Shift, of the normalised shape.
    public let bias: Parameter?
    /// Extents of the last axes, over which mean and variance are taken.
    public let normalizedShape: Shape
    /// Added to the variance.
    public let epsilon: Double
    private let scope = LayerScope()

    /// A normalisation over the last axes, which have this shape; scale 1, shift 0.
    public init(_ normalizedShape: Shape, epsilon: Double = 1e-5, affine: Bool = true, bias: Bool = true, dtype: DType = .float32) {
        self.normalizedShape = normalizedShape
        self.epsilon = epsilon
        weight = affine ? Parameter(.ones(normalizedShape, dtype: dtype)) : nil
        self.bias = affine && bias ? Parameter(.zeros(normalizedShape, dtype: dtype)) : nil
    }

    /// A normalisation over the last axis.
    public init(_ features: Int, epsilon: Double = 1e-5, affine: Bool = true, bias: Bool = true, dtype: DType = .float32) {
        self.init([features], epsilon: epsilon, affine: affine, bias: bias, dtype: dtype)
    }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) {
            layerNorm(x, scale: weight?.value ?? .ones(normalizedShape, dtype: x.dtype), bias: bias?.value, epsilon: epsilon)
        }
    }
}
