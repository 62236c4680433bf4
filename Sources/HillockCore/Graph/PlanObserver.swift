import Glibc

/// Watches programs being planned and run: what `explain` and `profile` are built on.
///
/// Nobody watches unless a task asks for it. The evaluator then tells of every program, engines of every step, and those who prepare data
/// or build graphs of their phases; otherwise each of them looks at one task-local and goes on. Calls come from the threads that work.
package protocol PlanObserver: AnyObject, Sendable {
    /// A plan is about to run a program; it was made for it just now, or earlier. `names` are those of its inputs that are parameters.
    func willRun(_ program: Program, by plan: any Plan, on engine: any Engine, names: [String?])
    /// A phase of this thread's work begins, or began at a time; it is part of those that have not ended yet.
    func begin(_ phase: String, at time: UInt64)
    /// The phase of this thread that began last ends.
    func end()
    /// A step of the plan that runs, by its position among ``Plan/details``, took from one time to another.
    func ran(step: Int, from begin: UInt64, to end: UInt64)
}

extension PlanObserver {
    /// Nothing.
    package func begin(_ phase: String, at time: UInt64) {}
    /// Nothing.
    package func end() {}
    /// Nothing.
    package func ran(step: Int, from begin: UInt64, to end: UInt64) {}
}

/// Who watches, and since when.
package enum Observation {
    /// Who watches this task; `nil` for nobody.
    @TaskLocal package static var observer: (any PlanObserver)?

    /// Nanoseconds of a clock that only goes forward.
    package static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}

/// Runs `body` as a phase of this thread's work with a name that profiles show.
package func phase<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
    guard let observer = Observation.observer else { return try body() }
    observer.begin(name, at: Observation.now)
    defer { observer.end() }
    return try body()
}
