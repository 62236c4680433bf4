import HillockCore
import Synchronization

/// The reference engine under a name of its own, with a record of the programs that it planned and ran.
///
/// Plans are kept by the engine's name, so that tests which run at the same time do not see each other's.
final class CountingEngine: Engine {
    let name: String
    private let state = Mutex<(planned: [Program], ran: [Program])>(([], []))
    private let passes: @Sendable (Program) -> Program
    private static let count = Atomic<Int>(0)

    /// Runs what `passes` make of programs; programs as they are unless given.
    init(after passes: @escaping @Sendable (Program) -> Program = { $0 }) {
        name = "counting\(Self.count.add(1, ordering: .relaxed).newValue)"
        self.passes = passes
    }

    /// Programs in the order in which they were planned.
    var planned: [Program] { state.withLock { $0.planned } }

    /// Programs in the order in which they ran.
    var ran: [Program] { state.withLock { $0.ran } }

    func plan(_ program: Program) throws -> any Plan {
        state.withLock { $0.planned.append(program) }
        return CountingPlan(program, ReferenceEngine().plan(passes(program)), self)
    }

    fileprivate func note(_ program: Program) { state.withLock { $0.ran.append(program) } }

    /// Runs `body` with evaluations on a new engine, which it is given.
    static func use<Result>(_ body: (CountingEngine) throws -> Result) rethrows -> Result {
        let engine = CountingEngine()
        return try Device.$current.withValue(Device(engine)) { try body(engine) }
    }
}

private final class CountingPlan: Plan {
    private let program: Program
    private let plan: any Plan
    private let engine: CountingEngine

    init(_ program: Program, _ plan: any Plan, _ engine: CountingEngine) {
        (self.program, self.plan, self.engine) = (program, plan, engine)
    }

    var explanation: String { plan.explanation }

    func run(_ arguments: inout [Argument], results: inout [DeviceBuffer]) throws {
        engine.note(program)
        try plan.run(&arguments, results: &results)
    }
}

extension Program {
    /// The names of its operations, in order.
    var operations: [String] { instructions.map { Swift.type(of: $0.primitive).name } }
}
