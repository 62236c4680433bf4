/// One process's report, of Hillock or of a peer, as both print it and as it is kept.
struct Measurement: Codable {
    var workload: String
    var peer: String
    var version: String?
    /// What Hillock computed with, and in what precision, where that was chosen.
    var device: String?
    var precision: String?
    var msMedian: Double
    var msMin: Double
    var firstStepS: Double?
    var losses: [Double]?
    var meanAbsOutput: Double?
    var gflopPerS: Double?
    var gbPerS: Double?
    var nsPerOp: Double?
    /// Samples and tokens a second, from the median.
    var samplesPerS: Double?
    var tokensPerS: Double?
    var rssMb: Double?
    /// Peak of the device's own memory, where it tells.
    var deviceMb: Double?
    /// Cores that other programs kept busy meanwhile.
    var otherCpu: Double?
    /// Nanoseconds from one core to another and back, before or after, whichever is more.
    var roundTripNs: Double?
    /// Whether that was far more than at other times of the same run.
    var isApart: Bool?
    /// In which round it was measured, from 0.
    var round: Int?

    /// Whether other programs took enough of the machine to spoil the times, or its cores were apart.
    var isDisturbed: Bool { (otherCpu ?? 0) > 0.15 || isApart == true }

    /// The time that counts: the fastest repeat of the micro workloads, the median of the others.
    var milliseconds: Double { workload.first == "M" && workload != "M08" ? msMin : msMedian }
}

/// Everything measured of one workload in one run.
struct WorkloadRun: Codable {
    /// When the run ended, ISO 8601.
    var date: String
    /// Rounds that were asked for.
    var rounds: Int
    /// What the machine did at best in this run: others, on other days, saw half or twice as much.
    var rates: Rates
    var measurements: [Measurement]
    /// Peers that gave no measurement, and why.
    var failures: [String: String]
}
