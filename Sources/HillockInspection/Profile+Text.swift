import HillockCore
import HillockTraining

extension Profile: CustomStringConvertible {
    /// The table of the 30 kernels that took most time, of what was done between them, and totals.
    public var description: String { text() }

    /// As text, for people; kernels beyond `rows` are one row together.
    public func text(rows: Int = 30) -> String {
        var lines = ["\(steps) \(steps == 1 ? "step" : "steps"), \(Self.milliseconds(seconds)) ms, on \(machine)"]
        if steps > 1 { lines[0] += ": \(Self.milliseconds(seconds / Double(steps))) ms a step" }
        if let peak {
            lines.append(
                "Peak, measured now: \(Self.rate(peak.floatingPointOperations)) GFLOP/s (f32 multiply-adds), "
                    + "\(Self.rate(peak.bytes)) GB/s (copy)")
        }
        lines += ["", table(rows: rows), ""]
        var last: [String] = []
        if let firstStepSeconds { last.append("First step \(Self.milliseconds(firstStepSeconds)) ms, its plans included.") }
        if let peakMemory { last.append("Peak memory \(ByteText.of(peakMemory)).") }
        if !last.isEmpty { lines.append(last.joined(separator: " ")) }
        if peak != nil {
            lines.append(
                """
                Floor: what the work would take at the peak, the longer of FLOPs / GFLOP/s and bytes / GB/s. FLOPs are those of products and
                convolutions, counted as if done directly: above 100 % Winograd multiplied less, or the data was in a cache.
                """)
        }
        return lines.joined(separator: "\n")
    }

    private func table(rows: Int) -> String {
        var table = TextTable(["total ms", "share", "calls", "GFLOP/s", "GB/s", "floor ms", "of floor", "kernel"])
        let shown = kernels.count > rows + 1 ? rows : kernels.count
        for kernel in kernels.prefix(shown) { table.add(row(kernel)) }
        if shown < kernels.count {
            var rest = kernels[shown]
            for kernel in kernels[(shown + 1)...] { rest.add(kernel) }
            rest.name = "(\(kernels.count - shown) others)"
            table.add(row(rest, floor: peak.map { peak in kernels[shown...].reduce(0) { $0 + $1.floor(at: peak) } }))
        }
        table.rule()
        var all = Kernel(name: "all kernels")
        for kernel in kernels { all.add(kernel) }
        table.add(row(all, floor: floor))
        for phase in phases where phase.seconds > 0 {
            let calls = phase.calls > 0 ? NumberText.grouped(phase.calls) : ""
            let name = Self.meanings[phase.name].map { "\(phase.name): \($0)" } ?? phase.name
            table.add([Self.milliseconds(phase.seconds), share(phase.seconds), calls, "", "", "", "", name])
        }
        table.rule()
        let whole = floor.map { (Self.milliseconds($0), Self.share($0, of: seconds)) } ?? ("", "")
        table.add([Self.milliseconds(seconds), share(seconds), "", "", "", whole.0, whole.1, "everything"])
        return table.text
    }

    private func row(_ kernel: Kernel, floor: Double? = nil) -> [String] {
        let floor = floor ?? peak.map(kernel.floor)
        let hasOperations = kernel.floatingPointOperations > 0
        return [
            Self.milliseconds(kernel.seconds), share(kernel.seconds), NumberText.grouped(kernel.calls),
            hasOperations ? Self.rate(kernel.floatingPointOperations / kernel.seconds) : "",
            kernel.bytes > 0 ? Self.rate(kernel.bytes / kernel.seconds) : "", floor.map(Self.milliseconds) ?? "",
            floor.map { Self.share($0, of: kernel.seconds) } ?? "", kernel.name,
        ]
    }

    private func share(_ part: Double) -> String { Self.share(part, of: seconds) }

    private static func share(_ part: Double, of whole: Double) -> String {
        whole > 0 ? NumberText.percent(part / whole, part / whole < 0.0995 ? 1 : 0) : ""
    }

    /// Milliseconds to a microsecond below 10, else to a tenth or so.
    private static func milliseconds(_ seconds: Double) -> String {
        let value = seconds * 1e3
        return NumberText.fixed(value, value < 10 ? 3 : value < 1000 ? 1 : 0)
    }

    /// Billions in a second.
    private static func rate(_ perSecond: Double) -> String {
        let value = perSecond * 1e-9
        return NumberText.fixed(value, value < 10 ? 2 : value < 100 ? 1 : 0)
    }

    /// What the phases are that Hillock itself tells of.
    private static let meanings = [
        "data": "waiting for the next batch", "forward": "building the graph of model and loss",
        "backward": "building the graph of the gradients", "update": "building the graph of the optimizer's step",
        "step": "the rest of a step, such as reading its results", "batch": "building the model's graph, reading results",
        "evaluate": "finding the graph's program and plan, letting go of the graph", "plan": "making plans",
        "run": "a plan's arguments and results", "other": "everything else",
    ]
}

extension Profile.Kernel {
    /// Takes in another kernel's calls.
    fileprivate mutating func add(_ other: Profile.Kernel) {
        calls += other.calls
        seconds += other.seconds
        floatingPointOperations += other.floatingPointOperations
        bytes += other.bytes
    }
}
