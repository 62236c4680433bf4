import Glibc

/// How closely engines keep to the arithmetic that was written.
///
/// `fast` lets an engine take another algorithm whose rounding differs, such as Winograd's for 3 × 3 convolutions. The bound: relative to
/// the sum of the absolute products of an output, Winograd F(4 × 4, 3 × 3) in f32 errs by less than 1e-5, some 10 times a direct
/// convolution's error (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016; Barabasz et al., "Error analysis and
/// improving the accuracy of Winograd convolution", 2020). Either way the same program gives the same bits, over runs and over
/// any number of threads.
public enum Numerics: Hashable, Sendable {
    /// Whatever is fastest within the bound.
    case fast
    /// Direct algorithms only.
    case strict

    /// What plans made in this task keep to: `fast`, unless `HILLOCK_NUMERICS=strict`.
    @TaskLocal public static var current: Numerics = getenv("HILLOCK_NUMERICS").map { String(cString: $0) } == "strict" ? .strict : .fast
}
