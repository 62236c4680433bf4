import HillockCore

/// Chooses among ways of doing the same by timing them, within a budget for each plan.
struct Tuner {
    /// One way.
    struct Candidate<Value> {
        /// What the store knows it by.
        let name: String
        /// Makes it, if there is one on this machine.
        let make: () throws -> Value
    }

    /// Seconds that timing may still take in this plan: a first step must not wait long.
    private var budget = 0.3
    private let given: TuningStore?
    /// Asked for only where there is a choice: its name holds oneDNN's version, which loads oneDNN.
    private var store: TuningStore { given ?? .current }

    init(store: TuningStore? = nil) { given = store }

    /// The candidate that was found fastest, now or earlier. `candidates` begins with what a rule by shape prefers: it is taken where
    /// nothing can be kept or the budget is spent, and another must be a tenth faster than it.
    ///
    /// - Parameter trial: The step that does it, on buffers of these sizes, for timing.
    mutating func choose<Value>(
        _ question: String, _ candidates: [Candidate<Value>], trial: (Value) -> (step: any Step, byteCounts: [Int])
    ) throws -> Value {
        if candidates.count == 1 { return try candidates[0].make() }
        if let known = store.answer(question), let value = try? candidates.first(where: { $0.name == known })?.make() { return value }
        let isTiming = store.isAvailable && budget > 0
        var made: [(name: String, value: Value)] = []
        for candidate in candidates where made.isEmpty || isTiming {
            // The last one is the one that is always there: its error counts.
            if let value = try candidate.name == candidates.last?.name ? candidate.make() : try? candidate.make() {
                made.append((candidate.name, value))
            }
        }
        var best = 0
        if isTiming, made.count > 1 {
            let start = Observation.now
            var times: [Double] = []
            for candidate in made { times.append(try time(trial(candidate.value), limit: (times.min() ?? .infinity) * 1.5)) }
            for position in times.indices.dropFirst() where times[position] < times[best] * 0.9 { best = position }
            budget -= Self.seconds(since: start)
        }
        store.decide(question, made[best].name)
        return made[best].value
    }

    /// Seconds that a step takes: the least of a few runs after one, or of one if that is over the limit.
    private func time(_ trial: (step: any Step, byteCounts: [Int]), limit: Double) throws -> Double {
        let storages = trial.byteCounts.map { StoragePool.shared.allocate($0) }
        let scratch = StoragePool.shared.allocate(trial.step.scratchByteCount)
        // Small numbers: neither denormal nor growing.
        for storage in storages {
            let floats = storage.pointer.assumingMemoryBound(to: Float.self)
            for position in 0..<storage.byteCount / 4 { floats[position] = Float(position & 15) * 0.01 - 0.07 }
        }
        let pointers = storages.map(\.pointer)
        return try pointers.withUnsafeBufferPointer { pointers in
            var best = Double.infinity
            for round in 0..<4 {
                let start = Observation.now
                try trial.step.run(pointers.baseAddress!, scratch: scratch.pointer)
                let elapsed = Self.seconds(since: start)
                if round == 0 {
                    // Cold: counts only if it cannot win.
                    if elapsed > limit * 2 { return elapsed }
                    continue
                }
                best = Swift.min(best, elapsed)
                if elapsed > 0.02 { break }
            }
            return withExtendedLifetime((storages, scratch)) { best }
        }
    }

    private static func seconds(since start: UInt64) -> Double { Double(Observation.now - start) * 1e-9 }
}
