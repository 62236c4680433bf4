/// Leaves out what no output needs.
package struct RemoveDeadCode: Pass {
    /// `deadcode`
    package static let name = "deadcode"
    /// Results are the same without it.
    package static let isOptional = true
    /// For people.
    package static let summary = "what no result needs goes"

    /// The pass has no settings.
    package init() {}

    /// The program without the instructions whose results are not used.
    package func run(_ program: Program) -> Program {
        var isNeeded = [Bool](repeating: false, count: program.inputs.count + program.instructions.count)
        for output in program.outputs { isNeeded[output] = true }
        for position in program.instructions.indices.reversed() where isNeeded[program.inputs.count + position] {
            for operand in program.instructions[position].operands { isNeeded[operand] = true }
        }
        if isNeeded.dropFirst(program.inputs.count).allSatisfy({ $0 }) { return program }
        var builder = ProgramBuilder(inputs: program.inputs)
        var numbers = Array(program.inputs.indices)
        for (position, instruction) in program.instructions.enumerated() {
            guard isNeeded[program.inputs.count + position] else {
                numbers.append(-1)
                continue
            }
            numbers.append(builder.append(instruction.primitive, instruction.operands.map { numbers[$0] }, instruction.type))
        }
        return builder.program(outputs: program.outputs.map { numbers[$0] })
    }
}
