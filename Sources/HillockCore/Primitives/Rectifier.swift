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
    /// dy where the result is positive (or NaN): the input need not be kept. The zeros are constants, so that passes know them.
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { `where`(y .<= Tensor.zerosLike(y), Tensor.zerosLike(dy), dy) }
}

/// max(x, 0), element by element; NaN stays NaN. The gradient at 0 is 0 (Nair and Hinton 2010).
public func relu(_ x: Tensor) -> Tensor { .unary(Rectifier(), x) }
