import Glibc
import HillockCore
import Synchronization

/// Writes down what the evaluator, the engines and others tell: which programs run, and when each phase and each step begins and ends.
final class Recorder: PlanObserver {
    /// A stretch of time on one thread.
    struct Event {
        enum What {
            case phase(String)
            /// A step of a program's plan: the positions of both.
            case step(program: Int, step: Int)
        }

        let what: What
        /// Position among the threads that were met; 0 is the one that made the recorder.
        let thread: Int
        let begin: UInt64
        let end: UInt64
    }

    /// A program that ran. Of its plan only the details are read, which never change.
    struct Entry: @unchecked Sendable {
        let program: Program
        let plan: any Plan
        let engine: any Engine
        /// The paths of parameters by input.
        let names: [String?]
        var runs = 0
    }

    struct State {
        var events: [Event] = []
        var entries: [Entry] = []
        var threads: [(id: pthread_t, name: String)] = []
        /// Phases that have not ended, by thread.
        var open: [[(name: String, begin: UInt64)]] = []
        /// The program whose plan runs: one at a time.
        var current = 0
        /// Since when what happens is kept; `nil` while it is not.
        var since: UInt64?
        /// For how long it was kept.
        var recorded: (begin: UInt64, end: UInt64)?

        mutating func thread() -> Int {
            let id = pthread_self()
            if let known = threads.firstIndex(where: { pthread_equal($0.id, id) != 0 }) { return known }
            threads.append((id, threads.isEmpty ? "main" : ProcessStatus.threadName))
            open.append([])
            return threads.count - 1
        }
    }

    private let state = Mutex(State())

    init() { state.withLock { _ = $0.thread() } }

    // MARK: What is kept

    /// Keeps what begins from now on, and nothing else.
    func start() {
        let now = Observation.now
        state.withLock { state in
            state.since = now
            state.events.removeAll(keepingCapacity: true)
            for position in state.entries.indices { state.entries[position].runs = 0 }
        }
    }

    /// Keeps nothing that ends after now.
    func stop() {
        let now = Observation.now
        state.withLock { state in
            guard let since = state.since else { return }
            state.recorded = (since, now)
            state.since = nil
        }
    }

    /// Everything so far.
    func take() -> (events: [Event], entries: [Entry], threads: [String], recorded: (begin: UInt64, end: UInt64)?) {
        stop()
        return state.withLock { ($0.events, $0.entries, $0.threads.map(\.name), $0.recorded) }
    }

    // MARK: PlanObserver

    func willRun(_ program: Program, by plan: any Plan, on engine: any Engine, names: [String?]) {
        let entry = Entry(program: program, plan: plan, engine: engine, names: names)
        state.withLock { state in
            let known = state.entries.firstIndex { $0.plan === entry.plan }
            if known == nil { state.entries.append(entry) }
            state.current = known ?? state.entries.count - 1
            if state.since != nil { state.entries[state.current].runs += 1 }
        }
    }

    func begin(_ phase: String, at time: UInt64) {
        state.withLock { $0.open[$0.thread()].append((phase, time)) }
    }

    func end() {
        let now = Observation.now
        state.withLock { state in
            let thread = state.thread()
            guard let (name, begin) = state.open[thread].popLast() else { return }
            if let since = state.since, begin >= since {
                state.events.append(Event(what: .phase(name), thread: thread, begin: begin, end: now))
            }
        }
    }

    func ran(step: Int, from begin: UInt64, to end: UInt64) {
        state.withLock { state in
            guard let since = state.since, begin >= since else { return }
            state.events.append(
                Event(what: .step(program: state.current, step: step), thread: state.thread(), begin: begin, end: end))
        }
    }
}
