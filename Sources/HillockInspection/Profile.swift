import HillockCore

/// Where the time of some code went: kernel by kernel beside what the machine can do, and what was done between the kernels.
///
///     let result = profile(warmUp: 3, steps: 20) { trainingStep() }
///     print(result)
///     try AtomicFile.write(result.trace, to: "trace.json")   // for https://ui.perfetto.dev or chrome://tracing
public struct Profile: Sendable {
    /// What the machine does at most, measured beside the profile.
    public struct Peak: Sendable, Hashable {
        /// Floating-point operations in a second: f32 multiply-adds, counted as two.
        public var floatingPointOperations: Double
        /// Bytes in a second, of a copy of large arrays, read and written together.
        public var bytes: Double

        /// These rates.
        public init(floatingPointOperations: Double, bytes: Double) {
            self.floatingPointOperations = floatingPointOperations
            self.bytes = bytes
        }
    }

    /// All calls of one kernel with the same shapes.
    public struct Kernel: Sendable, Hashable {
        /// What it computes, with shapes and layouts, and by what.
        public var name: String
        /// How often it ran.
        public var calls: Int
        /// Seconds of all calls together.
        public var seconds: Double
        /// Floating-point operations of all calls together; those of products and convolutions alone are counted.
        public var floatingPointOperations: Double
        /// Bytes that all calls together had to move at least.
        public var bytes: Double

        package init(name: String, calls: Int = 0, seconds: Double = 0, floatingPointOperations: Double = 0, bytes: Double = 0) {
            self.name = name
            self.calls = calls
            self.seconds = seconds
            self.floatingPointOperations = floatingPointOperations
            self.bytes = bytes
        }

        /// The time that the work would take at the machine's best: of operations and bytes the one that takes longer.
        public func floor(at peak: Peak) -> Double {
            max(floatingPointOperations / peak.floatingPointOperations, peak.bytes > 0 ? bytes / peak.bytes : 0)
        }
    }

    /// What was done outside of kernels under one name.
    public struct Phase: Sendable, Hashable {
        /// What it is, such as `data` or `forward`.
        public var name: String
        /// How often it was entered.
        public var calls: Int
        /// Seconds in it, but for phases and kernels within it.
        public var seconds: Double

        package init(name: String, calls: Int = 0, seconds: Double = 0) {
            self.name = name
            self.calls = calls
            self.seconds = seconds
        }
    }

    /// Kernels, those that took most time first.
    public var kernels: [Kernel]
    /// What was done outside of kernels by the thread that ran them, most time first; `other` is what nobody named.
    public var phases: [Phase]
    /// Seconds from the beginning to the end of what is profiled.
    public var seconds: Double
    /// How many steps it was.
    public var steps: Int
    /// Seconds of the very first step, before what is profiled: its plans had to be made. `nil` where there was none.
    public var firstStepSeconds: Double?
    /// The most memory that the process had in use until then, in bytes; `nil` where the system does not say.
    public var peakMemory: Int?
    /// What the machine does at most; `nil` where the engine cannot say.
    public var peak: Peak?
    /// What computed, in words.
    public var machine: String
    /// All phases and steps with their times, as Chrome's and Perfetto's JSON.
    public var trace: String

    package init(
        kernels: [Kernel], phases: [Phase], seconds: Double, steps: Int, firstStepSeconds: Double?, peakMemory: Int?, peak: Peak?,
        machine: String, trace: String
    ) {
        self.kernels = kernels
        self.phases = phases
        self.seconds = seconds
        self.steps = steps
        self.firstStepSeconds = firstStepSeconds
        self.peakMemory = peakMemory
        self.peak = peak
        self.machine = machine
        self.trace = trace
    }

    /// Seconds in kernels.
    public var kernelSeconds: Double { kernels.reduce(0) { $0 + $1.seconds } }
    /// Floating-point operations of all kernels.
    public var floatingPointOperations: Double { kernels.reduce(0) { $0 + $1.floatingPointOperations } }
    /// Bytes that all kernels had to move.
    public var bytes: Double { kernels.reduce(0) { $0 + $1.bytes } }
    /// Seconds that the kernels would take at the machine's best; `nil` where that is not known.
    public var floor: Double? { peak.map { peak in kernels.reduce(0) { $0 + $1.floor(at: peak) } } }
}

extension Profile {
    /// Makes sense of what was recorded.
    init(_ recorder: Recorder, steps: Int, firstStepSeconds: Double?) {
        let (events, entries, threads, recorded) = recorder.take()
        // Before the peak is measured, which takes memory of its own.
        let peakMemory = ProcessStatus.peakMemory
        let used = entries.max { $0.runs < $1.runs }?.engine
        let engine = used as? any RatedEngine
        let peak: Peak? = engine.flatMap { engine in
            let (operations, bytes) = engine.measurePeak()
            return operations > 0 ? Peak(floatingPointOperations: operations, bytes: bytes) : nil
        }
        let seconds = recorded.map { Double($0.end - $0.begin) * 1e-9 } ?? 0
        let details = entries.map(\.plan.details)
        self.init(
            kernels: Self.kernels(events, details), phases: Self.phases(events.filter { $0.thread == 0 }, seconds: seconds),
            seconds: seconds, steps: steps, firstStepSeconds: firstStepSeconds, peakMemory: peakMemory, peak: peak,
            machine: engine?.machine ?? used?.name ?? "nothing ran",
            trace: Trace(events, details, threads, since: recorded?.begin ?? 0).json)
    }

    private static func kernels(_ events: [Recorder.Event], _ details: [PlanDetails]) -> [Kernel] {
        var byName: [String: Kernel] = [:]
        for event in events {
            guard case .step(let program, let step) = event.what, step < details[program].steps.count else { continue }
            let detail = details[program].steps[step]
            let name = detail.kernel
            var kernel = byName[name] ?? Kernel(name: name)
            kernel.calls += 1
            kernel.seconds += Double(event.end - event.begin) * 1e-9
            kernel.floatingPointOperations += Double(detail.floatingPointOperations)
            kernel.bytes += Double(detail.byteCount)
            byName[name] = kernel
        }
        return byName.values.sorted { ($1.seconds, $0.name) < ($0.seconds, $1.name) }
    }

    /// Time of phases without what is within them, and the rest of the time. Events of one thread nest.
    private static func phases(_ events: [Recorder.Event], seconds: Double) -> [Phase] {
        var byName: [String: Phase] = [:]
        var outermost = 0.0
        var open: [(name: String?, end: UInt64)] = []
        func enter(_ name: String, calls: Int, seconds: Double) {
            var phase = byName[name] ?? Phase(name: name)
            phase.calls += calls
            phase.seconds += seconds
            byName[name] = phase
        }
        for event in events.sorted(by: { ($0.begin, $1.end) < ($1.begin, $0.end) }) {
            while let last = open.last, last.end <= event.begin { open.removeLast() }
            let duration = Double(event.end - event.begin) * 1e-9
            if let outer = open.last {
                if let name = outer.name { enter(name, calls: 0, seconds: -duration) }
            } else {
                outermost += duration
            }
            var name: String?
            if case .phase(let text) = event.what {
                name = text
                enter(text, calls: 1, seconds: duration)
            }
            open.append((name, event.end))
        }
        let rest = Phase(name: "other", seconds: max(0, seconds - outermost))
        return (Array(byName.values) + [rest]).sorted { ($1.seconds, $0.name) < ($0.seconds, $1.name) }
    }
}
