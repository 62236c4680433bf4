/// How closely engines keep to the arithmetic that was written.
///
/// `fast` lets an engine take another algorithm whose rounding differs, such as Winograd filtering for convolutions (Lavin and Gray, "Fast
/// algorithms for convolutional neural networks", 2016). What it was measured to cost, f32 against f64 on normal inputs of 64 channels,
/// relative to the results' standard deviation: results and gradients of inputs err by 8e-7 to 9e-7 in the root of the mean square and by
/// 9e-6 at most, where direct sums err by 3e-7 to 8e-7; gradients of weights, sums over 400 tiles, by 2e-6, at most 1e-5. Either way the
/// same program gives the same bits, over runs and over any number of threads.
public enum Numerics: Hashable, Sendable {
    /// Whatever is fastest.
    case fast
    /// Direct algorithms only.
    case strict

    /// What plans made in this task keep to: `fast`, unless `HILLOCK_NUMERICS=strict`.
    @TaskLocal public static var current: Numerics =
        EnvironmentSetting.value(of: "HILLOCK_NUMERICS", among: [("fast", .fast), ("strict", .strict)]) ?? .fast
}
