import HillockCore

extension Lowering {
    /// Lets parameters and optimizer state stay in blocked layouts from step to step.
    ///
    /// Where a step updates an argument in a layout that is not plain, and the result stays in it, the argument is taken in that layout
    /// too: in a training loop it comes so from the step before. What comes otherwise (the first step, a checkpoint) is copied on entry.
    mutating func keepLayouts(results: [BufferID]) throws {
        let results = Set(results)
        while let position = steps.firstIndex(where: { isUpdatedArgument($0, results) }) {
            try keep(steps[position] as! ReorderStep, at: position)
        }
    }

    /// Whether a step copies an argument into the layout in which a step replaces it by a result.
    private func isUpdatedArgument(_ step: any Step, _ results: Set<BufferID>) -> Bool {
        guard let reorder = step as? ReorderStep, reorder.from == .plain, case .argument = buffers[reorder.source].kind,
            !results.contains(reorder.source)
        else { return false }
        return steps.contains { step in
            if let step = step as? any InPlaceStep {
                return step.overlays.contains {
                    $0.source == reorder.target && results.contains($0.target) && buffers[$0.target].layout == reorder.to
                }
            }
            guard let group = step as? ElementwiseGroup, group.layout == reorder.to, group.reads.contains(reorder.target) else {
                return false
            }
            return group.writes.contains { results.contains($0) && buffers[$0].layout == reorder.to }
        }
    }

    /// Makes the target of a copy the argument itself, and the plain buffer, if anybody still reads it, a copy of that.
    private mutating func keep(_ entry: ReorderStep, at position: Int) throws {
        let (plain, kept) = (entry.source, entry.target)
        buffers[kept].kind = buffers[plain].kind
        buffers[plain].kind = .temporary
        var firstReader: Int?
        for other in steps.indices where other != position {
            if let reorder = steps[other] as? ReorderStep, reorder.source == plain, entry.to.converts(to: reorder.to) {
                steps[other] = try ReorderStep(entry.shape, kept, entry.to, reorder.target, reorder.to)
            } else if steps[other].reads.contains(plain) {
                firstReader = Swift.min(firstReader ?? other, other)
            }
        }
        let copy = try firstReader.map { _ in try ReorderStep(entry.shape, kept, entry.to, plain, .plain) }
        steps.remove(at: position)
        if let copy, let firstReader { steps.insert(copy, at: firstReader > position ? firstReader - 1 : firstReader) }
    }
}

extension Lowering {
    /// Takes arguments that stay what they are, such as the weights of a model that is only applied, in the layouts that steps want them in.
    ///
    /// They are copied on entry once, and the copy is kept with the buffer; the plan has no step for it.
    mutating func takeArgumentsLaidOut(except updated: Set<Int>) {
        steps.removeAll { step in
            guard let reorder = step as? ReorderStep, case .argument(let argument) = buffers[reorder.source].kind,
                !updated.contains(argument)
            else { return false }
            buffers[reorder.target].kind = buffers[reorder.source].kind
            return true
        }
    }
}
