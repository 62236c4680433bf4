import HillockCore

/// The parameters of one direction of one recurrent layer; G is the number of gates, 4 (``LSTM``) or 3 (``GRU``).
public struct RecurrentWeights: Sendable {
    /// W, from the layer's input to the gates: `[G·H, in]`.
    public let inputWeight: Parameter
    /// U, from the state to the gates: `[G·H, H]`.
    public let recurrentWeight: Parameter
    /// Bias of the first product: `[G·H]`.
    public let inputBias: Parameter?
    /// Bias of the second product: `[G·H]`.
    public let recurrentBias: Parameter?

    /// All uniform in ±1/√H unless given otherwise, as PyTorch's.
    init(gates: Int, inputs: Int, hidden: Int, bias: Bool, initializer: Initializer?, dtype: DType) {
        let begin = initializer ?? .bias(fanIn: hidden)
        inputWeight = Parameter(begin([gates * hidden, inputs], dtype: dtype))
        recurrentWeight = Parameter(begin([gates * hidden, hidden], dtype: dtype))
        inputBias = bias ? Parameter(begin([gates * hidden], dtype: dtype)) : nil
        recurrentBias = bias ? Parameter(begin([gates * hidden], dtype: dtype)) : nil
    }
}

/// Recurrent layers one above the other, in one or two directions: what ``LSTM`` and ``GRU`` share.
struct RecurrentStack: Sendable {
    /// By layer, then by direction.
    let weights: [[RecurrentWeights]]
    let dropout: Double

    init(
        _ operation: String, gates: Int, inputs: Int, hidden: Int, layers: Int, bidirectional: Bool, bias: Bool, dropout: Double,
        initializer: Initializer?, dtype: DType
    ) {
        if layers < 1 { misuse(ShapeError(operation, "\(layers) layers, expected 1 or more")) }
        if hidden < 1 { misuse(ShapeError(operation, "\(hidden) units, expected 1 or more")) }
        if !(dropout >= 0 && dropout < 1) { misuse(ShapeError(operation, "dropout is \(dropout), expected 0 or more and less than 1")) }
        let directions = bidirectional ? 2 : 1
        weights = (0..<max(layers, 1)).map { layer in
            (0..<directions).map { _ in
                RecurrentWeights(
                    gates: gates, inputs: layer == 0 ? inputs : directions * hidden, hidden: hidden, bias: bias, initializer: initializer,
                    dtype: dtype)
            }
        }
        self.dropout = dropout
    }

    /// The parameters by PyTorch's names: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, then with `_reverse`, then `…_l1`.
    var named: NamedParameters {
        var entries: [(name: String, parameter: Parameter)] = []
        for (layer, directions) in weights.enumerated() {
            for (direction, weights) in directions.enumerated() {
                let suffix = "_l\(layer)" + (direction == 1 ? "_reverse" : "")
                entries.append(("weight_ih" + suffix, weights.inputWeight))
                entries.append(("weight_hh" + suffix, weights.recurrentWeight))
                if let bias = weights.inputBias { entries.append(("bias_ih" + suffix, bias)) }
                if let bias = weights.recurrentBias { entries.append(("bias_hh" + suffix, bias)) }
            }
        }
        return NamedParameters(entries)
    }

    /// Applies the layers in order; `run` gives the outputs of one direction of one layer, by its place among the states.
    func callAsFunction(_ x: Tensor, _ run: (Tensor, RecurrentWeights, _ position: Int, _ reversed: Bool) -> Tensor) -> Tensor {
        var x = x
        for (layer, directions) in weights.enumerated() {
            if layer > 0, dropout > 0, TrainingMode.isActive { x = HillockCore.dropout(x, rate: dropout) }
            let outputs = directions.indices.map { run(x, directions[$0], layer * directions.count + $0, $0 == 1) }
            x = outputs.count == 1 ? outputs[0] : concatenate(outputs, axis: -1)
        }
        return x
    }

    /// The parts of a state `[layers · directions, B, H]`, `nil` where there is none; a wrong one stops here.
    func states(_ operation: String, _ name: String, _ state: Tensor?, _ x: Tensor) -> [Tensor?] {
        let count = weights.count * weights[0].count
        guard let state else { return [Tensor?](repeating: nil, count: count) }
        let hidden = weights[0][0].recurrentWeight.shape[1]
        guard x.rank == 3, state.shape == [count, x.shape[0], hidden] else {
            let batch = x.rank == 3 ? "\(x.shape[0])" : "batch"
            misuse(ShapeError(operation, "\(name) is \(state.type), input \(x.shape) wants [\(count), \(batch), \(hidden)]"))
            return [Tensor?](repeating: nil, count: count)
        }
        return (0..<count).map { state[$0] }
    }
}
