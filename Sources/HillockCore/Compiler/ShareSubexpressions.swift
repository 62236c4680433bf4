/// Computes once what is written more than once: the same operation with the same attributes on the same values.
package struct ShareSubexpressions: Pass {
    /// `share`
    package static let name = "share"
    /// Results are the same without it.
    package static let isOptional = true
    /// For people.
    package static let summary = "what is computed twice is computed once"

    /// The pass has no settings.
    package init() {}

    /// The program without repetitions.
    package func run(_ program: Program) -> Program {
        var known: [UInt64: [Int]] = [:]
        return program.rewritten { builder, instruction in
            var hash = mix(instruction.primitive.identityHash, UInt64(instruction.type.dtype.rawValue))
            for operand in instruction.operands { hash = mix(hash, UInt64(bitPattern: Int64(operand))) }
            for value in known[hash] ?? [] {
                if let other = builder.instruction(value), other.operands == instruction.operands, other.type == instruction.type,
                    other.primitive.isEqual(to: instruction.primitive)
                {
                    return value
                }
            }
            let value = builder.append(instruction)
            known[hash, default: []].append(value)
            return value
        }
    }
}
