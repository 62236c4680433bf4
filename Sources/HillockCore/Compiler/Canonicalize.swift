/// Writes equal things equally: operands of commutative operations in order of their numbers, no names for what exists already.
package struct Canonicalize: Pass {
    /// `canonicalize`
    package static let name = "canonicalize"
    /// Results are the same without it.
    package static let isOptional = true
    /// For people.
    package static let summary = "equal things are written equally: operands in order, no names for what exists already"

    /// The pass has no settings.
    package init() {}

    /// The program with sorted operands and without identities.
    package func run(_ program: Program) -> Program {
        program.rewritten { builder, instruction in
            switch instruction.primitive {
            case is Identity, is StopGradient:
                return instruction.operands[0]
            case is Add, is Multiply, is Logical:
                return builder.append(instruction.primitive, instruction.operands.sorted(), instruction.type)
            default:
                return builder.append(instruction)
            }
        }
    }
}
