import Hillock

/// What the first five steps of a workload give, to the last bit.
public struct Outcome: Codable, Equatable {
    /// Losses, or the mean of the absolute values of what an inference gives, once.
    public var values: [Double] = []
    /// A hash of the bytes of all results.
    public var hash: UInt64 = 0xcbf2_9ce4_8422_2325
}

extension Workload {
    /// Takes five steps, or one of an inference.
    public func outcome() throws -> Outcome {
        var outcome = Outcome()
        for _ in 0..<(isInference ? 1 : 5) {
            let result = step()
            evaluate(result)
            if hasLoss { outcome.values.append((result.item() * 1e6).rounded() / 1e6) }
            if isInference { outcome.values.append(abs(result).mean().item()) }
            // FNV-1a (Fowler, Noll, Vo 1991).
            try result.hostArray().withBytes { bytes in
                for byte in bytes { outcome.hash = (outcome.hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            }
        }
        return outcome
    }
}
