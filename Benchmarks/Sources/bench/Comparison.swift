import Foundation

/// What a run says about one workload: Hillock's figures, and the ratio to each peer.
struct Comparison {
    /// A peer beside Hillock.
    struct Rival {
        let peer: String
        /// Median over the rounds.
        let milliseconds: Double
        /// The peer's time over ours, round by round: median, least, greatest. Above 1 we are faster.
        let ratio: Double
        let ratios: ClosedRange<Double>
        let megabytes: Double?
        let firstStep: Double?
        /// What it does in a second, and the device's memory that it takes.
        let throughput: String?
        let deviceMegabytes: Double?
        /// Whether it was run in the first round only, being far slower than others.
        let isSketched: Bool
    }

    let workload: String
    let run: WorkloadRun
    /// Median over the rounds.
    let milliseconds: Double
    let gigabytesPerSecond: Double?
    let gigaflopsPerSecond: Double?
    let nanosecondsPerOperation: Double?
    let megabytes: Double?
    let firstStep: Double?
    /// The first step of the first process, and of later ones that find compiled programs on disk.
    let firstSteps: (cold: Double, warm: Double)?
    /// What it does in a second, and the device's memory that it takes.
    let throughput: String?
    let deviceMegabytes: Double?
    /// Every peer, the fastest first.
    let rivals: [Rival]

    /// `nil` if Hillock gave no measurement.
    init?(_ workload: String, _ run: WorkloadRun) {
        func of(_ peer: String) -> [Measurement] { run.measurements.filter { $0.peer == peer } }
        let ours = of("hillock")
        guard let milliseconds = ours.map(\.milliseconds).median else { return nil }
        self.workload = workload
        self.run = run
        self.milliseconds = milliseconds
        gigabytesPerSecond = ours.compactMap(\.gbPerS).median
        gigaflopsPerSecond = ours.compactMap(\.gflopPerS).median
        nanosecondsPerOperation = ours.compactMap(\.nsPerOp).median
        megabytes = ours.compactMap(\.rssMb).max()
        firstStep = ours.compactMap(\.firstStepS).median
        throughput = ours.throughput
        deviceMegabytes = ours.compactMap(\.deviceMb).max()
        let later = ours.dropFirst().compactMap(\.firstStepS).median
        firstSteps = ours.first?.device == nil ? nil : ours.first?.firstStepS.flatMap { cold in later.map { (cold, $0) } }
        var names: [String] = []
        for measurement in run.measurements where measurement.peer != "hillock" && !names.contains(measurement.peer) {
            names.append(measurement.peer)
        }
        rivals = names.compactMap { name in
            let theirs = of(name)
            let ratios = theirs.compactMap { their in
                ours.first { $0.round == their.round }.map { their.milliseconds / $0.milliseconds }
            }
            guard let ratio = ratios.median, let time = theirs.map(\.milliseconds).median else { return nil }
            return Rival(
                peer: name, milliseconds: time, ratio: ratio, ratios: ratios.min()!...ratios.max()!,
                megabytes: theirs.compactMap(\.rssMb).max(), firstStep: theirs.compactMap(\.firstStepS).median,
                throughput: theirs.throughput, deviceMegabytes: theirs.compactMap(\.deviceMb).max(),
                isSketched: theirs.count < ours.count)
        }.sorted { $0.ratio < $1.ratio }
    }

    /// The fastest peer.
    var best: Rival? { rivals.first { !$0.isSketched } ?? rivals.first }

    /// The greatest share of the machine that other programs took during any measurement, in cores.
    var otherCpu: Double { run.measurements.compactMap(\.otherCpu).max() ?? 0 }

    /// Whether any measurement was disturbed by other programs.
    var isDisturbed: Bool { run.measurements.contains(where: \.isDisturbed) }

    /// How much of the time the machine needs at least: operations or bytes that count, at the best rates measured with it.
    func shareOfFloor(flops: [String: Double]) -> Double? {
        if let rate = gigabytesPerSecond { return rate / run.rates.copyGbPerS }
        guard let flops = flops[workload], run.rates.peakGflopPerS > 0 else { return nil }
        return flops / run.rates.peakGflopPerS / 1e6 / milliseconds
    }

    /// Greatest relative difference to PyTorch's losses or output (another peer's where PyTorch gave none), and whether the specification
    /// allows it.
    var agreement: (difference: Double, isFine: Bool)? {
        func values(_ peer: String) -> [Double]? {
            let first = run.measurements.first { $0.peer == peer }
            return first?.losses ?? first?.meanAbsOutput.map { [$0] }
        }
        guard let ours = values("hillock"), !ours.isEmpty else { return nil }
        // scikit-learn draws its own parameters, Keras' Adam scales epsilon.
        let order = ["torch"] + rivals.map(\.peer).filter { $0 != "torch" && $0 != "sklearn" && $0 != "tf" }
        guard let theirs = order.lazy.compactMap(values).first else { return nil }
        // T07 amplifies rounding from its first update on, and with bf16 all do.
        let isRough = run.measurements.contains { $0.precision == "bf16" }
        let compared = workload == "T07" || isRough ? 1 : min(ours.count, theirs.count)
        let difference = zip(ours, theirs).prefix(compared).map { abs($0 - $1) / max(abs($1), 1e-12) }.max() ?? 0
        // As far as PyTorch's own modes drift apart: see the workloads' `Specification`.
        let drift = ["T04": 4e-3, "T05": 4e-3, "T06": 4e-3, "T12": 4e-3, "T16": 3e-4]
        return (difference, difference <= (isRough ? 2e-2 : drift[workload] ?? 1e-4))
    }
}

extension [Measurement] {
    /// `1.23e+04 samples/s`, the median.
    fileprivate var throughput: String? {
        compactMap(\.samplesPerS).median.map { "\($0.formatted) samples/s" }
            ?? compactMap(\.tokensPerS).median.map { "\($0.formatted) tokens/s" }
    }
}

extension [Double] {
    /// The middle of the sorted numbers; `nil` without any.
    var median: Double? {
        let sorted = sorted()
        guard let middle = sorted.dropFirst(count / 2).first else { return nil }
        return count % 2 == 1 ? middle : (middle + sorted[count / 2 - 1]) / 2
    }

    /// The n-th root of the product; `nil` without any.
    var geometricMean: Double? { isEmpty ? nil : exp(map(log).reduce(0, +) / Double(count)) }
}

extension Double {
    /// Three digits.
    var formatted: String {
        let text = self >= 1000 ? String(format: "%.0f", self) : String(format: "%.3g", self)
        return text
    }
    /// Two places, as ratios are written.
    var asRatio: String { String(format: "%.2f", self) }
    var asPercent: String { String(format: "%.0f %%", self * 100) }
}
