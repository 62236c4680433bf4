import HillockCore

/// Layers one after the other, each applied to what the one before it gives.
///
/// Shapes: the first layer's input `→` the last layer's output. Checkpoint names: a layer's position, then its own: `0.weight`.
public struct Sequential: Layer {
    /// Layers stand directly under the module: `0.weight`, not `layers.0.weight`.
    public static var checkpointNames: [String: String] { ["layers": ""] }

    /// The layers, in order.
    public let layers: [any Layer]
    private let scope = LayerScope()

    /// These layers one after the other.
    public init(_ layers: any Layer...) { self.layers = layers }

    /// These layers one after the other.
    public init(_ layers: [any Layer]) { self.layers = layers }

    /// Applies the layers in order.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        var y = x
        let paths = scope.paths(ofPositions: layers.count)
        // A layer without parameters, or of the user's, is found by its position.
        for position in layers.indices { y = paths[position].entering { layers[position](y) } }
        return y
    }
}
