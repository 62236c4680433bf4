/// Runs programs by each primitive's own definition, one after the other: what every other engine is tested against.
public struct ReferenceEngine: Engine {
    /// `reference`
    public let name = "reference"

    /// The engine has no state.
    public init() {}

    /// Nothing is prepared.
    public func plan(_ program: Program) -> any Plan { ReferencePlan(program) }
}

private final class ReferencePlan: Plan {
    private let program: Program
    var explanation: String { program.description }

    init(_ program: Program) { self.program = program }

    func run(_ arguments: inout [Argument]) throws -> [DeviceBuffer] {
        var values: [HostArray] = try zip(arguments, program.inputs).map { argument, input in
            switch argument {
            case .buffer(let buffer): try buffer.hostArray()
            case .scalar(let scalar): HostArray(scalar, dtype: input.type.dtype)
            }
        }
        for instruction in program.instructions {
            values.append(instruction.primitive.evaluate(instruction.operands.map { values[$0] }, as: instruction.type))
        }
        return program.outputs.map { HostBuffer(values[$0]) }
    }
}
