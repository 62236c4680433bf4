import HillockCore

/// Checks drafts of plans: that memory holds what a step expects of it when the step runs, whatever the stages decided.
///
/// It follows the steps in order and works everything out anew, from what each step says that it reads and writes.
package enum PlanVerifier {
    /// Whether planners check: where ``Verifier`` does.
    static var isEnabled: Bool { Verifier.isEnabled }

    /// Stops, naming the stage, if the draft is not sound.
    static func check(_ draft: PlanDraft, after stage: String) {
        if let fault = fault(in: draft) {
            let steps = PlanDetails(steps: draft.stepDetails)
            fatalError("[cpu] the plan is wrong after \(stage): \(fault)\n\(draft.program)\n\(steps)")
        }
    }

    /// What is wrong with a draft; `nil` if nothing is.
    package static func fault(in draft: PlanDraft) -> String? {
        layoutFault(draft) ?? donationFault(draft) ?? contentFault(draft) ?? prologueFault(draft) ?? arenaFault(draft)
    }

    // MARK: - Layouts

    /// Each operand has the layout that its step wants, memory is large enough, and what shares memory lies alike.
    private static func layoutFault(_ draft: PlanDraft) -> String? {
        for (position, entry) in draft.steps.enumerated() {
            for buffer in entry.step.reads + entry.step.writes {
                let layout = draft.buffers[buffer].layout
                if let wanted = entry.step.layout(of: buffer), wanted != layout {
                    return "step \(position) wants \(draft.name(buffer)) in layout \(wanted), it is in \(layout)"
                }
            }
        }
        for (id, buffer) in draft.buffers.enumerated() {
            guard let value = buffer.value else { continue }
            if case .scalar = buffer.kind { continue }
            let size = draft.program.type(of: value).byteCount
            if buffer.byteCount < size { return "\(draft.name(id)) has \(buffer.byteCount) bytes, its value takes \(size)" }
        }
        for (buffer, home) in draft.homes.sorted(by: { $0.key < $1.key }) {
            let (a, b) = (draft.buffers[buffer], draft.buffers[home])
            if a.layout != b.layout || a.byteCount != b.byteCount {
                return "\(draft.name(buffer)) and \(draft.name(home)) share memory, but lie differently"
            }
        }
        return nil
    }

    // MARK: - What is where

    /// Nothing is read before it is written or after something else was written over it, and results are there at the end.
    private static func contentFault(_ draft: PlanDraft) -> String? {
        /// The buffer whose elements are in a piece of memory now.
        var content: [BufferID: BufferID] = [:]
        /// The argument that a result may take the memory of, and where that was written.
        let donors = draft.donations.reduce(into: [Int: Int]()) { $0[$1.result] = $1.argument }
        var overwritten: [Int: (step: Int, result: BufferID)] = [:]
        for (position, entry) in draft.steps.enumerated() {
            let step = entry.step
            for buffer in step.reads {
                switch draft.kind(buffer) {
                case .scalar, .constant: continue
                case .argument(let argument):
                    guard let over = overwritten[argument] else { continue }
                    return
                        "step \(position) reads \(draft.name(buffer)), over which step \(over.step) may have written \(draft.name(over.result))"
                case .temporary, .kept, .result:
                    guard let there = content[draft.root(buffer)] else {
                        return "step \(position) reads \(draft.name(buffer)), which no step wrote"
                    }
                    // What is written over another reads it as its own first content.
                    let isTakenOver = draft.homes[there] == buffer && step.writes.contains(buffer)
                    if there != buffer, !isTakenOver {
                        return "step \(position) reads \(draft.name(buffer)), over which \(draft.name(there)) was written"
                    }
                }
            }
            for buffer in step.writes {
                let root = draft.root(buffer)
                switch draft.kind(buffer) {
                case .scalar, .constant, .argument: return "step \(position) writes \(draft.name(buffer)), which is given"
                case .temporary, .kept, .result:
                    if let there = content[root], there != buffer, draft.homes[there] != buffer {
                        return "step \(position) writes \(draft.name(buffer)) over \(draft.name(there)), whose memory it does not share"
                    }
                    content[root] = buffer
                }
                if case .result(let result) = draft.kind(buffer), let argument = donors[result], overwritten[argument] == nil {
                    overwritten[argument] = (position, buffer)
                    if let fault = inPlaceFault(draft, step, position, argument, buffer) { return fault }
                }
            }
        }
        for (position, result) in draft.results.enumerated() {
            switch draft.buffers[result.buffer].kind {
            case .constant: continue
            case .argument(let argument):
                if let over = overwritten[argument] {
                    return
                        "result \(position) is argument %\(argument), over which step \(over.step) may have written \(draft.name(over.result))"
                }
            case .result:
                if draft.homes[result.buffer] != nil || content[result.buffer] != result.buffer {
                    return "result \(position), \(draft.name(result.buffer)), is not there at the end"
                }
            case .scalar, .temporary, .kept: return "result \(position), \(draft.name(result.buffer)), has no memory of its own"
            }
        }
        return nil
    }

    /// A step that writes a result over an argument that it reads must do so element by element.
    private static func inPlaceFault(_ draft: PlanDraft, _ step: any Step, _ position: Int, _ argument: Int, _ target: BufferID) -> String?
    {
        for source in step.reads {
            guard case .argument(argument) = draft.buffers[source].kind else { continue }
            if let step = step as? any InPlaceStep, step.overlays.contains(where: { $0.source == source && $0.target == target }) {
                continue
            }
            if let group = step as? ElementwiseGroup, group.contiguousReads.contains(source),
                group.elementSize(of: source) == group.elementSize(of: target)
            {
                continue
            }
            return "step \(position) may write \(draft.name(target)) over \(draft.name(source)) while it reads that"
        }
        return nil
    }

    // MARK: - Donations

    /// Each argument is given to one result of the same size, and lies in one buffer.
    private static func donationFault(_ draft: PlanDraft) -> String? {
        var given: Set<Int> = []
        var taking: Set<Int> = []
        for donation in draft.donations {
            let (argument, result) = (donation.argument, donation.result)
            guard given.insert(argument).inserted else { return "argument %\(argument) is given to two results" }
            guard taking.insert(result).inserted else { return "result \(result) takes two arguments" }
            let buffers = draft.buffers.filter { if case .argument(argument) = $0.kind { true } else { false } }
            guard buffers.count == 1 else { return "argument %\(argument) is given away, but lies in \(buffers.count) buffers" }
            let target = draft.buffers[draft.results[result].buffer]
            if target.byteCount != buffers[0].byteCount {
                return "result \(result) takes \(target.byteCount) bytes, argument %\(argument) has \(buffers[0].byteCount)"
            }
        }
        return nil
    }

    // MARK: - Prologue

    /// What need not run again depends on parameters alone, and nobody writes over what it leaves.
    private static func prologueFault(_ draft: PlanDraft) -> String? {
        let count = draft.prologue?.count ?? 0
        let kept = Set(draft.prologue?.kept ?? [])
        for (id, buffer) in draft.buffers.enumerated() {
            if case .kept = buffer.kind, !kept.contains(id) { return "\(draft.name(id)) is kept, but not by the prologue" }
        }
        var made: Set<BufferID> = []
        for (position, entry) in draft.steps.enumerated() {
            let isEarly = position < count
            for buffer in entry.step.reads {
                if isEarly, !made.contains(buffer), !draft.isGiven(buffer) {
                    return "step \(position) of the prologue reads \(draft.name(buffer)), which is not made of parameters alone"
                }
                if !isEarly, made.contains(buffer), !kept.contains(buffer) {
                    return "step \(position) reads \(draft.name(buffer)), which the prologue does not keep"
                }
            }
            if isEarly { made.formUnion(entry.step.writes) }
            if !isEarly, let lost = entry.step.writes.first(where: { made.contains($0) || kept.contains(draft.root($0)) }) {
                return "step \(position) writes \(draft.name(lost)), which the prologue left"
            }
        }
        return nil
    }

    // MARK: - Arena

    /// Of two temporaries that are alive at the same time each has memory of its own.
    private static func arenaFault(_ draft: PlanDraft) -> String? {
        guard let arena = draft.arena else { return nil }
        var lives: [BufferID: ClosedRange<Int>] = [:]
        for (position, entry) in draft.steps.enumerated() {
            for buffer in entry.step.reads + entry.step.writes where draft.isTemporary(buffer) {
                let root = draft.root(buffer)
                lives[root] = (lives[root]?.lowerBound ?? position)...position
            }
        }
        for (buffer, _) in lives.sorted(by: { $0.key < $1.key }) {
            guard let offset = arena.offsets[buffer] else { return "\(draft.name(buffer)) has no place" }
            let end = offset + draft.buffers[buffer].byteCount
            if offset % 64 != 0 || end > arena.byteCount { return "\(draft.name(buffer)) is at \(offset) to \(end) of \(arena.byteCount)" }
        }
        // From step to step: what is alive lies side by side, in order, so that only neighbours can overlap with what comes to life.
        let (begins, ends) = lives.reduce(
            into: ([[BufferID]](repeating: [], count: draft.steps.count), [[BufferID]](repeating: [], count: draft.steps.count))
        ) {
            if draft.buffers[$1.key].byteCount == 0 { return }
            $0.0[$1.value.lowerBound].append($1.key)
            $0.1[$1.value.upperBound].append($1.key)
        }
        var alive: [(start: Int, end: Int, buffer: BufferID)] = []
        func place(of offset: Int) -> Int {
            var (low, high) = (0, alive.count)
            while low < high {
                let middle = (low + high) / 2
                if alive[middle].start < offset { low = middle + 1 } else { high = middle }
            }
            return low
        }
        for position in draft.steps.indices {
            for buffer in begins[position] {
                let offset = arena.offsets[buffer]!, end = offset + draft.buffers[buffer].byteCount, place = place(of: offset)
                for neighbour in alive[Swift.max(place - 1, 0)..<Swift.min(place + 1, alive.count)]
                where offset < neighbour.end && neighbour.start < end {
                    let pair = (Swift.min(buffer, neighbour.buffer), Swift.max(buffer, neighbour.buffer))
                    return "\(draft.name(pair.0)) and \(draft.name(pair.1)) overlap in the arena while both are alive"
                }
                alive.insert((offset, end, buffer), at: place)
            }
            for buffer in ends[position] { alive.remove(at: place(of: arena.offsets[buffer]!)) }
        }
        return nil
    }
}

extension PlanDraft {
    /// Whether a buffer is known before the program runs, or is a parameter.
    fileprivate func isGiven(_ buffer: BufferID) -> Bool {
        switch buffers[buffer].kind {
        case .constant, .scalar: true
        case .argument(let argument): prologue?.arguments.contains(argument) == true && program.inputs[argument].isParameter
        case .temporary, .kept, .result: false
        }
    }
}
