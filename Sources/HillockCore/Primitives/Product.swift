/// An operation that multiplies its first two operands and adds up: what ``Precision`` is about.
///
/// Of operands in f32 and f64 (matrix products: of whole numbers too) the result has the operands' dtype. Of operands in bf16 it is said what
/// it has: f32, in which it is added up, or bf16, rounded once more at the end.
package protocol Product: Primitive {
    /// Whether operands are walked by strides, so that changes of shape before it cost nothing.
    static var readsViews: Bool { get }

    /// The same of bf16 operands, with a result of this dtype.
    func inBFloat16(giving dtype: DType) -> Self
}

extension MatrixMultiply: Product {
    package static var readsViews: Bool { true }
    package func inBFloat16(giving dtype: DType) -> MatrixMultiply {
        MatrixMultiply(transposingLeft: transposesLeft, transposingRight: transposesRight, as: dtype)
    }
}

extension Convolution: Product {
    package static var readsViews: Bool { false }
    package func inBFloat16(giving dtype: DType) -> Convolution { Convolution(geometry, as: dtype) }
}

extension ConvolutionInputGradient: Product {
    package static var readsViews: Bool { false }
    package func inBFloat16(giving dtype: DType) -> ConvolutionInputGradient {
        ConvolutionInputGradient(geometry, inputShape: inputShape, as: dtype)
    }
}

extension ConvolutionWeightGradient: Product {
    package static var readsViews: Bool { false }
    package func inBFloat16(giving dtype: DType) -> ConvolutionWeightGradient {
        ConvolutionWeightGradient(geometry, weightShape: weightShape, as: dtype)
    }
}

/// The dtype of a product whose left operand is of this type: what is stated, for bf16, or the operand's own.
func productType(_ operation: String, _ operand: TensorType, as stated: DType?) throws(ShapeError) -> DType {
    guard let stated else {
        try checkArithmetic(operation, operand)
        return operand.dtype
    }
    guard operand.dtype == .bfloat16, stated == .float32 || stated == .bfloat16 else {
        throw ShapeError(operation, "a product of \(operand.dtype) as \(stated): only bf16 gives another dtype, f32 or bf16")
    }
    return stated
}
