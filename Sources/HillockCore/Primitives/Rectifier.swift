/// max(x, 0): not in StableHLO, but what engines add to a convolution or product on its way out.
public struct Rectifier: NumericFunction {
    /// `relu`
    public static let name = "relu"
    /// `maximum`
    public static let stableHLOName = "maximum"
    /// max(x, 0); NaN stays NaN.
    public func apply(_ x: Double) -> Double { x <= 0 ? 0 : x }
    /// max(x, 0)
    public func apply(_ x: Int64) -> Int64 { Swift.max(x, 0) }
    /// `maximum` with zeros
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let zeros = text.constant(0, inputs[0].type)
        return text.emit(Self.stableHLOName, inputs[0], zeros)
    }
    /// By one operation, which the result is enough for: the input need not be kept.
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { Tensor.composite(RectifierGradient(), [y, dy])[0] }
}

/// dy where the result y of ``Rectifier`` is positive (or NaN), else 0: one node, rather than a mask that the forward pass leaves.
package struct RectifierGradient: RealFunctionGradient {
    /// `reluGradient`
    package static let name = "reluGradient"

    /// Zero where y is at most zero.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        let (y, dy) = (inputs[0], inputs[1])
        return [`where`(y .<= Tensor.zerosLike(y), Tensor.zerosLike(dy), dy)]
    }

    /// Through the same gate; opening and closing it has no slope.
    package func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        [nil, Tensor.composite(RectifierGradient(), [inputs[0], upstream])[0]]
    }
}

/// max(x, 0), element by element; NaN stays NaN. The gradient at 0 is 0 (Nair and Hinton 2010).
public func relu(_ x: Tensor) -> Tensor { .unary(Rectifier(), x) }
