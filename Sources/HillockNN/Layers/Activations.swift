import HillockCore

// Functions of HillockCore as layers, element by element. Shapes: any, unchanged.

/// max(x, 0)
///
/// Shapes: any, unchanged.
public struct ReLU: Layer {
    private let scope = LayerScope()
    /// The layer has no settings.
    public init() {}
    /// Applies the function.
    public func callAsFunction(_ x: Tensor) -> Tensor { scope.enter(self, x) { relu(x) } }
}

/// x where positive, `slope` · x elsewhere (Maas, Hannun, Ng 2013).
///
/// Shapes: any, unchanged.
public struct LeakyReLU: Layer {
    /// Factor of negative elements.
    public let slope: Double
    private let scope = LayerScope()
    /// A layer with this factor for negative elements.
    public init(slope: Double = 0.01) { self.slope = slope }
    /// Applies the function.
    public func callAsFunction(_ x: Tensor) -> Tensor { scope.enter(self, x) { leakyReLU(x, slope: slope) } }
}

/// x where positive, a learned slope · x elsewhere (He et al. 2015).
///
/// Shapes: any, unchanged; `[N, C, …]` with a slope for each channel. Checkpoint name: `weight` `[1]` or `[C]`.
public struct PReLU: Layer {
    /// Factors of negative elements.
    public let weight: Parameter
    private let scope = LayerScope()

    /// A layer with `count` slopes: one for everything, or one for each channel.
    public init(_ count: Int = 1, slope: Double = 0.25, dtype: DType = .float32) {
        if count < 1 { misuse(ShapeError("prelu", "there are \(count) slopes, expected 1, or one for each channel")) }
        weight = Parameter(.full([Swift.max(count, 1)], slope, dtype: dtype))
    }

    /// Applies the function.
    public func callAsFunction(_ x: Tensor) -> Tensor { scope.enter(self, x) { prelu(x, slope: weight.value) } }
}

/// x · Φ(x) with Φ the normal distribution function, exactly (Hendrycks and Gimpel 2016).
///
/// Shapes: any, unchanged.
public struct GELU: Layer {
    private let scope = LayerScope()
    /// The layer has no settings.
    public init() {}
    /// Applies the function.
    public func callAsFunction(_ x: Tensor) -> Tensor { scope.enter(self, x) { gelu(x) } }
}

/// x · sigmoid(x), also called swish (Elfwing, Uchibe, Doya 2018).
///
/// Shapes: any, unchanged.
public struct SiLU: Layer {
    private let scope = LayerScope()
    /// The layer has no settings.
    public init() {}
    /// Applies the function.
    public func callAsFunction(_ x: Tensor) -> Tensor { scope.enter(self, x) { silu(x) } }
}

/// The hyperbolic tangent.
///
/// Shapes: any, unchanged.
public struct Tanh: Layer {
    private let scope = LayerScope()
    /// The layer has no settings.
    public init() {}
    /// Applies the function.
    public func callAsFunction(_ x: Tensor) -> Tensor { scope.enter(self, x) { tanh(x) } }
}

/// The logistic function 1 / (1 + e^−x).
///
/// Shapes: any, unchanged.
public struct Sigmoid: Layer {
    private let scope = LayerScope()
    /// The layer has no settings.
    public init() {}
    /// Applies the function.
    public func callAsFunction(_ x: Tensor) -> Tensor { scope.enter(self, x) { sigmoid(x) } }
}

/// e^x / Σ e^x along an axis.
///
/// Shapes: any, unchanged.
public struct Softmax: Layer {
    /// The axis along which the elements add up to 1; negative counts from the end.
    public let axis: Int
    private let scope = LayerScope()
    /// A softmax along this axis.
    public init(axis: Int = -1) { self.axis = axis }
    /// Applies the function.
    public func callAsFunction(_ x: Tensor) -> Tensor { scope.enter(self, x) { softmax(x, axis: axis) } }
}
