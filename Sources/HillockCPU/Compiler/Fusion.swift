import CKernels
import HillockCore

/// Element-wise operations over one iteration space, and reductions of their results, that run as one pass over memory.
///
/// A composite that ``FuseElementwise`` makes: its body is the piece of the program that it replaces, so that a fused program can still be
/// run by the reference engine. All values have one shape, but for the
/// reductions, which come last.
package struct Fusion: Composite {
    package static let name = "fusion"
    /// The operations. Inputs and outputs are the composite's, in order.
    package let program: Program

    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        if inputs != program.inputs.map(\.type) {
            throw ShapeError(Self.name, "inputs are \(inputs), expected \(program.inputs.map(\.type))")
        }
        return program.outputs.map(program.type(of:))
    }

    package func body(_ inputs: [Tensor]) -> [Tensor] {
        var values = inputs
        for instruction in program.instructions { values.append(.apply(instruction.primitive, instruction.operands.map { values[$0] })) }
        return program.outputs.map { values[$0] }
    }
}

extension Reduce {
    /// Whether a pass over values of a type can end in this reduction: neighbours in row-major order become one element.
    func endsPass(over type: TensorType) -> Bool {
        let rank = type.shape.rank
        return !axes.isEmpty && axes.elementsEqual((rank - axes.count)..<rank) && type.shape.count > 0
    }

    /// The kernels' number of it.
    var reduction: Int32 {
        switch kind {
        case .sum: Int32(hk_reduce_sum.rawValue)
        case .product: Int32(hk_reduce_product.rawValue)
        case .maximum: Int32(hk_reduce_max.rawValue)
        case .minimum: Int32(hk_reduce_min.rawValue)
        }
    }
}
