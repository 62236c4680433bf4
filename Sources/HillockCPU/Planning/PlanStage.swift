import HillockCore

/// A decision about a plan, made for all of it at once: a pure function from drafts to drafts.
package protocol PlanStage: Sendable {
    /// The name that `hillock explain` prints and `HILLOCK_PASSES` switches.
    static var name: String { get }
    /// Whether plans can be made without it, so that it may be switched off.
    static var isOptional: Bool { get }
    /// What it decides, in a line for people.
    static var summary: String { get }

    /// The draft with the decision in it.
    func run(_ draft: PlanDraft) throws -> PlanDraft

    /// What it decided in a draft that came out of it, a line each.
    func decisions(in draft: PlanDraft) -> [String]
}

/// Makes a program a plan: lowers it to steps, then decides stage by stage how they use memory. Each draft is checked by ``PlanVerifier`` in
/// debug builds and where `HILLOCK_VERIFY` is set.
package struct Planner: Sendable {
    /// The name of the first draft: steps as ``Lowering`` leaves them.
    package static let lowering = "lower"

    /// The stages, without those that are switched off.
    package let stages: [any PlanStage]

    /// All stages but those that the selection leaves out.
    package init(selection: PassSelection = .current) {
        let all: [any PlanStage] = [
            OrderSteps(), OverwriteResiduals(), KeepLayouts(), DonateArguments(), LayOutArguments(), HoistPrologue(), PlaceTemporaries(),
        ]
        stages = all.filter { !type(of: $0).isOptional || selection.includes(type(of: $0).name) }
    }

    /// The draft after all stages; `observe` sees it after each, the first time without one.
    package func run(_ program: Program, observe: ((any PlanStage)?, PlanDraft) -> Void = { _, _ in }) throws -> PlanDraft {
        var lowering = Lowering(program)
        var draft = try lowering.makeDraft()
        if PlanVerifier.isEnabled { PlanVerifier.check(draft, after: Self.lowering) }
        observe(nil, draft)
        for stage in stages {
            draft = try stage.run(draft)
            if PlanVerifier.isEnabled { PlanVerifier.check(draft, after: type(of: stage).name) }
            observe(stage, draft)
        }
        return draft
    }

    /// What each stage makes of a program, as text: what it decided, and the steps where they are others than before.
    func explain(_ program: Program) throws -> [PlanDetails.Stage] {
        var stages: [PlanDetails.Stage] = []
        var last: [PlanDetails.Step] = []
        func lowered(_ draft: PlanDraft) -> String {
            let moves = draft.steps.count { $0.step is ReorderStep || $0.step is CopyStep || $0.step is DuplicateStep }
            return "\(draft.program.instructions.count) operations → \(draft.steps.count) steps, \(moves) of them copies"
        }
        _ = try run(program) { stage, draft in
            let steps = draft.stepDetails
            stages.append(
                PlanDetails.Stage(
                    name: stage.map { type(of: $0).name } ?? Self.lowering,
                    summary: stage.map { type(of: $0).summary } ?? "operations become steps, each a kernel in the layouts that suit it",
                    decisions: stage?.decisions(in: draft) ?? [lowered(draft)], steps: steps == last ? [] : steps))
            last = steps
        }
        return stages
    }
}
