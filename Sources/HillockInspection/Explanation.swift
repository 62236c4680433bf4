import HillockCore

/// What was made of the programs that some code evaluated: each as the code built it, after each pass, and its plan.
public struct Explanation: Sendable {
    /// A program at one point of its way.
    public struct Stage: Sendable {
        /// `graph` for the program as it was built, else the pass that it comes out of.
        public let name: String
        /// What the pass does, in a line.
        public let summary: String
        /// The program.
        public let program: Program
    }

    /// A program's way from graph to plan.
    public struct ProgramExplanation: Sendable {
        /// What it ran on.
        public let engine: String
        /// How often it ran.
        public let runs: Int
        /// Paths of the inputs that are parameters: `conv1.weight`; `nil` for others.
        public let names: [String?]
        /// As built, then after each pass.
        public let stages: [Stage]
        /// What was decided then on the way to the plan; empty for engines that have no such stages.
        public let planStages: [PlanDetails.Stage]
        /// The steps that run.
        public let plan: PlanDetails
    }

    /// What to print of a program's way.
    public enum Selection: Sendable, Hashable {
        /// The program as built, after each pass that changed it, what the stages after them decided, and the plan.
        case changes
        /// Also passes that changed nothing, stages that decided nothing, and the steps after each stage that changed them.
        case all
        /// After the pass or stage of this name alone; `graph` is the program as built, `plan` the plan.
        case pass(String)
    }

    /// The programs in the order in which they first ran.
    public let programs: [ProgramExplanation]

    init(_ entries: [Recorder.Entry]) {
        programs = entries.filter { $0.runs > 0 }.map { entry in
            var program = entry.program
            var stages = [Stage(name: "graph", summary: "the program as the code built it", program: program)]
            for pass in (entry.engine as? any CompilingEngine)?.pipeline.passes ?? [] {
                program = pass.run(program)
                stages.append(Stage(name: type(of: pass).name, summary: type(of: pass).summary, program: program))
            }
            // What could be planned once can be again.
            let planStages = try? (entry.engine as? any CompilingEngine)?.planStages(of: program)
            return ProgramExplanation(
                engine: entry.engine.name, runs: entry.runs, names: entry.names, stages: stages, planStages: planStages ?? [],
                plan: entry.plan.details)
        }
    }

    /// What ``Selection/pass(_:)`` may name, on an engine.
    public static func passNames(on device: Device = .current) -> [String] {
        var names = ["graph"]
        guard let engine = device.engine as? any CompilingEngine else { return names + ["plan"] }
        for pass in engine.pipeline.passes where !names.contains(type(of: pass).name) { names.append(type(of: pass).name) }
        return names + engine.planStageNames + ["plan"]
    }
}

/// Runs `body` and explains every program that is evaluated in it: the graph as built, after each pass, the plan and its memory.
///
///     print(explain { _ = model(x).item() })
///
/// What is never evaluated has no program. A program that was planned before is explained all the same.
public func explain(_ body: () throws -> Void) rethrows -> Explanation {
    let recorder = Recorder()
    recorder.start()
    try Observation.watched(by: recorder, body)
    return Explanation(recorder.take().entries)
}
