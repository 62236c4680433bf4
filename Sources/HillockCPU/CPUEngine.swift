import CKernels
import COneDNN
import HillockCore

/// The native engine: oneDNN for convolution, matrix products and pooling, own vector kernels for what is fused.
public struct CPUEngine: LinkedEngine {
    /// `cpu`
    public let name = "cpu"

    /// The engine has no state of its own; plans hold theirs.
    public init() {}

    /// Lowers the program to steps over planned memory.
    public func plan(_ program: Program) throws -> any Plan {
        CPUPlan(try Planner().run(Self.optimized(program)))
    }

    /// The program after the passes of `Compiler`, with the composites that this engine has kernels for.
    package static func optimized(_ program: Program, observe: (String, Program) -> Void = { _, _ in }) -> Program {
        CPUEngine().pipeline.run(program, observe: observe)
    }

    /// The passes, without those that are switched off.
    package var pipeline: Pipeline {
        let simplifying: [any Pass] = [Canonicalize(), Simplify(), ShareSubexpressions()]
        let expanding: any Pass = PassSelection.current.includes(ExpandComposites.name) ? Self.kernels : ExpandComposites.all
        let merging: [any Pass] = [RemoveDeadCode(), MergeSums(), RemoveDeadCode()]
        let fusing: [any Pass] = [FuseNormalization(), FoldScaling(), FusePostOps(), FuseElementwise()]
        return Pipeline(simplifying + [expanding] + simplifying + merging + fusing)
    }

    /// Versions and instruction set, for reports: `avx512, 2 threads, oneDNN 2.6.3, OpenMP`.
    public static var details: String {
        "\(String(cString: hk_isa())), \(hk_threads()) threads, \(String(cString: hd_version()))"
    }

    /// Sets how many threads plans run with; below 1 means every core. No result depends on it.
    public static func setThreads(_ count: Int) {
        hk_set_threads(Int32(count))
        _ = hd_set_threads(hk_threads())
    }
}

extension CPUEngine: CompilingEngine, RatedEngine {
    /// The stages of ``Planner``, by what they decide about this program.
    package func planStages(of program: Program) throws -> [PlanDetails.Stage] { try Planner().explain(program) }

    /// The names of these stages.
    package var planStageNames: [String] { [Planner.lowering] + Planner().stages.map { type(of: $0).name } }

    /// Measured with the team and the instruction set in use.
    package func measurePeak() -> (floatingPointOperations: Double, bytes: Double) { (hk_peak_flops(0.1), hk_peak_bandwidth(0.1)) }

    /// ``details``
    package var machine: String { Self.details }
}

/// What the engine could not do, in words.
public struct CPUEngineError: Error, Sendable, CustomStringConvertible {
    /// One line.
    public let description: String
}
