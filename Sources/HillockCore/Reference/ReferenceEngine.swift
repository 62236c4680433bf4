/// Runs programs by each primitive's own definition, one after the other: what every other engine is tested against.
public struct ReferenceEngine: PrecisionEngine {
    /// `reference`
    public let name = "reference"

    /// The engine has no state.
    public init() {}

    /// Composites are replaced by their bodies; nothing else is prepared.
    public func plan(_ program: Program) -> any Plan { ReferencePlan(ExpandComposites.all.run(program)) }

    /// It computes what is written.
    package func shortcoming(of precision: Precision) -> String? {
        precision == .float32 ? nil : "the reference engine computes everything as it is written"
    }

    /// The outputs of a program without composites.
    static func evaluate(_ program: Program, _ inputs: [HostArray], observer: (any PlanObserver)? = nil) -> [HostArray] {
        var values = inputs
        for (position, instruction) in program.instructions.enumerated() {
            let begin = observer == nil ? 0 : Observation.now
            defer { observer?.ran(step: position, from: begin, to: Observation.now) }
            values.append(instruction.primitive.evaluate(instruction.operands.map { values[$0] }, as: instruction.type))
        }
        return program.outputs.map { values[$0] }
    }
}

private final class ReferencePlan: Plan {
    private let program: Program
    var explanation: String { program.description }
    var details: PlanDetails {
        PlanDetails(
            steps: program.instructions.enumerated().map { position, instruction in
                let read = Set(instruction.operands).reduce(0) { $0 + program.type(of: $1).byteCount }
                return PlanDetails.Step(
                    kernel: "definition of \(type(of: instruction.primitive).name) \(instruction.type)",
                    reads: instruction.operands.map { "%\($0)" }, writes: ["%\(program.inputs.count + position)"],
                    floatingPointOperations: program.floatingPointOperations(of: instruction),
                    byteCount: read + instruction.type.byteCount)
            })
    }

    init(_ program: Program) { self.program = program }

    func run(_ arguments: inout [Argument], results: inout [DeviceBuffer]) throws {
        let inputs: [HostArray] = try zip(arguments, program.inputs).map { argument, input in
            switch argument {
            case .buffer(let buffer): try buffer.hostArray()
            case .scalar(let scalar): HostArray(scalar, dtype: input.type.dtype)
            }
        }
        for array in ReferenceEngine.evaluate(program, inputs, observer: Observation.observer) { results.append(HostBuffer(array)) }
    }
}
