import HillockCore

/// Lets results take over the memory of arguments: the result's step reads the argument element by element, and nobody reads it later.
///
/// Whether the memory is free to take, the plan finds out in each run.
package struct DonateArguments: PlanStage {
    package static let name = "donation"
    package static let isOptional = true
    package static let summary = "a result is written over an argument that nobody wants any longer, as new weights over the old"

    package init() {}

    package func run(_ draft: PlanDraft) -> PlanDraft {
        let lastReads = draft.lastReads
        let kept = Set(draft.results.map(\.buffer))
        var draft = draft
        var taken: Set<BufferID> = []
        for (position, entry) in draft.steps.enumerated() {
            if let step = entry.step as? any InPlaceStep {
                for (source, target) in step.overlays {
                    guard case .argument(let argument) = draft.buffers[source].kind, case .result(let result) = draft.kind(target),
                        lastReads[source] == position, !kept.contains(source), taken.insert(source).inserted
                    else { continue }
                    draft.donations.append(Donation(argument: argument, result: result))
                }
            }
            guard let group = entry.step as? ElementwiseGroup else { continue }
            for output in group.writes {
                guard case .result(let result) = draft.kind(output) else { continue }
                let donor = group.contiguousReads.first { candidate in
                    guard case .argument = draft.buffers[candidate].kind else { return false }
                    return lastReads[candidate] == position && !kept.contains(candidate) && !taken.contains(candidate)
                        && draft.buffers[candidate].byteCount == draft.buffers[output].byteCount
                        && group.elementSize(of: candidate) == group.elementSize(of: output)
                }
                if let donor, case .argument(let argument) = draft.buffers[donor].kind {
                    taken.insert(donor)
                    draft.donations.append(Donation(argument: argument, result: result))
                }
            }
        }
        return draft
    }

    package func decisions(in draft: PlanDraft) -> [String] {
        draft.donations.map { "\(draft.name(draft.results[$0.result].buffer)) may be written over %\($0.argument)" }
    }
}
