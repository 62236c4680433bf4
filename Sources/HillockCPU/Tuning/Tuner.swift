import Glibc
import HillockCore

/// Chooses among ways of doing the same by timing them, within a budget for each plan.
struct Tuner {
    /// One way.
    struct Candidate<Value> {
        /// What the store knows it by.
        let name: String
        /// Makes it, if there is one on this machine.
        let make: () throws -> Value
        /// The step to time, and the sizes of its buffers: the work itself, or as much of it as tells how fast the whole is.
        let trial: () throws -> (step: any Step, byteCounts: [Int])
        /// Whether it may be the fastest: if not, it is there for where the others do not run.
        var isPromising = true
    }

    /// What choosing took so far.
    private(set) var summary = TuningSummary()
    private let given: TuningStore?
    private let memory = TrialMemory()
    /// Asked for only where there is a choice: its name holds oneDNN's version, which loads oneDNN.
    private var store: TuningStore { given ?? .current }

    init(store: TuningStore? = nil) { given = store }

    /// The candidate that was found fastest, now or earlier. `candidates` begins with what a rule by shape prefers: it is taken where
    /// nothing can be kept or the budget is spent, and another must be a tenth faster than it. The last is the one that is always there.
    mutating func choose<Value>(_ question: String, _ candidates: [Candidate<Value>]) throws -> Value {
        if candidates.count == 1 { return try candidates[0].make() }
        for known in store.answers(question) {
            // A name may be another version's, and a kernel another library's.
            if let value = try? candidates.first(where: { $0.name == known })?.make() { return value }
        }
        let promising = candidates.filter(\.isPromising)
        if promising.count == 1, let value = try? promising[0].make() { return value }
        let store = store
        if store.isAvailable, summary.seconds < store.budget, let best = fastest(candidates), let value = try? candidates[best].make() {
            store.decide(question, candidates[best].name)
            return value
        }
        if store.isAvailable { summary.untimedCount += 1 }
        for candidate in candidates.dropLast() {
            guard let value = try? candidate.make() else { continue }
            store.decide(question, candidate.name)
            return value
        }
        store.decide(question, candidates[candidates.count - 1].name)
        return try candidates[candidates.count - 1].make()
    }

    /// The position of the fastest candidate; `nil` where none runs.
    private mutating func fastest<Value>(_ candidates: [Candidate<Value>]) -> Int? {
        let start = Observation.now
        defer {
            summary.timedCount += 1
            summary.seconds += Self.seconds(since: start)
        }
        var best: (position: Int, time: Double)?
        for (position, candidate) in candidates.enumerated() where candidate.isPromising || best == nil {
            guard let trial = try? candidate.trial(), let time = try? time(trial, toBeat: (best?.time ?? .infinity) * 0.9) else { continue }
            if best.map({ time < $0.time * 0.9 }) ?? true { best = (position, time) }
        }
        return best?.position
    }

    /// Seconds that a step takes: the least of a few runs after one, fewer where they are long or it has lost.
    private func time(_ trial: (step: any Step, byteCounts: [Int]), toBeat limit: Double) throws -> Double {
        let (pointers, scratch) = try memory.buffers(trial.byteCounts, scratch: trial.step.scratchByteCount)
        return try pointers.withUnsafeBufferPointer { pointers in
            var (best, spent) = (Double.infinity, 0.0)
            for round in 0..<5 {
                let start = Observation.now
                try trial.step.run(pointers.baseAddress!, scratch: scratch)
                let elapsed = Self.seconds(since: start)
                // The first run is cold: it counts only if no other can win.
                if round == 0 {
                    if elapsed > limit * 4 { return elapsed }
                    continue
                }
                best = Swift.min(best, elapsed)
                spent += elapsed
                // Two runs are disturbed less often than one.
                if elapsed > 0.02 || spent > 0.01 && round > 1 || best > limit * 1.5 && round > 1 { break }
            }
            return best
        }
    }

    private static func seconds(since start: UInt64) -> Double { Double(Observation.now - start) * 1e-9 }
}

/// What choosing among algorithms took in a plan.
package struct TuningSummary {
    /// Questions that timing answered.
    package var timedCount = 0
    /// Seconds that it took: a first step must not wait long.
    package var seconds = 0.0
    /// Questions that a rule answered as there was no time left.
    package var untimedCount = 0
}

/// The memory of trials: one block for all, as the system takes longer to give fresh memory than most trials run.
private final class TrialMemory {
    private var block: UnsafeMutableRawPointer?
    private var byteCount = 0

    deinit { release() }

    /// Buffers of these sizes that hold small numbers, neither denormal nor growing, and scratch memory.
    func buffers(_ byteCounts: [Int], scratch: Int) throws -> (buffers: [UnsafeMutableRawPointer], scratch: UnsafeMutableRawPointer) {
        var offsets: [Int] = []
        var size = 0
        for byteCount in byteCounts {
            offsets.append(size)
            size += (byteCount + 63) & ~63
        }
        let total = size + scratch + 64
        if total > self.byteCount {
            release()
            // Somewhat more, so that it need not grow often.
            let size = total + total / 2
            block = try LargeBlocks.allocate(size)
            self.byteCount = size
        }
        let block = self.block.unsafelyUnwrapped
        fill(block, size)
        return (offsets.map { block + $0 }, block + size)
    }

    private func fill(_ block: UnsafeMutableRawPointer, _ size: Int) {
        let pattern = Swift.min(size, 4096)
        let floats = block.assumingMemoryBound(to: Float.self)
        for position in 0..<pattern / 4 { floats[position] = Float(position & 15) * 0.01 - 0.07 }
        var filled = pattern
        while filled < size {
            let count = Swift.min(filled, size - filled, 1 << 16)
            memcpy(block + filled, block, count)
            filled += count
        }
    }

    private func release() {
        if let block { LargeBlocks.deallocate(block, byteCount) }
        (block, byteCount) = (nil, 0)
    }
}
