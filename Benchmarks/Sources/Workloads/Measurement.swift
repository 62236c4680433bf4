import Foundation
import Hillock

/// One workload made ready: what a step is and what is reported of it.
public struct Workload {
    /// One step; gives what must be known before the step is over.
    public var step: () -> Tensor
    /// Samples in a step.
    public var samples = 0
    /// Whether a step's result is a loss that the specification states.
    public var hasLoss = false
    /// Floating-point operations of a step, for a rate in GFLOP/s.
    public var flops = 0.0
    /// Bytes moved by a step, for a rate in GB/s.
    public var bytes = 0.0
    /// Operations in a step, for nanoseconds an operation.
    public var operations = 0

    /// A workload of this step.
    public init(step: @escaping () -> Tensor) { self.step = step }
}

/// What a measurement came to; the fields' names are those of the peers' reports.
public struct Measurement: Codable {
    public var workload = ""
    public var peer = "hillock"
    public var ms_median = 0.0
    public var ms_min = 0.0
    public var ms_max = 0.0
    public var repeats = 0
    public var steps_per_repeat = 0
    public var first_step_s = 0.0
    public var losses: [Double] = []
    public var gflop_per_s: Double?
    public var gb_per_s: Double?
    public var ns_per_op: Double?
    public var samples_per_s: Double?
    public var rss_mb = 0.0
}

extension Workload {
    /// Times the workload as the specification says: the first step apart, at least four more and half a second to warm up, then repeats of
    /// at least 20 ms each, waited for once at their end.
    public func measure(named name: String, repeats wanted: Int = 0, budget: Double = 3) -> Measurement {
        var result = Measurement()
        result.workload = name
        func seconds(_ body: () -> Void) -> Double {
            let start = DispatchTime.now().uptimeNanoseconds
            body()
            return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
        }
        func synchronized() {
            let value = step()
            evaluate(value)
            if hasLoss, result.losses.count < 5 { result.losses.append((value.item() * 1e6).rounded() / 1e6) }
        }
        result.first_step_s = seconds(synchronized)
        var (count, best, warm) = (1, Double.infinity, 0.0)
        while count < 5 || (warm < 0.5 && count < 200) {
            let time = seconds(synchronized)
            best = min(best, time)
            warm += time
            count += 1
        }
        let group = max(1, Int((0.02 / max(best, 1e-7)).rounded(.up)))
        let repeats = wanted > 0 ? wanted : min(30, max(3, Int(budget / (best * Double(group)))))
        let times = (0..<repeats).map { _ in
            seconds {
                var last: Tensor?
                for _ in 0..<group { last = step() }
                if let last { evaluate(last) }
            } * 1e3 / Double(group)
        }.sorted()
        result.ms_median = repeats % 2 == 1 ? times[repeats / 2] : (times[repeats / 2] + times[repeats / 2 - 1]) / 2
        result.ms_min = times[0]
        result.ms_max = times[repeats - 1]
        result.repeats = repeats
        result.steps_per_repeat = group
        if samples > 0 { result.samples_per_s = Double(samples) * 1e3 / result.ms_median }
        if flops > 0 { result.gflop_per_s = flops / result.ms_min / 1e6 }
        if bytes > 0 { result.gb_per_s = bytes / result.ms_min / 1e6 }
        if operations > 0 { result.ns_per_op = result.ms_min * 1e6 / Double(operations) }
        result.rss_mb = Self.peakResidentMegabytes
        return result
    }

    private static var peakResidentMegabytes: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_maxrss) / 1024
    }
}
