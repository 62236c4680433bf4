import HillockCore

/// Places temporaries in one arena by when they are alive.
package struct PlaceTemporaries: PlanStage {
    package static let name = "arena"
    package static let isOptional = false
    package static let summary = "temporaries that are never alive at the same time share memory"

    package init() {}

    package func run(_ draft: PlanDraft) -> PlanDraft {
        var draft = draft
        draft.arena = MemoryPlan(requests(of: draft))
        return draft
    }

    /// What must be placed, by the buffers whose memory it is: alive from the first step that one of the buffers in it is for to the last.
    private func requests(of draft: PlanDraft) -> [MemoryPlan.Request] {
        var requests: [BufferID: MemoryPlan.Request] = [:]
        for (position, entry) in draft.steps.enumerated() {
            for buffer in entry.step.reads + entry.step.writes where draft.isTemporary(buffer) {
                let root = draft.root(buffer)
                requests[
                    root, default: .init(buffer: root, byteCount: draft.buffers[root].byteCount, first: position, last: position)
                ].last = position
            }
        }
        return requests.values.sorted { $0.buffer < $1.buffer }
    }

    package func decisions(in draft: PlanDraft) -> [String] {
        guard let arena = draft.arena else { return [] }
        return requests(of: draft).sorted { ($0.first, $0.buffer) < ($1.first, $1.buffer) }.map { request in
            let start = arena.offsets[request.buffer] ?? 0
            let when = request.first == request.last ? "step \(request.first)" : "steps \(request.first) to \(request.last)"
            return "\(draft.name(request.buffer)) is at \(start) to \(start + request.byteCount), \(when)"
        } + [draft.arenaLine]
    }
}
