import HillockCore

/// Does nothing: stands where a model's variant has a layer.
///
/// Shapes: any, unchanged.
public struct Identity: Layer {
    private let scope = LayerScope()

    /// The layer has no settings.
    public init() {}

    /// The input.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) { x }
    }
}
