/// What the runs say together: geometric mean and least ratio over T01–T21, and targets reached.
struct Summary {
    let comparisons: [Comparison]

    private var networks: [(workload: String, ratio: Double)] {
        comparisons.filter { $0.workload.first == "T" }.compactMap { c in c.best.map { (c.workload, $0.ratio) } }
    }

    /// Sentences for terminal and page.
    var lines: [String] {
        var lines: [String] = []
        if let mean = networks.map(\.ratio).geometricMean, let least = networks.min(by: { $0.ratio < $1.ratio }) {
            lines.append(
                "Geometric mean of the ratio to the best peer over \(networks.count) of T01–T21: \(mean.asRatio) (wanted: \(Target.geometricMean.asRatio))."
            )
            lines.append("Least: \(least.ratio.asRatio) on \(least.workload) (wanted: \(Target.smallestRatio.asRatio) on each).")
        }
        let verdicts = comparisons.compactMap { c in Target(c.workload)?.isReached(by: c).map { (c.workload, $0) } }
        let missed = verdicts.filter { !$0.1 }.map(\.0)
        if !verdicts.isEmpty {
            let open = missed.isEmpty ? "" : "; not \(missed.joined(separator: ", "))"
            lines.append("Targets reached: \(verdicts.count - missed.count) of \(verdicts.count)\(open).")
        }
        let wrong = comparisons.filter { $0.agreement?.isFine == false }.map(\.workload)
        if !wrong.isEmpty { lines.append("Losses or outputs differ from PyTorch's: \(wrong.joined(separator: ", ")).") }
        let disturbed = comparisons.filter(\.isDisturbed).map(\.workload)
        if !disturbed.isEmpty {
            lines.append("Disturbed by other programs (more than 0.15 cores), or with cores apart: \(disturbed.joined(separator: ", ")).")
        }
        return lines
    }
}

extension Comparison {
    /// One line for the terminal.
    func line(flops: [String: Double]) -> String {
        var line = "\(workload)  hillock \(milliseconds.formatted) ms"
        if let rate = gigaflopsPerSecond { line += " (\(rate.formatted) GFLOP/s)" }
        if let rate = gigabytesPerSecond { line += " (\(rate.formatted) GB/s)" }
        if let rate = nanosecondsPerOperation { line += " (\(rate.formatted) ns/op)" }
        let device = run.measurements.first { $0.device != nil }?.device
        // The floor is the CPU's.
        if device == nil, let share = shareOfFloor(flops: flops) {
            line += ", \(share.asPercent) of the floor"
        }
        if let device = run.measurements.first(where: { $0.device != nil })?.device, let throughput {
            line += " on \(device), \(throughput)"
        }
        if let megabytes { line += ", \(Int(megabytes)) MB" }
        if let deviceMegabytes { line += ", of the device \(Int(deviceMegabytes)) MB" }
        if let firstSteps {
            line += ", first step \(firstSteps.cold.formatted) s, with programs on disk \(firstSteps.warm.formatted) s"
        } else if let firstStep {
            line += ", first step \(firstStep.formatted) s"
        }
        for rival in rivals {
            line += "\n     \(rival.peer): ratio \(rival.ratio.asRatio)"
            line += " (\(rival.ratios.lowerBound.asRatio)–\(rival.ratios.upperBound.asRatio)), \(rival.milliseconds.formatted) ms"
            if device != nil, let throughput = rival.throughput { line += ", \(throughput)" }
            if let megabytes = rival.megabytes { line += ", \(Int(megabytes)) MB" }
            if let megabytes = rival.deviceMegabytes { line += ", of the device \(Int(megabytes)) MB" }
            if let step = rival.firstStep { line += ", first step \(step.formatted) s" }
        }
        if let best { line += "\n     best peer: \(best.peer), ratio \(best.ratio.asRatio)" }
        if let agreement { line += "\n     results \(agreement.isFine ? "agree" : "DIFFER"): \(String(agreement.difference.formatted))" }
        for (peer, reason) in run.failures.sorted(by: { $0.key < $1.key }) { line += "\n     \(peer) failed: \(reason)" }
        if isDisturbed {
            let isApart = run.measurements.contains { $0.isApart == true }
            line += "\n     disturbed: other programs used up to \(otherCpu.asRatio) cores\(isApart ? ", cores were apart" : "")"
        }
        return line
    }
}
