import HillockCore

/// Takes arguments that stay what they are, such as the weights of a model that is only applied, in the layouts that steps want them in.
///
/// They are copied on entry once, and the copy is kept with the buffer; the plan has no step for it.
package struct LayOutArguments: PlanStage {
    package static let name = "arguments"
    package static let isOptional = true
    package static let summary = "what stays as it is, as weights of an applied model, is copied into the steps' layouts once, on entry"

    package init() {}

    package func run(_ draft: PlanDraft) -> PlanDraft {
        var draft = draft
        let updated = Set(draft.donations.map(\.argument))
        var buffers = draft.buffers
        draft.steps.removeAll { entry in
            guard let reorder = entry.step as? ReorderStep, reorder.keepsElements,
                case .argument(let argument) = buffers[reorder.source].kind,
                !updated.contains(argument)
            else { return false }
            buffers[reorder.target].kind = buffers[reorder.source].kind
            return true
        }
        draft.buffers = buffers
        return draft
    }

    package func decisions(in draft: PlanDraft) -> [String] { draft.argumentsLaidOut }
}
