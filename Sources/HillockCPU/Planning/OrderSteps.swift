import HillockCore

/// Lets steps that free more memory than they take run as soon as they can.
///
/// Programs write all gradients of weights after all gradients of activations, and so would keep every layer's until the end. One that is
/// smaller than what it is computed from is computed as soon as that is there, while it is in cache too.
package struct OrderSteps: PlanStage {
    package static let name = "order"
    package static let isOptional = true
    package static let summary = "steps that free more memory than they take run as soon as they can"

    package init() {}

    package func run(_ draft: PlanDraft) -> PlanDraft {
        var draft = draft
        let anchors = anchors(of: draft)
        // Behind its anchor a step keeps its order: what it needs has an anchor no later, and comes before it in the program.
        let order = draft.steps.indices.sorted { (anchors[$0], $0) < (anchors[$1], $1) }
        draft.steps = order.map { draft.steps[$0] }
        return draft
    }

    /// For each step the one that it comes right behind: itself where it stays, else the last of those that it has to wait for.
    private func anchors(of draft: PlanDraft) -> [Int] {
        var touches: [BufferID: (first: Int, last: Int)] = [:]
        for (position, entry) in draft.steps.enumerated() {
            for buffer in entry.step.reads + entry.step.writes { touches[buffer, default: (position, position)].last = position }
        }
        var anchors: [Int] = []
        /// The latest anchor among the steps that wrote a buffer so far, and among those that wrote or read it.
        var written: [BufferID: Int] = [:]
        var touched: [BufferID: Int] = [:]
        for (position, entry) in draft.steps.enumerated() {
            let (reads, writes) = (Set(entry.step.reads), Set(entry.step.writes))
            var balance = 0
            for buffer in reads.union(writes) where draft.isTemporary(buffer) {
                let byteCount = draft.buffers[buffer].byteCount
                if touches[buffer]?.last == position { balance += byteCount }
                if touches[buffer]?.first == position { balance -= byteCount }
            }
            var anchor = position
            if balance > 0 {
                anchor = -1
                for buffer in reads {
                    // The last to read what it frees, or may write over, it has to stay.
                    let isLast = touches[buffer]?.last == position
                    if let other = (isLast ? touched : written)[buffer] { anchor = Swift.max(anchor, other) }
                }
                for buffer in writes { if let other = touched[buffer] { anchor = Swift.max(anchor, other) } }
            }
            anchors.append(anchor)
            for buffer in writes { written[buffer] = Swift.max(written[buffer] ?? anchor, anchor) }
            for buffer in reads.union(writes) { touched[buffer] = Swift.max(touched[buffer] ?? anchor, anchor) }
        }
        return anchors
    }

    package func decisions(in draft: PlanDraft) -> [String] {
        // An instruction's steps in the order of the program would have ascending numbers.
        var latest = -1
        var moved = 0
        for origin in draft.steps.compactMap(\.origin) {
            if origin < latest { moved += 1 }
            latest = Swift.max(latest, origin)
        }
        return moved == 0 ? [] : ["\(moved) steps come after others that were written later"]
    }
}
