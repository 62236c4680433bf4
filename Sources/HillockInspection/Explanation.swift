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
        /// The steps that run.
        public let plan: PlanDetails
    }

    /// What to print of a program's way.
    public enum Selection: Sendable, Hashable {
        /// The program as built, after each pass that changed it, and the plan.
        case changes
        /// Also after passes that changed nothing.
        case all
        /// After the pass of this name alone; `graph` is the program as built, `plan` the plan.
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
            return ProgramExplanation(
                engine: entry.engine.name, runs: entry.runs, names: entry.names, stages: stages, plan: entry.plan.details)
        }
    }

    /// What ``Selection/pass(_:)`` may name, on an engine.
    public static func passNames(on device: Device = .current) -> [String] {
        var names = ["graph"]
        for pass in (device.engine as? any CompilingEngine)?.pipeline.passes ?? [] where !names.contains(type(of: pass).name) {
            names.append(type(of: pass).name)
        }
        return names + ["plan"]
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
    try Observation.$observer.withValue(recorder, operation: body)
    return Explanation(recorder.take().entries)
}
