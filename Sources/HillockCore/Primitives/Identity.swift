/// The input itself: what a function is differentiated with respect to, so that it is found again among equals.
public struct Identity: Primitive {
    /// `identity`
    public static let name = "identity"
    /// The input's type.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType { inputs[0] }
    /// dy
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] { [upstream] }
    /// The input.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray { inputs[0] }
    /// The input.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        inputs[0]
    }
}

/// The input itself, without a gradient.
public struct StopGradient: Primitive {
    /// `stop_gradient`
    public static let name = "stop_gradient"
    /// The operation has no attributes.
    public init() {}
    /// The input's type.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType { inputs[0] }
    /// None.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] { [nil] }
    /// The input.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray { inputs[0] }
    /// The input.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        inputs[0]
    }
}

extension Tensor {
    /// The same values, taken as constant by gradients.
    public func stoppingGradient() -> Tensor { .apply(StopGradient(), self, unchecked: type) }

    /// The same values under a node of their own.
    func identity() -> Tensor { .apply(Identity(), self, unchecked: type) }
}
