import HillockCore

/// What follows a layer: decides by how much its weights must make up for what the function takes from the signal's variance.
public enum Nonlinearity: Hashable, Sendable {
    /// None, or one that keeps the variance near 0, such as sigmoid.
    case linear
    /// ReLU.
    case relu
    /// Leaky ReLU with this factor for negative elements.
    case leakyReLU(slope: Double)
    /// The hyperbolic tangent.
    case tanh

    /// Factor of the weights' standard deviation, as PyTorch's `calculate_gain`.
    public var gain: Double {
        switch self {
        case .linear: 1
        case .relu: 2.0.squareRoot()
        case .leakyReLU(let slope): (2 / (1 + slope * slope)).squareRoot()
        case .tanh: 5.0 / 3
        }
    }
}

/// Which signal keeps its variance.
public enum FanMode: Hashable, Sendable {
    /// The forward one: divided by the number of inputs of an output.
    case fanIn
    /// The backward one: divided by the number of outputs that an input goes to.
    case fanOut
}

extension Initializer {
    /// Uniform in ±gain · √(3 / fan) (He, Zhang, Ren, Sun 2015). Shapes `[out, in, …]`.
    public static func kaimingUniform(_ nonlinearity: Nonlinearity = .relu, mode: FanMode = .fanIn) -> Initializer {
        Initializer { shape, dtype in
            let bound = nonlinearity.gain * (3 / fans(shape, "kaimingUniform").of(mode)).squareRoot()
            return .uniform(shape, low: -bound, high: bound, dtype: dtype)
        }
    }

    /// Normal with standard deviation gain / √fan (He, Zhang, Ren, Sun 2015). Shapes `[out, in, …]`.
    public static func kaimingNormal(_ nonlinearity: Nonlinearity = .relu, mode: FanMode = .fanIn) -> Initializer {
        Initializer { shape, dtype in
            let deviation = nonlinearity.gain / fans(shape, "kaimingNormal").of(mode).squareRoot()
            return .normal(shape, standardDeviation: deviation, dtype: dtype)
        }
    }

    /// Uniform in ±gain · √(6 / (fanIn + fanOut)) (Glorot and Bengio 2010). Shapes `[out, in, …]`.
    public static func xavierUniform(gain: Double = 1) -> Initializer {
        Initializer { shape, dtype in
            let fans = fans(shape, "xavierUniform")
            let bound = gain * (6 / (fans.fanIn + fans.fanOut)).squareRoot()
            return .uniform(shape, low: -bound, high: bound, dtype: dtype)
        }
    }

    /// Normal with standard deviation gain · √(2 / (fanIn + fanOut)) (Glorot and Bengio 2010). Shapes `[out, in, …]`.
    public static func xavierNormal(gain: Double = 1) -> Initializer {
        Initializer { shape, dtype in
            let fans = fans(shape, "xavierNormal")
            return .normal(shape, standardDeviation: gain * (2 / (fans.fanIn + fans.fanOut)).squareRoot(), dtype: dtype)
        }
    }

    private struct Fans {
        let fanIn: Double
        let fanOut: Double
        func of(_ mode: FanMode) -> Double { mode == .fanIn ? fanIn : fanOut }
    }

    /// How many inputs an output of a weight of this shape has, and how many outputs an input goes to; at least 1 each.
    private static func fans(_ shape: Shape, _ name: String) -> Fans {
        guard shape.rank >= 2 else {
            misuse(
                ShapeError(
                    name, "shape \(shape) has no fan: expected two axes or more, [out, in, …]",
                    hint: "use uniform, normal or zeros for a bias"))
            return Fans(fanIn: 1, fanOut: 1)
        }
        let taps = shape.dimensions.dropFirst(2).reduce(1, *)
        return Fans(fanIn: Double(Swift.max(shape[1] * taps, 1)), fanOut: Double(Swift.max(shape[0] * taps, 1)))
    }
}
