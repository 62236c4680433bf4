/// What Hillock is to reach on a workload.
enum Target {
    /// At least this many times as fast as the best peer.
    case ratio(Double)
    /// At least this many times as fast as one peer.
    case ratioTo(String, Double)
    /// At least this share of the machine's copy bandwidth, and no slower than the best peer.
    case bandwidth(Double)
    /// At most this many nanoseconds an operation.
    case nanoseconds(Double)
    /// At most this many milliseconds.
    case milliseconds(Double)

    private static let ratios = [
        "T01": 4, "T02": 1.3, "T03": 1.6, "T04": 1.7, "T05": 1.2, "T06": 1.6, "T07": 1.3, "T08": 1.25, "T09": 1.4, "T10": 1.4, "T11": 1.25,
        "T12": 1.2, "T13": 1.7, "T14": 1.3, "T15": 1.6, "T16": 2.0, "T17": 2.5, "T18": 1.8, "T19": 1.5, "T20": 1.5, "T21": 1.4,
    ]

    /// Smallest ratio allowed on any training or image workload, and smallest geometric mean over all.
    static let (smallestRatio, geometricMean) = (1.1, 1.6)

    /// The target of a workload, if it has one.
    init?(_ workload: String) {
        switch workload {
        case "M01": self = .nanoseconds(250)
        case "M02", "M04", "M05", "M06": self = .bandwidth(0.9)
        case "M03", "M07-fwd", "M07-bwd": self = .ratio(1)
        case "M08": self = .milliseconds(25)
        default:
            if let ratio = Self.ratios[workload] {
                self = .ratio(ratio)
            } else if workload.hasPrefix("I") {
                self = .ratioTo("onnxruntime", 1.1)
            } else {
                return nil
            }
        }
    }

    /// For tables: `1.6`, `250 ns`.
    var text: String {
        switch self {
        case .ratio(let ratio): "\(ratio.formatted)"
        case .ratioTo(let peer, let ratio): "\(ratio.formatted) to \(peer)"
        case .bandwidth(let share): "\(Int(share * 100)) % of copying"
        case .nanoseconds(let limit): "\(Int(limit)) ns"
        case .milliseconds(let limit): "\(Int(limit)) ms"
        }
    }

    /// The ratio to the best peer that is wanted, for the chart.
    var ratio: Double? {
        switch self {
        case .ratio(let ratio), .ratioTo(_, let ratio): ratio
        case .bandwidth: 1
        case .nanoseconds, .milliseconds: nil
        }
    }

    /// Whether a comparison reaches it; `nil` if it does not say.
    func isReached(by comparison: Comparison) -> Bool? {
        switch self {
        case .ratio(let wanted): comparison.best.map { $0.ratio >= wanted }
        case .ratioTo(let peer, let wanted): comparison.rivals.first { $0.peer == peer }.map { $0.ratio >= wanted }
        case .bandwidth(let share):
            comparison.gigabytesPerSecond.map { $0 >= share * comparison.run.rates.copyGbPerS && (comparison.best?.ratio ?? 1) >= 1 }
        case .nanoseconds(let limit): comparison.nanosecondsPerOperation.map { $0 <= limit }
        case .milliseconds(let limit): comparison.milliseconds <= limit
        }
    }
}
