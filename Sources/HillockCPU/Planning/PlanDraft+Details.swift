import HillockCore

extension PlanDraft {
    /// The steps, for people.
    var stepDetails: [PlanDetails.Step] {
        let operations = floatingPointOperations()
        return steps.enumerated().map { position, entry in
            let step = entry.step
            return PlanDetails.Step(
                kernel: step.explanation, reads: step.reads.map(name), writes: step.writes.map(name),
                floatingPointOperations: operations[position], byteCount: step.byteCount(buffers))
        }
    }

    /// By step. What an instruction has beyond what its steps know of is that of its last step: the others bring its operands.
    private func floatingPointOperations() -> [Int] {
        var counts = steps.map { $0.step.floatingPointOperations ?? 0 }
        var stepsOfInstruction: [Int: [Int]] = [:]
        for (position, entry) in steps.enumerated() {
            if let origin = entry.origin { stepsOfInstruction[origin, default: []].append(position) }
        }
        for (origin, positions) in stepsOfInstruction {
            guard let last = positions.last(where: { steps[$0].step.floatingPointOperations == nil }) else { continue }
            let known = positions.reduce(0) { $0 + counts[$1] }
            counts[last] = Swift.max(0, program.floatingPointOperations(of: program.instructions[origin]) - known)
        }
        return counts
    }

    /// A buffer by the value that it holds, `%17 nChw16c`; by its own number where it holds none.
    package func name(_ buffer: BufferID) -> String {
        let info = buffers[buffer]
        let name = info.value.map { "%\($0)" } ?? (info.isConstant ? "constant" : "buffer \(buffer)")
        return info.layout == .plain ? name : "\(name) \(info.layout)"
    }

    /// Bytes that steps want besides, for as long as they run.
    var scratchByteCount: Int { steps.map(\.step.scratchByteCount).max() ?? 0 }

    /// How memory is used, a line each.
    var memoryLines: [String] {
        let own = results.filter { if case .result = buffers[$0.buffer].kind { true } else { false } }
        let line = "results: \(results.count), \(ByteText.of(own.reduce(0) { $0 + $1.type.byteCount }))"
        return [arenaLine, prologueLine, line, donationLine, tuningLine].compactMap { $0 }
    }

    /// What was chosen now, which later processes find chosen.
    private var tuningLine: String? {
        guard tuning.timedCount + tuning.untimedCount > 0 else { return nil }
        let timed = "algorithms: \(tuning.timedCount) chosen by timing, in \(Int(tuning.seconds * 1000)) ms"
        return tuning.untimedCount == 0 ? timed : timed + ", and \(tuning.untimedCount) by rule, as no time was left"
    }

    /// How large the arena is.
    var arenaLine: String {
        let (size, offsets) = (arena?.byteCount ?? 0, arena?.offsets ?? [:])
        let apart = offsets.keys.reduce(0) { $0 + buffers[$1].byteCount }
        return "arena: \(ByteText.of(size + scratchByteCount + CPUPlan.margin)), of it \(ByteText.of(size)) for temporaries "
            + "(\(offsets.count), which side by side would take \(ByteText.of(apart))) and \(ByteText.of(scratchByteCount)) of scratch memory"
    }

    /// What runs once only.
    var prologueLine: String? {
        guard let prologue else { return nil }
        let first =
            prologue.count == 1
            ? "step 0 needs parameters alone and runs" : "steps 0 to \(prologue.count - 1) need parameters alone and run"
        let byteCount = prologue.kept.reduce(0) { $0 + buffers[$1].byteCount }
        return "prologue: \(first) once for the same parameters; what is left for the other steps is kept, \(ByteText.of(byteCount))"
    }

    /// What may be written over what.
    private var donationLine: String? {
        if donations.isEmpty { return nil }
        let pairs = donations.map { "%\($0.argument) → \(name(results[$0.result].buffer))" }.joined(separator: ", ")
        return "donations: \(donations.count) results may be written over arguments that nobody wants any longer: \(pairs)"
    }
}
