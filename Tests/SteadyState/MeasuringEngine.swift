import CAllocationCounter
import Hillock
import HillockCPU
import Synchronization

/// The CPU engine, with a count of what each run of a plan asks the allocator for.
final class MeasuringEngine: Engine {
    /// One run of a plan.
    struct Run: Sendable {
        var operations = 0
        var results = 0
        var counts = allocation_counts()
    }

    let name = "measuring"
    private let engine = CPUEngine()
    private let runs = Mutex(Run())

    /// The latest run.
    var last: Run { runs.withLock { $0 } }

    func plan(_ program: Program) throws -> any Plan { MeasuredPlan(try engine.plan(program), program, self) }

    fileprivate func note(_ run: Run) { runs.withLock { $0 = run } }
}

private final class MeasuredPlan: Plan {
    private let plan: any Plan
    private let operations: Int
    private let engine: MeasuringEngine

    init(_ plan: any Plan, _ program: Program, _ engine: MeasuringEngine) {
        (self.plan, self.engine) = (plan, engine)
        operations = program.instructions.count
    }

    var explanation: String { plan.explanation }

    func run(_ arguments: inout [Argument], results: inout [DeviceBuffer]) throws {
        let before = allocation_counter_read()
        let known = results.count
        try plan.run(&arguments, results: &results)
        let after = allocation_counter_read()
        var counts = allocation_counts(count: after.count - before.count, bytes: after.bytes - before.bytes, largest: after.largest)
        // The largest of the whole step so far; the run's own is no larger than all that it asked for.
        counts.largest = min(counts.largest, counts.bytes)
        engine.note(.init(operations: operations, results: results.count - known, counts: counts))
    }
}
