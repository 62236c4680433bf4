import Foundation

/// `RESULTS.md` or the like: the tables, and the chart beside it.
struct Page {
    let results: Results
    let flops: [String: Double]
    /// The chart's file name.
    let chart: String

    private var comparisons: [Comparison] { results.comparisons }

    var text: String {
        var lines = ["# Results", ""]
        if let machine = results.machine {
            let (peak, copying) = (range(\.peakGflopPerS), range(\.copyGbPerS))
            let vectors = Set(comparisons.compactMap(\.run.rates.vectorBits)).sorted().map { "vectors of \($0) bits, " }.joined()
            lines += [
                "\(machine.processor), \(vectors)\(machine.cores) cores, \(machine.memory.formatted) GiB, \(machine.system); \(machine.threads) threads. Measured peak"
                    + " \(peak) GFLOP/s (multiply-adds of f32), \(copying) GB/s (copying).",
                "",
            ]
        }
        let days = Set(comparisons.map { String($0.run.date.prefix(10)) }).sorted()
        let rounds = Set(comparisons.map(\.run.rounds)).sorted().map(String.init).joined(separator: " or ")
        if let first = days.first, let last = days.last {
            lines += [
                "\(first == last ? first : "\(first) to \(last)"), `\(results.command)`, \(rounds) rounds. In a round Hillock and every peer run once, each in a process of its own.",
                "",
            ]
        }
        lines += ["Versions: \(versions).", ""] + Summary(comparisons: comparisons).lines.map { "- \($0)" }
        lines += ["", "![Ratio to the best peer by workload](\(chart))", ""]
        lines += [
            "Ratio: the peer's time over ours in the same round, median over the rounds (least–greatest); above 1 Hillock is faster. Floor: counted",
            "FLOPs at the peak, or counted bytes at the copy bandwidth, measured in the same run; its share of our time, above 100 % where an",
            "algorithm needs fewer operations (Winograd). \\*: during a measurement other programs used more than 0.15 cores, or a word from one core to",
            "the other and back took more than 1.5 times as long as at best (a virtual machine's cores may be moved apart). Results: greatest relative",
            "difference to PyTorch's losses of steps 1–5 (T07: step 1), or to its mean output.", "",
        ]
        for (letter, title) in [("T", "Training, and image-to-image inference (T20, T21)"), ("I", "Inference latency"), ("M", "Micro")] {
            let rows = comparisons.filter { $0.workload.hasPrefix(letter) }
            if !rows.isEmpty { lines += ["## \(title)", ""] + table(rows) + [""] + peerTable(rows) + [""] }
        }
        lines += ["## Memory and first step", ""] + memoryTable + [""]
        let failures = comparisons.flatMap { c in c.run.failures.map { "- \(c.workload) \($0.key): \($0.value)" } }.sorted()
        if !failures.isEmpty { lines += ["## Failed", ""] + failures + [""] }
        return lines.joined(separator: "\n")
    }

    /// What the runs measured of the machine: `41.2`, or `41.2 to 79`.
    private func range(_ rate: KeyPath<Rates, Double>) -> String {
        let all = comparisons.map { $0.run.rates[keyPath: rate] }
        guard let least = all.min(), let most = all.max() else { return "0" }
        return least == most ? least.formatted : "\(least.formatted) to \(most.formatted)"
    }

    private var versions: String {
        var known: [String: String] = [:]
        for measurement in comparisons.flatMap(\.run.measurements) {
            if let version = measurement.version { known[measurement.peer] = version }
        }
        return known.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }

    private func rows(_ head: [String], _ body: [[String]]) -> [String] {
        [head, head.map { _ in "---" }].map(row) + body.map(row)
    }

    private func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }

    private func table(_ comparisons: [Comparison]) -> [String] {
        rows(
            ["id", "Hillock", "rate", "best peer", "ratio", "target", "reached", "share of floor", "results"],
            comparisons.map { c in
                let best = c.best
                let target = Target(c.workload)
                let reached = target?.isReached(by: c)
                let rate =
                    c.nanosecondsPerOperation.map { "\($0.formatted) ns" } ?? c.gigabytesPerSecond.map { "\($0.formatted) GB/s" }
                    ?? c.gigaflopsPerSecond.map { "\($0.formatted) GFLOP/s" } ?? ""
                return [
                    c.workload, "\(c.milliseconds.formatted) ms\(c.isDisturbed ? "\\*" : "")", rate,
                    best.map { "\($0.peer) \($0.milliseconds.formatted) ms" } ?? "",
                    best.map { "**\($0.ratio.asRatio)** (\($0.ratios.lowerBound.asRatio)–\($0.ratios.upperBound.asRatio))" } ?? "",
                    target?.text ?? "", reached.map { $0 ? "yes" : "no" } ?? "",
                    c.shareOfFloor(flops: flops)?.asPercent ?? "",
                    c.agreement.map {
                        $0.isFine
                            ? $0.difference == 0 ? "equal" : String(format: "%.0e", $0.difference)
                            : "**differ: \($0.difference.formatted)**"
                    } ?? "",
                ]
            })
    }

    /// The ratio to every peer.
    private func peerTable(_ comparisons: [Comparison]) -> [String] {
        let peers = names(comparisons)
        return rows(
            ["ratio to"] + peers,
            comparisons.map { c in
                [c.workload]
                    + peers.map { peer in
                        c.rivals.first { $0.peer == peer }.map { $0.ratio.asRatio + ($0.isSketched ? " (1 round)" : "") } ?? ""
                    }
            })
    }

    private func names(_ comparisons: [Comparison]) -> [String] {
        let order = ["torch", "torch-compile", "torch-channels-last", "torch-malloc", "jax", "tf", "onnxruntime", "mlx"]
        let all = Set(comparisons.flatMap { $0.rivals.map(\.peer) })
        return order.filter(all.contains) + all.subtracting(order).sorted()
    }

    private var memoryTable: [String] {
        rows(
            ["id", "Hillock MB", "torch MB", "best peer MB", "Hillock first step s", "torch first step s", "best peer first step s"],
            comparisons.filter { $0.workload.first != "M" }.map { c in
                let torch = c.rivals.first { $0.peer == "torch" }
                func megabytes(_ value: Double?) -> String { value.map { String(format: "%.0f", $0) } ?? "" }
                return [
                    c.workload, megabytes(c.megabytes), megabytes(torch?.megabytes), megabytes(c.best?.megabytes),
                    c.firstStep?.formatted ?? "", torch?.firstStep?.formatted ?? "", c.best?.firstStep?.formatted ?? "",
                ]
            })
    }
}
