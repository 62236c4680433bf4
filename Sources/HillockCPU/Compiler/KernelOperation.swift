import CKernels
import HillockCore

/// Primitives that the element-wise machine has an instruction for.
protocol KernelOperation: Primitive {
    /// The instruction.
    var kernel: hk_op { get }
    /// Which operand's dtype the instruction works in.
    static var typeOperand: Int { get }
}

extension KernelOperation {
    static var typeOperand: Int { 0 }

    func isSupported(for types: [DType]) -> Bool {
        hk_elementwise_supports(Int32(kernel.rawValue), Int32(types[Self.typeOperand].rawValue))
    }
}

extension Add: KernelOperation { var kernel: hk_op { hk_op_add } }
extension Subtract: KernelOperation { var kernel: hk_op { hk_op_subtract } }
extension Multiply: KernelOperation { var kernel: hk_op { hk_op_multiply } }
extension Divide: KernelOperation { var kernel: hk_op { hk_op_divide } }
extension Remainder: KernelOperation { var kernel: hk_op { hk_op_remainder } }
extension Power: KernelOperation { var kernel: hk_op { hk_op_power } }
extension Maximum: KernelOperation { var kernel: hk_op { hk_op_maximum } }
extension Minimum: KernelOperation { var kernel: hk_op { hk_op_minimum } }
extension Negate: KernelOperation { var kernel: hk_op { hk_op_negate } }
extension AbsoluteValue: KernelOperation { var kernel: hk_op { hk_op_abs } }
extension Sign: KernelOperation { var kernel: hk_op { hk_op_sign } }
extension Exponential: KernelOperation { var kernel: hk_op { hk_op_exp } }
extension ExponentialMinusOne: KernelOperation { var kernel: hk_op { hk_op_expm1 } }
extension Logarithm: KernelOperation { var kernel: hk_op { hk_op_log } }
extension LogarithmPlusOne: KernelOperation { var kernel: hk_op { hk_op_log1p } }
extension SquareRoot: KernelOperation { var kernel: hk_op { hk_op_sqrt } }
extension ReciprocalSquareRoot: KernelOperation { var kernel: hk_op { hk_op_rsqrt } }
extension Sine: KernelOperation { var kernel: hk_op { hk_op_sin } }
extension Cosine: KernelOperation { var kernel: hk_op { hk_op_cos } }
extension HyperbolicTangent: KernelOperation { var kernel: hk_op { hk_op_tanh } }
extension Logistic: KernelOperation { var kernel: hk_op { hk_op_logistic } }
extension ErrorFunction: KernelOperation { var kernel: hk_op { hk_op_erf } }
extension Floor: KernelOperation { var kernel: hk_op { hk_op_floor } }
extension Ceiling: KernelOperation { var kernel: hk_op { hk_op_ceil } }
extension Round: KernelOperation { var kernel: hk_op { hk_op_round_even } }
extension Rectifier: KernelOperation { var kernel: hk_op { hk_op_relu } }
extension HyperbolicTangentGradient: KernelOperation { var kernel: hk_op { hk_op_tanh_gradient } }
extension LogisticGradient: KernelOperation { var kernel: hk_op { hk_op_logistic_gradient } }
extension RectifierGradient: KernelOperation { var kernel: hk_op { hk_op_relu_gradient } }
extension GELUFunction: KernelOperation { var kernel: hk_op { hk_op_gelu } }
extension GELUGradient: KernelOperation { var kernel: hk_op { hk_op_gelu_gradient } }
extension Convert: KernelOperation { var kernel: hk_op { hk_op_convert } }
extension LogicalNot: KernelOperation { var kernel: hk_op { hk_op_not } }

extension Select: KernelOperation {
    var kernel: hk_op { hk_op_select }
    static var typeOperand: Int { 1 }
}

extension Compare: KernelOperation {
    var kernel: hk_op {
        switch relation {
        case .equal: hk_op_equal
        case .notEqual: hk_op_not_equal
        case .less: hk_op_less
        case .lessOrEqual: hk_op_less_equal
        case .greater: hk_op_greater
        case .greaterOrEqual: hk_op_greater_equal
        }
    }
}

extension Logical: KernelOperation {
    var kernel: hk_op {
        switch combination {
        case .and: hk_op_and
        case .or: hk_op_or
        case .xor: hk_op_xor
        }
    }
}
