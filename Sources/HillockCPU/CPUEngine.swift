import CKernels
import COneDNN
import HillockCore

/// The native engine: oneDNN for convolution, matrix products and pooling, own vector kernels for what is fused.
public struct CPUEngine: LinkedEngine {
    /// `cpu`
    public let name: String
    /// Whether under ``Precision`` `bfloat16` products are rounded that are too small to gain by it.
    private let roundsAllProducts: Bool

    /// The engine has no state of its own; plans hold theirs.
    public init() { (name, roundsAllProducts) = ("cpu", false) }

    /// One that rounds every product under ``Precision`` `bfloat16`, however small: for tests.
    package init(roundingAllProducts: Bool) { (name, roundsAllProducts) = ("cpu, all products in bf16", roundingAllProducts) }

    /// Lowers the program to steps over planned memory.
    public func plan(_ program: Program) throws -> any Plan {
        _ = Self.isSelectionChecked
        return CPUPlan(try Planner().run(pipeline.run(program)))
    }

    /// Whether it was said what `HILLOCK_PASSES` names in vain.
    private static let isSelectionChecked: Bool = {
        let whole = PassSelection("")
        let passes = PassSelection.$current.withValue(whole) { CPUEngine().pipeline.passes.map { type(of: $0) } }
        let stages = Planner(selection: whole).stages.map { type(of: $0) }
        // Composites have to be expanded anyway; left out, it is all of them. Precision is lowered only where it was asked for.
        let names = passes.filter { $0.isOptional }.map { $0.name } + [ExpandComposites.name, LowerPrecision.name]
        let known = Set(names + stages.filter { $0.isOptional }.map { $0.name }).sorted()
        for word in PassSelection.current.unknown(among: known) {
            EnvironmentSetting.ignored("HILLOCK_PASSES", word, known: ["none"] + known.map { "-" + $0 })
        }
        return true
    }()

    /// The program after the passes of `Compiler`, with the composites that this engine has kernels for.
    package static func optimized(_ program: Program, observe: (String, Program) -> Void = { _, _ in }) -> Program {
        CPUEngine().pipeline.run(program, observe: observe)
    }

    /// The passes, without those that are switched off.
    package var pipeline: Pipeline {
        let simplifying: [any Pass] = [Canonicalize(), Simplify(), ShareSubexpressions()]
        let expanding: any Pass = PassSelection.current.includes(ExpandComposites.name) ? Self.kernels : ExpandComposites.all
        let merging: [any Pass] = [RemoveDeadCode(), MergeSums(), RemoveDeadCode()]
        let isLowered = Precision.current == .bfloat16 && shortcoming(of: .bfloat16) == nil
        let joining: [any Pass] =
            [FuseNormalization(), FusePooling(), FoldScaling()]
            + [isLowered ? FusePostOps(closesGates: false, sumsLeft: { _, _ in false }) : FusePostOps()]
        let roundsAll = roundsAllProducts
        let lowering: [any Pass] =
            isLowered ? [LowerPrecision(.wide) { product, types in roundsAll || Self.isFasterInBFloat16(product, types) }] : []
        return Pipeline(simplifying + [expanding] + simplifying + merging + joining + lowering + [FuseElementwise()])
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

extension CPUEngine: PrecisionEngine {
    /// bf16 takes AVX512-BF16, which processors with AMX have too.
    package func shortcoming(of precision: Precision) -> String? {
        precision == .bfloat16 && !hk_has_bf16() ? "this CPU has no bf16 (no AVX512-BF16; in use is \(String(cString: hk_isa())))" : nil
    }

    /// Whether a product of these operands gains more by bf16 than converting them takes.
    ///
    /// Convolutions are timed either way. A product of m x k and k x n saves about 5 ps for each of its m n k multiplications (half the time
    /// of two f32 vectors a cycle), and (m + n) k elements are read and written for it at about 200 ps each.
    static func isFasterInBFloat16(_ product: any Product, _ types: [TensorType]) -> Bool {
        let product = (product as? FusedMatrixMultiply)?.product ?? product as? MatrixMultiply
        guard let product else { return true }
        let (a, b) = (types[0].shape, types[1].shape)
        let (m, n) = (a[product.transposesLeft ? -1 : -2], b[product.transposesRight ? -2 : -1])
        return m * n > 40 * (m + n)
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
