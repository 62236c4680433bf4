import HillockCore

extension CPUPlan {
    var details: PlanDetails {
        let operations = floatingPointOperations()
        return PlanDetails(
            steps: steps.enumerated().map { position, step in
                PlanDetails.Step(
                    kernel: step.explanation, reads: step.reads.map(name), writes: step.writes.map(name),
                    floatingPointOperations: operations[position], byteCount: step.byteCount(buffers))
            }, memory: memoryLines)
    }

    /// By step. What an instruction has beyond what its steps know of is that of its last step: the others bring its operands.
    private func floatingPointOperations() -> [Int] {
        var counts = steps.map { $0.floatingPointOperations ?? 0 }
        var stepsOfInstruction: [Int: [Int]] = [:]
        for (position, origin) in origins.enumerated() {
            if let origin { stepsOfInstruction[origin, default: []].append(position) }
        }
        for (origin, positions) in stepsOfInstruction {
            guard let last = positions.last(where: { steps[$0].floatingPointOperations == nil }) else { continue }
            let known = positions.reduce(0) { $0 + counts[$1] }
            counts[last] = Swift.max(0, program.floatingPointOperations(of: program.instructions[origin]) - known)
        }
        return counts
    }

    /// A buffer by the value that it holds, `%17 nChw16c`; by its own number where it holds none.
    private func name(_ buffer: BufferID) -> String {
        let info = buffers[buffer]
        let name = info.value.map { "%\($0)" } ?? (info.isConstant ? "constant" : "buffer \(buffer)")
        return info.layout == .plain ? name : "\(name) \(info.layout)"
    }

    private var memoryLines: [String] {
        let temporaries = temporaries.reduce(0) { $0 + buffers[$1.buffer].byteCount }
        let scratch = arenaByteCount - scratchOffset - 64
        var lines = [
            "arena: \(ByteText.of(arenaByteCount)); \(self.temporaries.count) temporaries, \(ByteText.of(temporaries)) side by side, share "
                + "\(ByteText.of(scratchOffset)) by when they live, and scratch memory is \(ByteText.of(scratch))"
        ]
        if let prologue { lines.append(prologue.explanation) }
        let own = results.filter { if case .result = buffers[$0.buffer].kind { true } else { false } }
        lines.append("results: \(results.count), \(ByteText.of(own.reduce(0) { $0 + $1.type.byteCount }))")
        if !donations.isEmpty {
            let pairs = donations.map { "%\($0.argument) → \(name(results[$0.result].buffer))" }.joined(separator: ", ")
            lines.append("donations: \(donations.count) results may be written over arguments that nobody wants any longer: \(pairs)")
        }
        return lines
    }
}
