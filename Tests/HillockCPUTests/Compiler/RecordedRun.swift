import HillockCPU
import HillockCore
import Synchronization
import Testing

/// A program with what it was run with and what it gave, by the definitions of its operations: a pass's program must give the same.
struct RecordedRun {
    let program: Program
    private let arguments: [Argument]
    private let expected: [[Double]]

    /// Evaluates the graph below these tensors on the reference engine.
    init(of outputs: [Tensor]) throws {
        let engine = RecordingEngine()
        Device.$current.withValue(Device(engine)) { evaluate(outputs) }
        let run = try #require(engine.last, "the tensors were evaluated before")
        (program, arguments, expected) = (run.program, run.arguments, try run.results.map { try $0.hostArray().doubles })
    }

    /// The greatest difference between what a program that was made of this one gives on an engine and what this one gave.
    func error(of other: Program, on engine: any Engine) throws -> Double {
        var (arguments, results) = (arguments, [DeviceBuffer]())
        try engine.plan(other).run(&arguments, results: &results)
        #expect(results.count == expected.count)
        return try zip(results, expected).reduce(0) { worst, pair in
            let got = try pair.0.hostArray().doubles
            #expect(got.count == pair.1.count)
            return zip(got, pair.1).reduce(worst) { Swift.max($0, $1.0.isFinite ? abs($1.0 - $1.1) : .infinity) }
        }
    }
}

/// The reference engine, keeping what its last plan was run with and gave.
private final class RecordingEngine: Engine {
    struct Run {
        let program: Program
        let arguments: [Argument]
        let results: [DeviceBuffer]
    }

    let name: String
    private let run = Mutex<Run?>(nil)
    private static let count = Atomic<Int>(0)

    /// Plans are kept by the engine's name, so that tests which run at the same time do not see each other's.
    init() { name = "recording\(Self.count.add(1, ordering: .relaxed).newValue)" }

    var last: Run? { run.withLock { $0 } }

    func plan(_ program: Program) -> any Plan { RecordingPlan(program, self) }

    fileprivate func note(_ run: Run) { self.run.withLock { $0 = run } }
}

private final class RecordingPlan: Plan {
    private let program: Program
    private let plan: any Plan
    private let engine: RecordingEngine

    init(_ program: Program, _ engine: RecordingEngine) {
        (self.program, self.engine) = (program, engine)
        plan = ReferenceEngine().plan(program)
    }

    var explanation: String { plan.explanation }

    func run(_ arguments: inout [Argument], results: inout [DeviceBuffer]) throws {
        try plan.run(&arguments, results: &results)
        engine.note(.init(program: program, arguments: arguments, results: results))
    }
}
