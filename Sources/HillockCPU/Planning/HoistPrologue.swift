import HillockCore

/// Moves the steps that depend on parameters alone, such as folding and transforming weights, to the front, where a plan runs them once for
/// as long as the parameters stay the same.
///
/// Not where the program updates a parameter: then it would run them every time all the same.
package struct HoistPrologue: PlanStage {
    package static let name = "prologue"
    package static let isOptional = true
    package static let summary = "steps that need parameters alone run once for the same parameters"

    package init() {}

    package func run(_ draft: PlanDraft) -> PlanDraft {
        let inputs = draft.program.inputs
        if draft.donations.contains(where: { inputs[$0.argument].isParameter }) { return draft }
        var draft = draft
        var writers: [BufferID: Int] = [:]
        for entry in draft.steps { for buffer in entry.step.writes { writers[draft.root(buffer), default: 0] += 1 } }
        /// Arguments that a buffer was computed from; `nil` where something else than parameters and numbers is among them.
        var sources: [BufferID: Set<Int>] = [:]
        for (id, buffer) in draft.buffers.enumerated() {
            switch buffer.kind {
            case .argument(let argument) where inputs[argument].isParameter: sources[id] = [argument]
            case .scalar(let argument): sources[id] = [argument]
            case .constant: sources[id] = []
            default: break
            }
        }
        var early: [PlanDraft.Entry] = []
        var others: [PlanDraft.Entry] = []
        var needed: Set<Int> = []
        for entry in draft.steps {
            let step = entry.step
            let known = step.reads.compactMap { sources[$0] }
            let union = known.reduce(into: Set<Int>()) { $0.formUnion($1) }
            let isAlone = step.writes.allSatisfy { buffer in
                draft.isTemporary(buffer) && writers[draft.root(buffer)] == 1 && !step.reads.contains(buffer)
            }
            if known.count == step.reads.count, isAlone, union.contains(where: { inputs[$0].isParameter }) {
                early.append(entry)
                needed.formUnion(union)
                for buffer in step.writes { sources[buffer] = union }
            } else {
                others.append(entry)
            }
        }
        if early.isEmpty { return draft }
        let written = Set(early.flatMap(\.step.writes))
        let kept = Set(others.flatMap(\.step.reads)).intersection(written).sorted()
        for buffer in kept { draft.buffers[buffer].kind = .kept }
        draft.steps = early + others
        draft.prologue = PrologueChoice(count: early.count, kept: kept, arguments: needed.sorted())
        return draft
    }

    package func decisions(in draft: PlanDraft) -> [String] { draft.prologueLine.map { [$0] } ?? [] }
}
