import HillockCore

/// Gated recurrent units over time (Cho et al. 2014), the reset gate applied after the recurrent product as in PyTorch: see
/// ``HillockCore/gru(_:inputWeight:recurrentWeight:inputBias:recurrentBias:h0:reversed:file:line:)``.
///
/// Shapes: `[B, T, in] → [B, T, hidden]`, or `[B, T, 2 · hidden]` where there are two directions, forwards first. Checkpoint names, as
/// PyTorch's: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, with `_reverse` for the second direction, then `…_l1`.
public struct GRU: Layer {
    /// The parameters stand directly under the module.
    public static var checkpointNames: [String: String] { ["named": ""] }

    private let named: NamedParameters
    private let stack: RecurrentStack
    private let scope = LayerScope()

    /// Layers of `hidden` units.
    ///
    /// - Parameters:
    ///   - inputs: Features of each step.
    ///   - hidden: Units of each layer and direction.
    ///   - layers: How many stand one above the other.
    ///   - bidirectional: Whether each layer has a second direction, from the last step to the first.
    ///   - bias: Whether there are biases.
    ///   - dropout: Rate at which outputs of all layers but the last are dropped in training.
    ///   - initializer: How all parameters begin; uniform in ±1/√hidden unless given, as PyTorch's.
    ///   - dtype: `f32` or `f64`.
    public init(
        _ inputs: Int, _ hidden: Int, layers: Int = 1, bidirectional: Bool = false, bias: Bool = true, dropout: Double = 0,
        initializer: Initializer? = nil, dtype: DType = .float32
    ) {
        stack = RecurrentStack(
            "gru", gates: 3, inputs: inputs, hidden: hidden, layers: layers, bidirectional: bidirectional, bias: bias, dropout: dropout,
            initializer: initializer, dtype: dtype)
        named = stack.named
    }

    /// The parameters of each layer, by direction.
    public var weights: [[RecurrentWeights]] { stack.weights }

    /// The outputs of all steps, from a state of zeros.
    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, state: nil).output }

    /// The outputs of all steps and the state `[layers · directions, B, hidden]` after the last one, from such a state, or from zeros.
    public func callAsFunction(_ x: Tensor, state: Tensor?) -> (output: Tensor, state: Tensor) {
        var h = [Tensor](repeating: x, count: stack.weights.count * stack.weights[0].count)
        let output = scope.enter(self, x) {
            let h0 = stack.states("gru", "state", state, x)
            return stack(x) { x, weights, position, reversed in
                let result = gru(
                    x, inputWeight: weights.inputWeight.value, recurrentWeight: weights.recurrentWeight.value,
                    inputBias: weights.inputBias?.value, recurrentBias: weights.recurrentBias?.value, h0: h0[position],
                    reversed: reversed)
                h[position] = result.h
                return result.output
            }
        }
        return (output, HillockCore.stack(h))
    }
}

/// One step of gated recurrent units.
///
/// Shapes: input `[B, in]`, state `[B, hidden]`. Checkpoint names, as PyTorch's: `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`.
public struct GRUCell: Layer {
    /// PyTorch's names.
    public static var checkpointNames: [String: String] { recurrentCellNames }

    /// W: `[3 · hidden, in]`.
    public let inputWeight: Parameter
    /// U: `[3 · hidden, hidden]`.
    public let recurrentWeight: Parameter
    /// Bias of the first product: `[3 · hidden]`.
    public let inputBias: Parameter?
    /// Bias of the second product: `[3 · hidden]`.
    public let recurrentBias: Parameter?
    private let scope = LayerScope()

    /// A cell of `hidden` units; parameters begin uniform in ±1/√hidden unless an initialiser is given.
    public init(_ inputs: Int, _ hidden: Int, bias: Bool = true, initializer: Initializer? = nil, dtype: DType = .float32) {
        let weights = RecurrentWeights(gates: 3, inputs: inputs, hidden: hidden, bias: bias, initializer: initializer, dtype: dtype)
        (inputWeight, recurrentWeight) = (weights.inputWeight, weights.recurrentWeight)
        (inputBias, recurrentBias) = (weights.inputBias, weights.recurrentBias)
    }

    /// The state after one step from a state of zeros.
    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, state: nil) }

    /// The state after one step from this state, or from zeros.
    public func callAsFunction(_ x: Tensor, state: Tensor?) -> Tensor {
        scope.enter(self, x) {
            let zeros = Tensor.zeros([x.rank > 0 ? x.shape[0] : 0, recurrentWeight.shape[1]], dtype: x.dtype)
            return gruCell(
                x, h: state ?? zeros, inputWeight: inputWeight.value, recurrentWeight: recurrentWeight.value,
                inputBias: inputBias?.value, recurrentBias: recurrentBias?.value)
        }
    }
}
