import Dispatch
import Hillock

/// What the first five steps of a workload give, to the last bit.
public struct Outcome: Codable, Equatable {
    /// Losses, or the mean of the absolute values of what an inference gives, once.
    public var values: [Double] = []
    /// A hash of the bytes of all results.
    public var hash: UInt64 = 0xcbf2_9ce4_8422_2325
}

/// An outcome, and what it cost.
public struct Trial: Codable {
    /// What the steps gave.
    public var outcome = Outcome()
    /// Seconds of the first step, planning and compiling included.
    public var firstStepS = 0.0
    /// Milliseconds of the fastest later step.
    public var stepMs = Double.infinity
    /// Peak resident memory of the process in MB.
    public var rssMb = 0.0
}

extension Workload {
    /// Takes five steps, three of an inference, which gives the same each time and counts once.
    /// - Throws: what the device throws.
    public func trial() throws -> Trial {
        var trial = Trial()
        for number in 0..<(isInference ? 3 : 5) {
            let start = DispatchTime.now().uptimeNanoseconds
            let result = try step()
            evaluate(result)
            let array = try result.hostArray()
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
            if number == 0 { trial.firstStepS = seconds } else { trial.stepMs = min(trial.stepMs, seconds * 1e3) }
            if isInference, number > 0 { continue }
            if hasLoss { trial.outcome.values.append((array.doubles[0] * 1e6).rounded() / 1e6) }
            if isInference { trial.outcome.values.append(try abs(result).mean().hostArray().doubles[0]) }
            // FNV-1a (Fowler, Noll, Vo 1991).
            array.withBytes { bytes in
                for byte in bytes { trial.outcome.hash = (trial.outcome.hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            }
        }
        trial.rssMb = ProcessMemory.peakMegabytes
        return trial
    }
}
