/// StableHLO `convert`: the same values in another dtype.
public struct Convert: Primitive {
    /// `convert`
    public static let name = "convert"
    /// The dtype wanted.
    public let dtype: DType

    /// The conversion to this dtype.
    public init(to dtype: DType) { self.dtype = dtype }

    /// The input's shape in the dtype wanted.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        TensorType(dtype, inputs[0].shape)
    }

    /// dy converted back; none to or from whole numbers.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        inputs[0].dtype.isFloatingPoint ? [upstream.converted(to: inputs[0].dtype)] : [nil]
    }

    /// Rounds, or truncates and saturates towards whole numbers; `bool` is "not zero".
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        // Between integers values wrap, as in C and NumPy; from reals they saturate.
        inputs[0].dtype.isFloatingPoint
            ? HostArray(inputs[0].doubles, as: type) : HostArray(inputs[0].integers, as: type)
    }

    /// `convert`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.emit("convert", inputs, as: type)
    }
}

extension Tensor {
    /// The same values in another dtype. Reals are rounded to nearest even; to whole numbers they are truncated towards zero and
    /// saturate, NaN becomes 0; whole numbers wrap; to `bool` everything but 0 is true.
    public func converted(to dtype: DType) -> Tensor {
        dtype == self.dtype ? self : .apply(Convert(to: dtype), self, unchecked: TensorType(dtype, shape))
    }
}
