import Glibc

// Real functions of one tensor. Names and meaning are StableHLO's.

/// StableHLO `exponential`: e^x.
public struct Exponential: RealFunction {
    /// `exp`
    public static let name = "exp"
    /// `exponential`
    public static let stableHLOName = "exponential"
    /// e^x
    public func apply(_ x: Double) -> Double { Glibc.exp(x) }
    /// dy · y
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { dy * y }
}

/// e^x, element by element; f32 and f64.
public func exp(_ x: Tensor) -> Tensor { .unary(Exponential(), x) }

/// StableHLO `exponential_minus_one`: e^x − 1, exact near 0.
public struct ExponentialMinusOne: RealFunction {
    /// `expm1`
    public static let name = "expm1"
    /// `exponential_minus_one`
    public static let stableHLOName = "exponential_minus_one"
    /// e^x − 1
    public func apply(_ x: Double) -> Double { Glibc.expm1(x) }
    /// dy · (y + 1)
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { dy * (y + 1) }
}

/// e^x − 1, exact near 0; f32 and f64.
public func expm1(_ x: Tensor) -> Tensor { .unary(ExponentialMinusOne(), x) }

/// StableHLO `log`: the natural logarithm.
public struct Logarithm: RealFunction {
    /// `log`
    public static let name = "log"
    /// `log`
    public static let stableHLOName = "log"
    /// ln x
    public func apply(_ x: Double) -> Double { Glibc.log(x) }
    /// dy / x
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { dy / x }
}

/// Natural logarithm, element by element; f32 and f64.
public func log(_ x: Tensor) -> Tensor { .unary(Logarithm(), x) }

/// StableHLO `log_plus_one`: ln(1 + x), exact near 0.
public struct LogarithmPlusOne: RealFunction {
    /// `log1p`
    public static let name = "log1p"
    /// `log_plus_one`
    public static let stableHLOName = "log_plus_one"
    /// ln(1 + x)
    public func apply(_ x: Double) -> Double { Glibc.log1p(x) }
    /// dy / (1 + x)
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { dy / (x + 1) }
}

/// ln(1 + x), exact near 0; f32 and f64.
public func log1p(_ x: Tensor) -> Tensor { .unary(LogarithmPlusOne(), x) }

/// StableHLO `sqrt`.
public struct SquareRoot: RealFunction {
    /// `sqrt`
    public static let name = "sqrt"
    /// `sqrt`
    public static let stableHLOName = "sqrt"
    /// √x
    public func apply(_ x: Double) -> Double { x.squareRoot() }
    /// dy / (2 y)
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { dy / (y * 2) }
}

/// Square root, element by element; f32 and f64.
public func sqrt(_ x: Tensor) -> Tensor { .unary(SquareRoot(), x) }

/// StableHLO `rsqrt`: 1 / √x.
public struct ReciprocalSquareRoot: RealFunction {
    /// `rsqrt`
    public static let name = "rsqrt"
    /// `rsqrt`
    public static let stableHLOName = "rsqrt"
    /// 1 / √x
    public func apply(_ x: Double) -> Double { 1 / x.squareRoot() }
    /// −dy · y³ / 2
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { dy * y * y * y * -0.5 }
}

/// 1 / √x, element by element; f32 and f64.
public func rsqrt(_ x: Tensor) -> Tensor { .unary(ReciprocalSquareRoot(), x) }

/// StableHLO `sine`.
public struct Sine: RealFunction {
    /// `sin`
    public static let name = "sin"
    /// `sine`
    public static let stableHLOName = "sine"
    /// The operation has no attributes.
    package init() {}
    /// sin x
    public func apply(_ x: Double) -> Double { Glibc.sin(x) }
    /// dy · cos x
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { dy * cos(x) }
}

/// Sine of radians, element by element; f32 and f64.
public func sin(_ x: Tensor) -> Tensor { .unary(Sine(), x) }

/// StableHLO `cosine`.
public struct Cosine: RealFunction {
    /// `cos`
    public static let name = "cos"
    /// `cosine`
    public static let stableHLOName = "cosine"
    /// cos x
    public func apply(_ x: Double) -> Double { Glibc.cos(x) }
    /// −dy · sin x
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { -(dy * sin(x)) }
}

/// Cosine of radians, element by element; f32 and f64.
public func cos(_ x: Tensor) -> Tensor { .unary(Cosine(), x) }

/// StableHLO `tanh`.
public struct HyperbolicTangent: RealFunction {
    /// `tanh`
    public static let name = "tanh"
    /// `tanh`
    public static let stableHLOName = "tanh"
    /// tanh x
    public func apply(_ x: Double) -> Double { Glibc.tanh(x) }
    /// By one operation.
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { Tensor.composite(HyperbolicTangentGradient(), [y, dy])[0] }
}

/// dy · (1 − y²), y being the tangent: one node, so that no factor of it is computed, and written, in the forward pass.
package struct HyperbolicTangentGradient: RealFunctionGradient {
    /// `tanhGradient`
    package static let name = "tanhGradient"

    /// dy · (1 − y²)
    package func body(_ inputs: [Tensor]) -> [Tensor] { [inputs[1] * (1 - inputs[0] * inputs[0])] }
}

/// Hyperbolic tangent, element by element; f32 and f64.
public func tanh(_ x: Tensor) -> Tensor { .unary(HyperbolicTangent(), x) }

