/// Runs programs by each primitive's own definition, one after the other: what every other engine is tested against.
public struct ReferenceEngine: Engine {
    /// `reference`
    public let name = "reference"

    /// The engine has no state.
    public init() {}

    /// Composites are replaced by their bodies; nothing else is prepared.
    public func plan(_ program: Program) -> any Plan { ReferencePlan(ExpandComposites.all.run(program)) }

    /// The outputs of a program without composites.
    static func evaluate(_ program: Program, _ inputs: [HostArray]) -> [HostArray] {
        var values = inputs
        for instruction in program.instructions {
            values.append(instruction.primitive.evaluate(instruction.operands.map { values[$0] }, as: instruction.type))
        }
        return program.outputs.map { values[$0] }
    }
}

private final class ReferencePlan: Plan {
    private let program: Program
    var explanation: String { program.description }

    init(_ program: Program) { self.program = program }

    func run(_ arguments: inout [Argument], results: inout [DeviceBuffer]) throws {
        let inputs: [HostArray] = try zip(arguments, program.inputs).map { argument, input in
            switch argument {
            case .buffer(let buffer): try buffer.hostArray()
            case .scalar(let scalar): HostArray(scalar, dtype: input.type.dtype)
            }
        }
        for array in ReferenceEngine.evaluate(program, inputs) { results.append(HostBuffer(array)) }
    }
}
