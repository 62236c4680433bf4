extension Program {
    /// What computing `outputs` would run: the unevaluated graph below them. Nothing is computed.
    ///
    /// - Parameters:
    ///   - outputs: What is wanted.
    ///   - inputs: Taken as known even where they are not.
    package init(computing outputs: [Tensor], from inputs: [Tensor] = []) {
        self = Evaluator.shared.program(for: outputs.map(\.node), from: inputs.map(\.node))
    }

    /// Floating-point operations of the program's matrix products and convolutions, 2 for each multiplication and addition; everything
    /// else is not counted, as is usual.
    public var floatingPointOperations: Int {
        let program = ExpandComposites.all.run(self)
        return program.instructions.reduce(0) { sum, instruction in
            let operands = instruction.operands.map { program.type(of: $0).shape }
            switch instruction.primitive {
            case let product as MatrixMultiply:
                return sum + 2 * instruction.type.shape.count * operands[0][product.transposesLeft ? -2 : -1]
            case is Convolution:
                return sum + 2 * instruction.type.shape.count * operands[1].dimensions.dropFirst().reduce(1, *)
            case is ConvolutionInputGradient:
                return sum + 2 * operands[0].count * operands[1].dimensions.dropFirst().reduce(1, *)
            case is ConvolutionWeightGradient:
                return sum + 2 * operands[1].count * instruction.type.shape.dimensions.dropFirst().reduce(1, *)
            default:
                return sum
            }
        }
    }

    /// Floating-point operations of one instruction, counted likewise: those of its body if it is a composite.
    package func floatingPointOperations(of instruction: Instruction) -> Int {
        Program(
            inputs: instruction.operands.map { Input(type: type(of: $0), isScalar: false) },
            instructions: [Instruction(instruction.primitive, Array(instruction.operands.indices), instruction.type)],
            outputs: [instruction.operands.count]
        ).floatingPointOperations
    }
}
