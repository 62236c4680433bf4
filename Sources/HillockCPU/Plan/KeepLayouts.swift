import HillockCore

extension Lowering {
    /// Lets parameters and optimizer state stay in blocked layouts from step to step.
    ///
    /// Where a step updates an argument in a layout that is not plain, and the result stays in it, the argument is taken in that layout
    /// too: in a training loop it comes so from the step before. What comes otherwise (the first step, a checkpoint) is copied on entry.
    mutating func keepLayouts(results: [BufferID]) throws {
        let updated = updatedBuffers(Set(results))
        let results = Set(results)
        func isEntry(_ step: any Step) -> Bool {
            guard let reorder = step as? ReorderStep, reorder.from == .plain, case .argument = buffers[reorder.source].kind else {
                return false
            }
            return updated.contains(reorder.target) && !results.contains(reorder.source)
        }
        // What is put in place of a copy is no copy from a plain argument, so that one walk finds all.
        var position = 0
        while let found = steps[position...].firstIndex(where: isEntry) {
            try keep(steps[found] as! ReorderStep, at: found)
            position = found
        }
    }

    /// Buffers that a step replaces by a result in the same layout, one that is not plain.
    private func updatedBuffers(_ results: Set<BufferID>) -> Set<BufferID> {
        var updated: Set<BufferID> = []
        for step in steps {
            if let step = step as? any InPlaceStep {
                for (source, target) in step.overlays where results.contains(target) && buffers[source].layout == buffers[target].layout {
                    updated.insert(source)
                }
            } else if let group = step as? ElementwiseGroup,
                group.writes.contains(where: { results.contains($0) && buffers[$0].layout == group.layout })
            {
                updated.formUnion(group.reads.filter { buffers[$0].layout == group.layout })
            }
        }
        return updated.filter { buffers[$0].layout != .plain }
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
