import HillockCore

extension Explanation: CustomStringConvertible {
    /// Programs, changes by pass, and plans.
    public var description: String { text(.changes) }

    /// As text, for people.
    public func text(_ selection: Selection) -> String {
        guard !programs.isEmpty else { return "nothing was evaluated" }
        return programs.enumerated().map { position, program in
            let count = program.stages[0].program.instructions.count
            let ran = program.runs == 1 ? "ran once" : "ran \(program.runs) times"
            let heading = "Program \(position + 1) of \(programs.count) on \(program.engine): \(counted(count, "operation")), \(ran)"
            return heading + "\n" + String(repeating: "═", count: heading.count) + "\n\n" + program.text(selection)
        }.joined(separator: "\n\n")
    }
}

extension Explanation.ProgramExplanation {
    /// The program's way as text.
    fileprivate func text(_ selection: Explanation.Selection) -> String {
        var sections: [String] = []
        var unchanged: [String] = []
        for (position, stage) in stages.enumerated() {
            let isChanged = position == 0 || stage.program != stages[position - 1].program
            switch selection {
            case .pass(let name) where name != stage.name: continue
            case .changes where !isChanged: unchanged.append(stage.name)
            default:
                let change = position == 0 ? "" : "\n" + changes(stages[position - 1].program, stage.program)
                let body = isChanged || selection != .all ? "\n\n" + listing(stage.program) : ""
                sections.append("── \(stage.name) ── \(stage.summary)\(change)\(body)")
            }
        }
        for stage in planStages {
            switch selection {
            case .pass(let name) where name != stage.name: continue
            case .changes where stage.decisions.isEmpty: unchanged.append(stage.name)
            default: sections.append(text(of: stage, withSteps: selection != .changes))
            }
        }
        if !unchanged.isEmpty { sections.append("No change by: \(unchanged.joined(separator: ", "))") }
        if selection == .changes || selection == .all || selection == .pass("plan") {
            let last = stages[stages.count - 1].program.instructions.count
            sections.append(
                """
                ── plan ── kernels, in the layouts that suit them, over planned memory
                \(counted(last, "operation")) → \(counted(plan.steps.count, "step"))

                \(plan)
                """)
        }
        return sections.joined(separator: "\n\n")
    }

    /// A stage's decisions, and the steps after it if it changed them.
    private func text(of stage: PlanDetails.Stage, withSteps: Bool) -> String {
        // In a summary the first of many say what kind they are.
        let shown = withSteps ? stage.decisions.count : Swift.min(stage.decisions.count, 8)
        let rest = stage.decisions.count - shown
        let more = rest == 0 ? [] : ["… and \(rest) more: --pass \(stage.name)"]
        let decisions = (stage.decisions.prefix(shown) + more).joined(separator: "\n")
        let steps = withSteps && !stage.steps.isEmpty ? "\(PlanDetails(steps: stage.steps))" : ""
        let body = [decisions, steps].filter { !$0.isEmpty }
        return (["── \(stage.name) ── \(stage.summary)"] + (body.isEmpty ? ["no change"] : body)).joined(separator: "\n\n")
    }

    /// The program with the names of its parameters.
    private func listing(_ program: Program) -> String {
        let lines = program.description.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.enumerated().map { position, line in
            guard position < names.count, let name = names[position] else { return String(line) }
            return "\(line)  (\(name))"
        }.joined(separator: "\n")
    }

    /// `214 → 190 operations: broadcast 30 → 4, identity 3 → 0`
    private func changes(_ before: Program, _ after: Program) -> String {
        func counts(_ program: Program) -> [String: Int] {
            program.instructions.reduce(into: [:]) { $0[type(of: $1.primitive).name, default: 0] += 1 }
        }
        if before == after { return "no change" }
        let (old, new) = (counts(before), counts(after))
        let differences = Set(old.keys).union(new.keys).sorted().compactMap { name -> String? in
            let (a, b) = (old[name, default: 0], new[name, default: 0])
            return a == b ? nil : "\(name) \(a) → \(b)"
        }
        let total = "\(before.instructions.count) → \(counted(after.instructions.count, "operation"))"
        return differences.isEmpty
            ? "the same \(counted(after.instructions.count, "operation")), written otherwise"
            : "\(total): \(differences.joined(separator: ", "))"
    }
}

private func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