/// StableHLO `logistic`.
public struct Logistic: RealFunction {
    /// `sigmoid`
    public static let name = "sigmoid"
    /// `logistic`
    public static let stableHLOName = "logistic"
    /// 1 / (1 + e^−x)
    public func apply(_ x: Double) -> Double { 1 / (1 + Glibc.exp(-x)) }
    /// By one operation.
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { Tensor.composite(LogisticGradient(), [y, dy])[0] }
}

/// dy · y · (1 − y), y being the function's value: one node, as that of the tangent is.
package struct LogisticGradient: RealFunctionGradient {
    /// `sigmoidGradient`
    package static let name = "sigmoidGradient"

    /// dy · y · (1 − y)
    package func body(_ inputs: [Tensor]) -> [Tensor] { [inputs[1] * inputs[0] * (1 - inputs[0])] }
}

/// The logistic function 1 / (1 + e^−x), element by element; f32 and f64.
public func sigmoid(_ x: Tensor) -> Tensor { .unary(Logistic(), x) }

/// The error function (CHLO `erf`).
public struct ErrorFunction: RealFunction {
    /// `erf`
    public static let name = "erf"
    /// `chlo.erf`
    public static let stableHLOName = "chlo.erf"
    /// 2/√π ∫₀ˣ e^−t² dt
    public func apply(_ x: Double) -> Double { Glibc.erf(x) }
    /// dy · 2/√π · e^−x²
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { dy * exp(-(x * x)) * 1.128_379_167_095_512_6 }
}

/// The error function 2/√π ∫₀ˣ e^−t² dt, element by element; f32 and f64.
public func erf(_ x: Tensor) -> Tensor { .unary(ErrorFunction(), x) }

/// StableHLO `floor`.
public struct Floor: RealFunction {
    /// `floor`
    public static let name = "floor"
    /// `floor`
    public static let stableHLOName = "floor"
    /// Greatest whole number not above x.
    public func apply(_ x: Double) -> Double { x.rounded(.down) }
    /// Zero wherever it exists.
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { nil }
}

/// Greatest whole number not above x; its gradient is zero.
public func floor(_ x: Tensor) -> Tensor { .unary(Floor(), x) }

/// StableHLO `ceil`.
public struct Ceiling: RealFunction {
    /// `ceil`
    public static let name = "ceil"
    /// `ceil`
    public static let stableHLOName = "ceil"
    /// Least whole number not below x.
    public func apply(_ x: Double) -> Double { x.rounded(.up) }
    /// Zero wherever it exists.
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { nil }
}

/// Least whole number not below x; its gradient is zero.
public func ceil(_ x: Tensor) -> Tensor { .unary(Ceiling(), x) }

/// StableHLO `round_nearest_even`.
public struct Round: RealFunction {
    /// `round`
    public static let name = "round"
    /// `round_nearest_even`
    public static let stableHLOName = "round_nearest_even"
    /// Nearest whole number, ties to even.
    public func apply(_ x: Double) -> Double { x.rounded(.toNearestOrEven) }
    /// Zero wherever it exists.
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { nil }
}

/// Nearest whole number, ties to even; its gradient is zero.
public func round(_ x: Tensor) -> Tensor { .unary(Round(), x) }

/// StableHLO `negate`.
public struct Negate: NumericFunction {
    /// `negate`
    public static let name = "negate"
    /// `negate`
    public static let stableHLOName = "negate"
    /// The operation has no attributes.
    package init() {}
    /// −x
    public func apply(_ x: Double) -> Double { -x }
    /// −x, wrapping
    public func apply(_ x: Int64) -> Int64 { 0 &- x }
    /// −dy
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { -dy }
}

/// StableHLO `abs`.
public struct AbsoluteValue: NumericFunction {
    /// `abs`
    public static let name = "abs"
    /// `abs`
    public static let stableHLOName = "abs"
    /// |x|
    public func apply(_ x: Double) -> Double { x.magnitude }
    /// |x|, wrapping at the least value
    public func apply(_ x: Int64) -> Int64 { x < 0 ? 0 &- x : x }
    /// dy · sign x, so 0 at 0
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { dy * sign(x) }
    /// `abs`, which is not defined for bytes: they have no sign.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        type.dtype == .uint8 ? inputs[0] : text.emit(Self.stableHLOName, inputs, as: type)
    }
}

/// Absolute value, element by element. The gradient at 0 is 0.
public func abs(_ x: Tensor) -> Tensor { .apply(AbsoluteValue(), [x]) }

/// StableHLO `sign`.
public struct Sign: NumericFunction {
    /// `sign`
    public static let name = "sign"
    /// `sign`
    public static let stableHLOName = "sign"
    /// −1, 0 or 1; NaN stays, and so does the sign of zero.
    public func apply(_ x: Double) -> Double { x > 0 ? 1 : x < 0 ? -1 : x }
    /// −1, 0 or 1
    public func apply(_ x: Int64) -> Int64 { x.signum() }
    /// Zero wherever it exists.
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { nil }
    /// `sign`, which is not defined for bytes: theirs is min(x, 1).
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        type.dtype == .uint8
            ? text.emit("minimum", inputs[0], text.constant(1, inputs[0].type)) : text.emit(Self.stableHLOName, inputs, as: type)
    }
}

/// −1, 0 or 1 by the sign of each element; its gradient is zero.
public func sign(_ x: Tensor) -> Tensor { .apply(Sign(), [x]) }
