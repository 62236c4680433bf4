/// Replaces composites by their bodies, but for those that the engine has a kernel for.
///
/// This is how composites are recognised: they come as named nodes, and what the engine does not keep disappears here.
package struct ExpandComposites: Pass {
    /// `composites`
    package static let name = "composites"
    /// Engines cannot run what they have no kernel for.
    package static let isOptional = false
    /// For people.
    package static let summary = "named operations that the engine has no kernel for are replaced by what they are made of"
    /// Whether an instruction stays: the composite and the types of its operands.
    package let keeps: @Sendable (any Composite, [TensorType]) -> Bool

    /// Expands what `keeps` does not keep.
    package init(keeping keeps: @escaping @Sendable (any Composite, [TensorType]) -> Bool) { self.keeps = keeps }

    /// Keeps nothing.
    package static let all = ExpandComposites { _, _ in false }

    /// The program with bodies in place of composites.
    package func run(_ program: Program) -> Program {
        guard program.instructions.contains(where: { $0.primitive is any Composite }) else { return program }
        var builder = ProgramBuilder(inputs: program.inputs)
        let outputs = splice(program, arguments: Array(program.inputs.indices), into: &builder)
        return builder.program(outputs: outputs)
    }

    /// Appends a program's instructions, its inputs being the values `arguments`; gives its outputs.
    private func splice(_ program: Program, arguments: [Int], into builder: inout ProgramBuilder) -> [Int] {
        var numbers = arguments
        /// Results of expanded composites, by the number of the composite's value.
        var results: [Int: [Int]] = [:]
        for instruction in program.instructions {
            let operands = instruction.operands.map { numbers[$0] }
            let value = numbers.count
            if let result = instruction.primitive as? CompositeResult, let expanded = results[instruction.operands[0]] {
                numbers.append(expanded[result.index])
            } else if let composite = instruction.primitive as? any Composite {
                let types = operands.map { builder.type(of: $0) }
                if keeps(composite, types) {
                    numbers.append(builder.append(composite, operands, instruction.type))
                } else {
                    let expanded = splice(Trace.program(of: composite, for: types), arguments: operands, into: &builder)
                    results[value] = expanded
                    numbers.append(expanded[0])
                }
            } else {
                numbers.append(builder.append(instruction.primitive, operands, instruction.type))
            }
        }
        return program.outputs.map { numbers[$0] }
    }
}
