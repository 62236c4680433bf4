import HillockCore

/// Long short-term memory over time (Hochreiter and Schmidhuber 1997): see
/// ``HillockCore/lstm(_:inputWeight:recurrentWeight:inputBias:recurrentBias:h0:c0:reversed:file:line:)``.
///
/// Shapes: `[B, T, in] → [B, T, hidden]`, or `[B, T, 2 · hidden]` where there are two directions, forwards first. Checkpoint names, as
/// PyTorch's: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, with `_reverse` for the second direction, then `…_l1`.
public struct LSTM: Layer {
    /// The parameters stand directly under the module.
    public static var checkpointNames: [String: String] { ["named": ""] }

    /// The state of all layers and directions between one step and the next.
    public struct State: Sendable {
        /// `[layers · directions, B, hidden]`
        public var h: Tensor
        /// `[layers · directions, B, hidden]`
        public var c: Tensor

        /// A state of these.
        public init(h: Tensor, c: Tensor) {
            self.h = h
            self.c = c
        }
    }

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
            "lstm", gates: 4, inputs: inputs, hidden: hidden, layers: layers, bidirectional: bidirectional, bias: bias, dropout: dropout,
            initializer: initializer, dtype: dtype)
        named = stack.named
    }

    /// The parameters of each layer, by direction.
    public var weights: [[RecurrentWeights]] { stack.weights }

    /// The outputs of all steps, from a state of zeros.
    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, state: nil).output }

    /// The outputs of all steps and the state after the last one, from a state, or from zeros.
    public func callAsFunction(_ x: Tensor, state: State?) -> (output: Tensor, state: State) {
        let count = stack.weights.count * stack.weights[0].count
        var (h, c) = ([Tensor](repeating: x, count: count), [Tensor](repeating: x, count: count))
        let output = scope.enter(self, x) {
            let (h0, c0) = (stack.states("lstm", "h", state?.h, x), stack.states("lstm", "c", state?.c, x))
            return stack(x) { x, weights, position, reversed in
                let result = lstm(
                    x, inputWeight: weights.inputWeight.value, recurrentWeight: weights.recurrentWeight.value,
                    inputBias: weights.inputBias?.value, recurrentBias: weights.recurrentBias?.value, h0: h0[position], c0: c0[position],
                    reversed: reversed)
                (h[position], c[position]) = (result.h, result.c)
                return result.output
            }
        }
        return (output, State(h: HillockCore.stack(h), c: HillockCore.stack(c)))
    }
}

/// One step of long short-term memory.
///
/// Shapes: input `[B, in]`, state h, c `[B, hidden]`. Checkpoint names, as PyTorch's: `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`.
public struct LSTMCell: Layer {
    /// PyTorch's names.
    public static var checkpointNames: [String: String] { recurrentCellNames }

    /// h and c, each `[B, hidden]`.
    public typealias State = (h: Tensor, c: Tensor)

    /// W: `[4 · hidden, in]`.
    public let inputWeight: Parameter
    /// U: `[4 · hidden, hidden]`.
    public let recurrentWeight: Parameter
    /// Bias of the first product: `[4 · hidden]`.
    public let inputBias: Parameter?
    /// Bias of the second product: `[4 · hidden]`.
    public let recurrentBias: Parameter?
    private let scope = LayerScope()

    /// A cell of `hidden` units; parameters begin uniform in ±1/√hidden unless an initialiser is given.
    public init(_ inputs: Int, _ hidden: Int, bias: Bool = true, initializer: Initializer? = nil, dtype: DType = .float32) {
        let weights = RecurrentWeights(gates: 4, inputs: inputs, hidden: hidden, bias: bias, initializer: initializer, dtype: dtype)
        (inputWeight, recurrentWeight) = (weights.inputWeight, weights.recurrentWeight)
        (inputBias, recurrentBias) = (weights.inputBias, weights.recurrentBias)
    }

    /// h after one step from a state of zeros.
    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, state: nil).h }

    /// The state after one step from this state, or from zeros.
    public func callAsFunction(_ x: Tensor, state: State?) -> State {
        var c = x
        let h = scope.enter(self, x) {
            let zeros = Tensor.zeros([x.rank > 0 ? x.shape[0] : 0, recurrentWeight.shape[1]], dtype: x.dtype)
            let next = lstmCell(
                x, h: state?.h ?? zeros, c: state?.c ?? zeros, inputWeight: inputWeight.value, recurrentWeight: recurrentWeight.value,
                inputBias: inputBias?.value, recurrentBias: recurrentBias?.value)
            c = next.c
            return next.h
        }
        return (h, c)
    }
}

/// PyTorch's names of a cell's parameters.
let recurrentCellNames = [
    "inputWeight": "weight_ih", "recurrentWeight": "weight_hh", "inputBias": "bias_ih", "recurrentBias": "bias_hh",
]
