import HillockCore

/// y = x·Wᵀ + b: `[…, in] → […, out]`.
public struct Linear: Layer {
    /// `[out, in]`
    public let weight: Parameter
    /// `[out]`
    public let bias: Parameter?

    /// A layer whose weights begin uniform in ±1/√in, as PyTorch's.
    public init(_ inputs: Int, _ outputs: Int, bias: Bool = true) {
        let bound = 1 / Double(inputs).squareRoot()
        weight = Parameter(.uniform([outputs, inputs], low: -bound, high: bound))
        self.bias = bias ? Parameter(.uniform([outputs], low: -bound, high: bound)) : nil
    }

    /// Applies the layer to the last axis.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let product = matmul(x, weight.value, transposingRight: true)
        return bias.map { product + $0.value } ?? product
    }
}
