/// What matrix products and convolutions multiply in.
///
/// Under `bfloat16` their operands are rounded to bf16 (8 bits of precision, the exponents of f32), products are added up in f32, and
/// everything else stays as it was written: parameters, optimizers and their state, normalisation, losses. Models and gradients are recorded
/// in f32 all the same; the compiler puts the conversions in when a plan is made (Micikevicius et al., "Mixed precision training", 2018;
/// Kalamkar et al., "A study of bfloat16 for deep learning training", 2019). Losses need no scaling, since bf16 has the range of f32.
///
///     try Precision.$current.withValue(.bfloat16) { try trainer.train() }
///
/// A device that has no arithmetic for it stays in f32: see ``Device/actualPrecision``.
public enum Precision: Hashable, Sendable, CaseIterable {
    /// f32 throughout.
    case float32
    /// Operands of products in bf16, sums in f32.
    case bfloat16

    /// What plans made in this task multiply in: `float32`, unless `HILLOCK_PRECISION=bf16`.
    @TaskLocal public static var current: Precision =
        EnvironmentSetting.value(of: "HILLOCK_PRECISION", among: allCases.map { ($0.name, $0) }) ?? .float32

    /// The precision of a short name, `f32` or `bf16`; `nil` if there is none.
    public init?(named name: String) {
        guard let known = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = known
    }

    /// `f32` or `bf16`
    public var name: String {
        switch self {
        case .float32: DType.float32.name
        case .bfloat16: DType.bfloat16.name
        }
    }
}

/// An engine that may lack the arithmetic of a precision.
package protocol PrecisionEngine: Engine {
    /// Why products stay in f32 under a precision, in words; `nil` where they do not.
    func shortcoming(of precision: Precision) -> String?
}

extension Device {
    /// What products are multiplied in on this device in this task: ``Precision/current``, or f32 where the device lacks it.
    public var actualPrecision: Precision { precisionNote == nil ? .current : .float32 }

    /// One line for people where the device lacks the task's precision: `this CPU has no bf16 …: products stay in f32`; else `nil`.
    public var precisionNote: String? {
        (engine as? any PrecisionEngine)?.shortcoming(of: .current).map { "\($0): products stay in f32" }
    }
}
