import HillockCore

/// Element-wise operations over one iteration space that run as one pass over memory.
///
/// A composite that ``FuseElementwise`` makes: its body is the piece of the program that it replaces, so that a fused program can still be
/// run by the reference engine. All values have one shape.
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
