/// A program in the making: what passes append to. Inputs keep their numbers.
package struct ProgramBuilder {
    /// The inputs of the program that is rewritten.
    package let inputs: [Program.Input]
    /// What was appended.
    package private(set) var instructions: [Program.Instruction] = []

    /// An empty program of these inputs.
    package init(inputs: [Program.Input]) { self.inputs = inputs }

    /// Appends an instruction and gives its value number.
    package mutating func append(_ primitive: any Primitive, _ operands: [Int], _ type: TensorType) -> Int {
        append(Program.Instruction(primitive, operands, type))
    }

    /// Appends an instruction and gives its value number.
    package mutating func append(_ instruction: Program.Instruction) -> Int {
        instructions.append(instruction)
        return inputs.count + instructions.count - 1
    }

    /// The instruction that computes a value; `nil` for an input.
    package func instruction(_ value: Int) -> Program.Instruction? { value < inputs.count ? nil : instructions[value - inputs.count] }

    /// Type of a value.
    package func type(of value: Int) -> TensorType { value < inputs.count ? inputs[value].type : instructions[value - inputs.count].type }

    /// The program with these outputs.
    package func program(outputs: [Int]) -> Program { Program(inputs: inputs, instructions: instructions, outputs: outputs) }
}

extension Program {
    /// Rewrites the program instruction by instruction: `rewrite` appends what replaces one whose operands are numbered anew, and gives
    /// the value that stands for its result.
    package func rewritten(_ rewrite: (inout ProgramBuilder, Instruction) -> Int) -> Program {
        var builder = ProgramBuilder(inputs: inputs)
        var numbers = Array(inputs.indices)
        numbers.reserveCapacity(inputs.count + instructions.count)
        for instruction in instructions {
            let renumbered = Instruction(instruction.primitive, instruction.operands.map { numbers[$0] }, instruction.type)
            numbers.append(rewrite(&builder, renumbered))
        }
        return builder.program(outputs: outputs.map { numbers[$0] })
    }

    /// For each value, the positions of the instructions that use it.
    package var uses: [[Int]] {
        var uses = [[Int]](repeating: [], count: inputs.count + instructions.count)
        for (position, instruction) in instructions.enumerated() {
            for operand in instruction.operands where uses[operand].last != position { uses[operand].append(position) }
        }
        return uses
    }

    /// The only instruction that uses a value, with its own value number; `nil` where there are others, or where the value is an output.
    ///
    /// - Parameter uses: ``uses``, which the caller asks for once.
    package func onlyUser(of value: Int, _ uses: [[Int]]) -> (value: Int, instruction: Instruction)? {
        guard uses[value].count == 1, !outputs.contains(value) else { return nil }
        return (inputs.count + uses[value][0], instructions[uses[value][0]])
    }

    /// The instruction that computes a value; `nil` for an input.
    package func instruction(_ value: Int) -> Instruction? { value < inputs.count ? nil : instructions[value - inputs.count] }
}
