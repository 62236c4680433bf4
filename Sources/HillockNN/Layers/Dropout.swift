import HillockCore

/// In training, zeroes each element with probability `rate` and divides the others by `1 − rate`, so that the mean stays
/// (Srivastava et al. 2014); elsewhere does nothing.
///
/// Shapes: any, unchanged.
public struct Dropout: Layer {
    /// Probability of an element to be zeroed.
    public let rate: Double
    private let scope = LayerScope()

    /// A layer that zeroes elements with this probability, 0 or more and less than 1.
    public init(_ rate: Double = 0.5) {
        if !(rate >= 0 && rate < 1) { misuse(ShapeError("dropout", "rate is \(rate), expected 0 or more and less than 1")) }
        self.rate = rate
    }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) { TrainingMode.isActive ? dropout(x, rate: rate) : x }
    }
}
