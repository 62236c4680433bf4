/// Replaces operations that do nothing, or that do in two steps what one does, and computes with constants.
///
/// Every rule is exact: results keep their bits. Functions of constants are computed in f64 and rounded once.
package struct Simplify: Pass {
    /// `simplify`
    package static let name = "simplify"
    /// Results are the same without it.
    package static let isOptional = true
    /// For people.
    package static let summary = "what does nothing goes, two steps that one does become one, constants are computed now"

    /// The pass has no settings.
    package init() {}

    /// The program with simpler equals.
    package func run(_ program: Program) -> Program {
        program.rewritten { builder, instruction in
            foldConstant(instruction, &builder) ?? simplified(instruction, &builder) ?? builder.append(instruction)
        }
    }

    // MARK: - Constants

    /// An operation on constants that are the same number everywhere, computed by its definition on one element.
    private func foldConstant(_ instruction: Program.Instruction, _ builder: inout ProgramBuilder) -> Int? {
        guard !instruction.operands.isEmpty else { return nil }
        let fills = instruction.operands.compactMap { builder.instruction($0)?.primitive as? Fill }
        guard fills.count == instruction.operands.count else { return nil }
        if instruction.primitive is any Rearrangement {
            return builder.append(Fill(fills[0].value, instruction.type), [], instruction.type)
        }
        guard instruction.primitive is any ElementByElement else { return nil }
        let cells = fills.map { HostArray([$0.value], as: TensorType($0.type.dtype, .scalar)) }
        let cell = instruction.primitive.evaluate(cells, as: TensorType(instruction.type.dtype, .scalar))
        let value = cell.doubles[0]
        // A whole number beyond 2^53 has no `Double`.
        if !instruction.type.dtype.isFloatingPoint, value.magnitude >= 9_007_199_254_740_992 { return nil }
        return builder.append(Fill(value, instruction.type), [], instruction.type)
    }

    // MARK: - Rules

    private func simplified(_ instruction: Program.Instruction, _ builder: inout ProgramBuilder) -> Int? {
        guard let first = instruction.operands.first else { return nil }
        let source = builder.type(of: first)
        let producer = builder.instruction(first)
        switch instruction.primitive {
        case let convert as Convert:
            return convert.dtype == source.dtype ? first : nil
        case is Reshape:
            if source.shape == instruction.type.shape { return first }
            guard let inner = producer, inner.primitive is Reshape else { return nil }
            return reappend(Reshape(to: instruction.type.shape), inner.operands[0], instruction.type, &builder)
        case let broadcast as Broadcast:
            if source.shape == broadcast.shape { return first }
            guard let inner = producer, inner.primitive is Broadcast else { return nil }
            return builder.append(broadcast, [inner.operands[0]], instruction.type)
        case let transpose as Transpose:
            if transpose.permutation.elementsEqual(0..<source.shape.rank) { return first }
            guard let inner = producer, let below = inner.primitive as? Transpose else { return nil }
            let permutation = transpose.permutation.map { below.permutation[$0] }
            return reappend(Transpose(permutation), inner.operands[0], instruction.type, &builder)
        case let slice as Slice:
            return slice.strides.allSatisfy { $0 == 1 } && source.shape == instruction.type.shape ? first : nil
        case let pad as Pad:
            return (pad.low + pad.high + pad.interior).allSatisfy { $0 == 0 } ? first : nil
        case is Concatenate:
            return instruction.operands.count == 1 ? first : nil
        case let reduce as Reduce:
            if reduce.axes.isEmpty { return first }
            return reduce.axes.allSatisfy { source.shape[$0] == 1 }
                ? builder.append(Reshape(to: instruction.type.shape), [first], instruction.type) : nil
        case is Negate:
            return producer?.primitive is Negate ? producer?.operands[0] : nil
        case is Multiply:
            return constant(first, builder) == 1 ? instruction.operands[1] : constant(instruction.operands[1], builder) == 1 ? first : nil
        case is Divide:
            return constant(instruction.operands[1], builder) == 1 ? first : nil
        case is Subtract:
            return constant(instruction.operands[1], builder) == 0 ? first : nil
        case is Select:
            if instruction.operands[1] == instruction.operands[2] { return instruction.operands[1] }
            return constant(first, builder).map { instruction.operands[$0 != 0 ? 1 : 2] }
        default:
            return nil
        }
    }

    /// Appends an operation that may do nothing now.
    private func reappend(_ primitive: any Primitive, _ operand: Int, _ type: TensorType, _ builder: inout ProgramBuilder) -> Int {
        let instruction = Program.Instruction(primitive, [operand], type)
        return simplified(instruction, &builder) ?? builder.append(instruction)
    }

    /// The number that a value is everywhere.
    private func constant(_ value: Int, _ builder: ProgramBuilder) -> Double? {
        (builder.instruction(value)?.primitive as? Fill)?.value
    }
}

/// Operations whose result has the elements of the input, some of them, or some more often.
private protocol Rearrangement: Primitive {}
extension Reshape: Rearrangement {}
extension Broadcast: Rearrangement {}
extension Transpose: Rearrangement {}
extension Slice: Rearrangement {}
extension Reverse: Rearrangement {}
