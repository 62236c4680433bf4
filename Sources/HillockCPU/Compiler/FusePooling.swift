import HillockCore

/// Lets the gradient of a max pooling look through the rectifier before it: what reaches a maximum of at most 0 goes no further.
package struct FusePooling: Pass {
    /// `pooling`
    package static let name = "pooling"
    /// Results are the same without it.
    package static let isOptional = true
    /// For people.
    package static let summary = "the gradient of max pooling looks through the rectifier before it"

    /// The pass has no settings.
    package init() {}

    /// The program with such pairs as single composites.
    package func run(_ program: Program) -> Program {
        let uses = program.uses
        var fused: [Int: (primitive: RectifiedMaxPoolScatter, operands: [Int])] = [:]
        for (position, instruction) in program.instructions.enumerated() {
            guard let scatter = instruction.primitive as? MaxPoolScatter,
                let next = program.onlyUser(of: program.inputs.count + position, uses),
                program.passed(next.value, where: instruction.operands[0]) == program.inputs.count + position
            else { continue }
            fused[next.value] = (RectifiedMaxPoolScatter(scatter: scatter), instruction.operands)
        }
        if fused.isEmpty { return program }
        var builder = ProgramBuilder(inputs: program.inputs)
        var numbers = Array(program.inputs.indices)
        for (position, instruction) in program.instructions.enumerated() {
            let (primitive, operands): (any Primitive, [Int]) =
                fused[program.inputs.count + position] ?? (instruction.primitive, instruction.operands)
            numbers.append(builder.append(primitive, operands.map { numbers[$0] }, instruction.type))
        }
        return RemoveDeadCode().run(builder.program(outputs: program.outputs.map { numbers[$0] }))
    }
}

/// The gradient of a max pooling and of the rectifier before it: inputs x, the rectified values that were pooled, and dy; the result is of
/// the shape of x.
package struct RectifiedMaxPoolScatter: Composite {
    /// `maxpool2d_scatter+`
    package static let name = "maxpool2d_scatter+"
    /// The pooling's gradient.
    package let scatter: MaxPoolScatter

    /// That of x.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] { [try scatter.outputType(for: inputs)] }

    /// One after the other.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        let zeros = Tensor.zerosLike(inputs[0])
        return [`where`(inputs[0] .<= zeros, zeros, .apply(scatter, inputs))]
    }
}

extension RectifiedMaxPoolScatter: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { true }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        try lowering.lowerMaxPoolGradient(scatter.geometry, isRectified: true, call.value, call.operands)
    }
}

extension Program {
    /// What `masked` lets pass where `y` is positive: the gradient of ``Rectifier``, whose result is `y`.
    func passed(_ masked: Int, where y: Int) -> Int? { rectifierGradient(masked).flatMap { $0.gate == y ? $0.upstream : nil } }

    /// If a value is the gradient of ``Rectifier``: its result, the gate that is open where it is positive, and what is let pass there.
    func rectifierGradient(_ value: Int) -> (gate: Int, upstream: Int)? {
        guard let instruction = instruction(value), instruction.primitive is RectifierGradient else { return nil }
        return (instruction.operands[0], instruction.operands[1])
    }

    /// Whether a value is this number everywhere.
    func isConstant(_ value: Int, _ number: Double) -> Bool { (instruction(value)?.primitive as? Fill)?.value == number }
}
