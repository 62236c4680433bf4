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
