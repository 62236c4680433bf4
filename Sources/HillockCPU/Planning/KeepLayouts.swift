import HillockCore

/// Lets parameters and optimizer state stay in blocked layouts from step to step.
///
/// Where a step updates an argument in a layout that is not plain, and the result stays in it, the argument is taken in that layout
/// too: in a training loop it comes so from the step before. What comes otherwise (the first step, a checkpoint) is copied on entry.
package struct KeepLayouts: PlanStage {
    package static let name = "layouts"
    package static let isOptional = true
    package static let summary = "what a step updates comes in the layout in which it stays: nothing is copied from the second step on"

    package init() {}

    package func run(_ draft: PlanDraft) throws -> PlanDraft {
        var draft = draft
        let updated = draft.updatedBuffers
        let results = Set(draft.results.map(\.buffer))
        func isEntry(_ entry: PlanDraft.Entry) -> Bool {
            guard let reorder = entry.step as? ReorderStep, reorder.from == .plain, reorder.keepsElements,
                case .argument = draft.buffers[reorder.source].kind
            else { return false }
            return updated.contains(reorder.target) && !results.contains(reorder.source)
        }
        // What is put in place of a copy is no copy from a plain argument, so that one walk finds all.
        var position = 0
        while let found = draft.steps[position...].firstIndex(where: isEntry) {
            try draft.keepLayout(at: found)
            position = found
        }
        return draft
    }

    package func decisions(in draft: PlanDraft) -> [String] { draft.argumentsLaidOut }
}

extension PlanDraft {
    /// Buffers that a step replaces by a result in the same layout, one that is not plain.
    fileprivate var updatedBuffers: Set<BufferID> {
        let results = Set(results.map(\.buffer))
        var updated: Set<BufferID> = []
        for entry in steps {
            if let step = entry.step as? any InPlaceStep {
                for (source, target) in step.overlays
                where results.contains(root(target)) && buffers[source].layout == buffers[target].layout { updated.insert(source) }
            } else if let group = entry.step as? ElementwiseGroup,
                group.writes.contains(where: { results.contains(root($0)) && buffers[$0].layout == group.layout })
            {
                updated.formUnion(group.reads.filter { buffers[$0].layout == group.layout })
            }
        }
        return updated.filter { buffers[$0].layout != .plain }
    }

    /// Makes the target of a copy the argument itself, and the plain buffer, if anybody still reads it, a copy of that.
    fileprivate mutating func keepLayout(at position: Int) throws {
        let origin = steps[position].origin
        guard let entry = steps[position].step as? ReorderStep else { return }
        let (plain, kept) = (entry.source, entry.target)
        buffers[kept].kind = buffers[plain].kind
        buffers[plain].kind = .temporary
        var firstReader: Int?
        for other in steps.indices where other != position {
            if let reorder = steps[other].step as? ReorderStep, reorder.source == plain, entry.to.converts(to: reorder.to) {
                steps[other].step = try ReorderStep(
                    entry.shape, kept, entry.to, reorder.target, reorder.to,
                    dtypes: (.float32, reorder.keepsElements ? .float32 : .bfloat16))
            } else if steps[other].step.reads.contains(plain) {
                firstReader = Swift.min(firstReader ?? other, other)
            }
        }
        let copy = try firstReader.map { _ in try ReorderStep(entry.shape, kept, entry.to, plain, .plain) }
        steps.remove(at: position)
        if let copy, let firstReader {
            steps.insert(Entry(step: copy, origin: origin), at: firstReader > position ? firstReader - 1 : firstReader)
        }
    }

    /// `%1 comes as Acdb16a`, for each argument in a layout that is not plain.
    var argumentsLaidOut: [String] {
        buffers.indices.compactMap { buffer in
            guard case .argument(let argument) = buffers[buffer].kind, buffers[buffer].layout != .plain else { return nil }
            return "%\(argument) comes as \(buffers[buffer].layout)"
        }
    }
}
