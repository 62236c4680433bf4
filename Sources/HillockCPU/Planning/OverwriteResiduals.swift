import HillockCore

/// Lets a convolution that adds a residual write its result over it, if nobody reads the residual later.
///
/// Lowering copies every residual to where the result will be. The copies of those that are read for the last time by being copied go.
package struct OverwriteResiduals: PlanStage {
    package static let name = "inplace"
    package static let isOptional = true
    package static let summary = "a convolution that adds what nobody reads later writes its result over it"

    package init() {}

    package func run(_ draft: PlanDraft) -> PlanDraft {
        var draft = draft
        var touches: [BufferID: (first: Int, last: Int)] = [:]
        for (position, entry) in draft.steps.enumerated() {
            for buffer in entry.step.reads + entry.step.writes { touches[buffer, default: (position, position)].last = position }
        }
        var kept: [PlanDraft.Entry] = []
        for (position, entry) in draft.steps.enumerated() {
            if let copy = entry.step as? DuplicateStep, case .temporary = draft.buffers[copy.source].kind,
                touches[copy.source]?.last == position, touches[copy.target]?.first == position
            {
                draft.homes[copy.source] = copy.target
            } else {
                kept.append(entry)
            }
        }
        draft.steps = kept
        return draft
    }

    package func decisions(in draft: PlanDraft) -> [String] {
        draft.homes.keys.sorted().map { "\(draft.name(draft.homes[$0]!)) is written over \(draft.name($0))" }
    }
}
