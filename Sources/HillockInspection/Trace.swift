import HillockCore

/// Events as JSON that Chrome (`chrome://tracing`) and Perfetto (https://ui.perfetto.dev) show: "Trace Event Format", complete events, with
/// times in microseconds.
struct Trace {
    private let events: [Recorder.Event]
    private let details: [PlanDetails]
    private let threads: [String]
    private let since: UInt64

    init(_ events: [Recorder.Event], _ details: [PlanDetails], _ threads: [String], since: UInt64) {
        self.events = events
        self.details = details
        self.threads = threads
        self.since = since
    }

    /// One object with all events: names of process and threads, then phases and steps in the order in which they began.
    var json: String {
        var lines = [metadata("process_name", thread: 0, name: "hillock")]
        for (thread, name) in threads.enumerated() { lines.append(metadata("thread_name", thread: thread, name: name)) }
        for event in events.sorted(by: { ($0.begin, $1.end) < ($1.begin, $0.end) }) {
            let (name, category, arguments) = content(event)
            lines.append(
                "{\"ph\":\"X\",\"name\":\(Self.quoted(name)),\"cat\":\"\(category)\",\"ts\":\(microseconds(event.begin - since)),"
                    + "\"dur\":\(microseconds(event.end - event.begin)),\"pid\":1,\"tid\":\(event.thread),\"args\":{\(arguments)}}")
        }
        return "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n" + lines.joined(separator: ",\n") + "\n]}\n"
    }

    private func content(_ event: Recorder.Event) -> (name: String, category: String, arguments: String) {
        guard case .step(let program, let position) = event.what, position < details[program].steps.count else {
            if case .phase(let name) = event.what { return (name, "phase", "") }
            return ("step", "kernel", "")
        }
        let step = details[program].steps[position]
        let nanoseconds = Double(max(event.end - event.begin, 1))
        func list(_ values: [String]) -> String { "[\(values.map(Self.quoted).joined(separator: ","))]" }
        var arguments = "\"program\":\(program + 1),\"step\":\(position),\"reads\":\(list(step.reads)),\"writes\":\(list(step.writes))"
        arguments += ",\"bytes\":\(step.byteCount),\"GB/s\":\(Self.hundredths(Double(step.byteCount) / nanoseconds))"
        if step.floatingPointOperations > 0 {
            arguments += ",\"FLOPs\":\(step.floatingPointOperations)"
            arguments += ",\"GFLOP/s\":\(Self.hundredths(Double(step.floatingPointOperations) / nanoseconds))"
        }
        return (step.kernel, "kernel", arguments)
    }

    private func metadata(_ kind: String, thread: Int, name: String) -> String {
        "{\"ph\":\"M\",\"name\":\"\(kind)\",\"pid\":1,\"tid\":\(thread),\"args\":{\"name\":\(Self.quoted(name))}}"
    }

    /// Exact: a nanosecond is a thousandth.
    private func microseconds(_ nanoseconds: UInt64) -> String {
        let (whole, part) = nanoseconds.quotientAndRemainder(dividingBy: 1000)
        let digits = "\(part)"
        return "\(whole).\(String(repeating: "0", count: 3 - digits.count))\(digits)"
    }

    private static func hundredths(_ value: Double) -> Double { (value * 100).rounded() / 100 }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
