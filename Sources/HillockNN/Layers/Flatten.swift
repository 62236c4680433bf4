import HillockCore

/// One axis where several were, in row-major order.
///
/// Shapes: `[N, C, H, W] → [N, C·H·W]` with the default axes.
public struct Flatten: Layer {
    /// The first axis that is folded; negative counts from the end.
    public let firstAxis: Int
    /// The last axis that is folded; negative counts from the end.
    public let lastAxis: Int
    private let scope = LayerScope()

    /// Folds the axes from `firstAxis` to `lastAxis`: all but the batch's unless given.
    public init(from firstAxis: Int = 1, through lastAxis: Int = -1) {
        self.firstAxis = firstAxis
        self.lastAxis = lastAxis
    }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) {
            let (low, high) = (firstAxis < 0 ? firstAxis + x.rank : firstAxis, lastAxis < 0 ? lastAxis + x.rank : lastAxis)
            guard low >= 0, high < x.rank, low <= high else {
                return .failed(ShapeError("flatten", "input \(x.shape) has no axes \(firstAxis) through \(lastAxis)"), [x])
            }
            return x.flattened(axes: low...high)
        }
    }
}
