import Foundation
import Hillock

/// What a measurement came to; written with the fields' names of the peers' reports (`ms_median`, `first_step_s`).
public struct Measurement: Codable {
    /// Which workload.
    public var workload = ""
    /// Who ran it.
    public var peer = "hillock"
    /// What computed, where that was chosen: `xla-cpu`.
    public var device: String?
    /// What numbers were computed with, where that was chosen: `bf16`.
    public var precision: String?
    /// Milliseconds of a step: median over the repeats.
    public var msMedian = 0.0
    /// Milliseconds of a step: the fastest repeat.
    public var msMin = 0.0
    /// Milliseconds of a step: the slowest repeat.
    public var msMax = 0.0
    /// How many repeats were timed.
    public var repeats = 0
    /// Steps in each.
    public var stepsPerRepeat = 0
    /// Seconds of the first step, planning included.
    public var firstStepS = 0.0
    /// Losses of steps 1 to 5, each before the step's update.
    public var losses: [Double]?
    /// Mean of the absolute values of what an inference gives.
    public var meanAbsOutput: Double?
    /// Rate from the fastest repeat, where the workload counts operations.
    public var gflopPerS: Double?
    /// Rate from the fastest repeat, where the workload counts bytes.
    public var gbPerS: Double?
    /// Nanoseconds an operation from the fastest repeat.
    public var nsPerOp: Double?
    /// Samples a second from the median.
    public var samplesPerS: Double?
    /// Tokens a second from the median.
    public var tokensPerS: Double?
    /// Peak resident memory of the process in MB.
    public var rssMb = 0.0
    /// Peak of what programs held of the device's own memory in MB, where the device tells.
    public var deviceMb: Double?
}

extension Workload {
    /// Times the workload as the specification says: the first step apart, at least four more and half a second to warm up, then repeats of
    /// at least 20 ms each, waited for once at their end, or in inference after each step.
    /// - Throws: what the device throws.
    public func measure(named name: String, repeats wanted: Int = 0, budget: Double = 3) throws -> Measurement {
        var result = Measurement()
        var losses: [Double] = []
        result.workload = name
        func seconds(_ body: () throws -> Void) rethrows -> Double {
            let start = DispatchTime.now().uptimeNanoseconds
            try body()
            return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
        }
        func synchronized() throws {
            let value = try wait(for: step())
            if hasLoss, losses.count < 5 { losses.append((value.doubles[0] * 1e6).rounded() / 1e6) }
        }
        result.firstStepS = try seconds(synchronized)
        var (count, best) = (1, Double.infinity)
        let start = DispatchTime.now().uptimeNanoseconds
        while count < 5 || (DispatchTime.now().uptimeNanoseconds - start < 500_000_000 && count < 200) {
            best = min(best, try seconds(synchronized))
            count += 1
            if best > 5, !hasLoss { break }
        }
        let group = max(1, Int((0.02 / max(best, 1e-7)).rounded(.up)))
        let repeats = wanted > 0 ? wanted : min(30, max(3, Int(budget / (best * Double(group)))))
        var last: Tensor?
        let times = try (0..<repeats).map { _ in
            try seconds {
                for _ in 0..<group {
                    last = try step()
                    if isInference, let last { _ = try wait(for: last) }
                }
                if let last { _ = try wait(for: last) }
            } * 1e3 / Double(group)
        }.sorted()
        result.msMedian = repeats % 2 == 1 ? times[repeats / 2] : (times[repeats / 2] + times[repeats / 2 - 1]) / 2
        result.msMin = times[0]
        result.msMax = times[repeats - 1]
        result.repeats = repeats
        result.stepsPerRepeat = group
        if hasLoss { result.losses = losses }
        if isInference, let last { result.meanAbsOutput = try abs(last).mean().hostArray().doubles[0] }
        if samples > 0 {
            let rate = Double(samples) * 1e3 / result.msMedian
            if unit == "tokens" { result.tokensPerS = rate } else { result.samplesPerS = rate }
        }
        if flops > 0 { result.gflopPerS = flops / result.msMin / 1e6 }
        if bytes > 0 { result.gbPerS = bytes / result.msMin / 1e6 }
        if operations > 0 { result.nsPerOp = result.msMin * 1e6 / Double(operations) }
        result.rssMb = ProcessMemory.peakMegabytes
        result.deviceMb = (Device.current.engine as? PJRTEngine)?.memory?.peak.map { Double($0) / 1_048_576 }
        return result
    }

    /// Computes a tensor and waits until it is there: an accelerator's values come later.
    private func wait(for tensor: Tensor) throws -> HostArray { try tensor.hostArray() }
}

/// What this process holds of the host's memory.
enum ProcessMemory {
    /// Peak resident memory in MB.
    static var peakMegabytes: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_maxrss) / 1024
    }
}
