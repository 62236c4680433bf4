import HillockCore

/// How a parameter begins: a value that layers take as an argument, such as `.kaimingNormal(.relu)` or `.zeros`.
///
/// Random ones draw their key from the task's ``RandomSource``, so a seed gives the same weights every time. One of your own is a closure:
/// `Initializer { shape, dtype in … }`.
public struct Initializer: Sendable {
    private let make: @Sendable (Shape, DType) -> Tensor

    /// An initialiser that gives `make(shape, dtype)`.
    public init(_ make: @escaping @Sendable (Shape, DType) -> Tensor) {
        self.make = make
    }

    /// A tensor of this shape.
    public func callAsFunction(_ shape: Shape, dtype: DType = .float32) -> Tensor { make(shape, dtype) }

    /// Zeros.
    public static let zeros = Initializer { .zeros($0, dtype: $1) }
    /// Ones.
    public static let ones = Initializer { .ones($0, dtype: $1) }
    /// `value` everywhere.
    public static func constant(_ value: Double) -> Initializer { Initializer { .full($0, value, dtype: $1) } }

    /// Uniform in `[low, high)`.
    public static func uniform(low: Double = 0, high: Double = 1) -> Initializer {
        Initializer { .uniform($0, low: low, high: high, dtype: $1) }
    }

    /// Normally distributed.
    public static func normal(mean: Double = 0, standardDeviation: Double = 1) -> Initializer {
        Initializer { .normal($0, mean: mean, standardDeviation: standardDeviation, dtype: $1) }
    }

    /// Uniform in ±1/√fanIn: how PyTorch's dense and convolution layers begin their biases.
    static func bias(fanIn: Int) -> Initializer {
        let bound = fanIn > 0 ? 1 / Double(fanIn).squareRoot() : 0
        return uniform(low: -bound, high: bound)
    }
}
