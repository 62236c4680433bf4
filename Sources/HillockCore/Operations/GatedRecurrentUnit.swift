/// One direction of one layer of gated recurrent units over time; see ``gru(_:inputWeight:recurrentWeight:inputBias:recurrentBias:h0:reversed:file:line:)``.
///
/// Inputs: x, input weight, recurrent weight, input bias, recurrent bias, h0. Results: h of every step, the last h.
public struct GatedRecurrentUnit: Recurrence {
    /// `gru`
    public static let name = "gru"
    /// Whether time runs from the last step to the first.
    public let reversed: Bool

    /// The layer in one direction.
    public init(reversed: Bool = false) { self.reversed = reversed }

    /// `[B, T, I]` and so on → `[B, T, H]`, `[B, H]`
    public func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let extents = try RecurrentExtents(Self.name, gates: 3, states: ["h0"], inputs)
        return [extents.output(inputs[0].dtype), extents.state(inputs[0].dtype)]
    }

    /// The inputs' part of the gates, of all steps together.
    package func start(_ inputs: [Tensor]) -> RecurrenceStart {
        let gates = matmul(inputs[0], inputs[1], transposingRight: true) + inputs[3]
        return RecurrenceStart(
            count: gates.shape[1], isReversed: reversed, axis: 1, constants: [inputs[2], inputs[4]], sequences: [gates], state: [inputs[5]])
    }

    /// The cell.
    package func step(constants: [Tensor], items: [Tensor], state: [Tensor]) -> (outputs: [Tensor], state: [Tensor]) {
        let h = Self.cell(items[0], matmul(state[0], constants[0], transposingRight: true) + constants[1], state[0])
        return ([h], [h])
    }

    /// h of every step, the last h.
    package func finish(outputs: [Tensor], state: [Tensor], inputs: [Tensor]) -> [Tensor] { outputs + state }

    /// The new state from the inputs' and the state's parts of the gates, both `[B, 3 H]`.
    static func cell(_ inputs: Tensor, _ recurrent: Tensor, _ h: Tensor) -> Tensor {
        let (x, u) = (inputs.split(into: 3, axis: 1), recurrent.split(into: 3, axis: 1))
        let z = sigmoid(x[1] + u[1])
        let n = tanh(x[2] + sigmoid(x[0] + u[0]) * u[2])
        return (1 - z) * n + z * h
    }
}

/// One direction of one layer of gated recurrent units over time (Cho et al. 2014), the gates in PyTorch's order r, z, n, the reset gate
/// applied after the recurrent product:
///
///     a = W x_t + b        u = U h + b'
///     r, z = sigmoid(a_r + u_r), sigmoid(a_z + u_z)    n = tanh(a_n + r u_n)    h = (1 − z) n + z h
///
/// - Parameters:
///   - x: `[B, T, I]`: batch, steps, features.
///   - inputWeight: W, `[3 H, I]`.
///   - recurrentWeight: U, `[3 H, H]`.
///   - inputBias: b, `[3 H]`; none counts as zeros.
///   - recurrentBias: b', `[3 H]`; none counts as zeros.
///   - h0: h before the first step, `[B, H]`; zeros if not given.
///   - reversed: Whether time runs from the last step to the first; outputs stay at the place of their inputs.
/// - Returns: h of every step `[B, T, H]`, and h after the last one `[B, H]`.
public func gru(
    _ x: Tensor, inputWeight: Tensor, recurrentWeight: Tensor, inputBias: Tensor? = nil, recurrentBias: Tensor? = nil, h0: Tensor? = nil,
    reversed: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> (output: Tensor, h: Tensor) {
    let operands = recurrentOperands(x, inputWeight, recurrentWeight, [inputBias, recurrentBias], [h0])
    let results = Tensor.composite(GatedRecurrentUnit(reversed: reversed), operands, at: SourceLocation(file: file, line: line))
    guard results.count == 2 else { return (results[0], results[0]) }
    return (results[0], results[1])
}

/// One step of gated recurrent units: ``gru(_:inputWeight:recurrentWeight:inputBias:recurrentBias:h0:reversed:file:line:)`` for an input
/// `[B, I]` and a state h `[B, H]`; gives the new h.
public func gruCell(
    _ x: Tensor, h: Tensor, inputWeight: Tensor, recurrentWeight: Tensor, inputBias: Tensor? = nil, recurrentBias: Tensor? = nil,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    do {
        let operands = try recurrentStep(
            "gruCell", x, gates: 3, states: ["h"], inputWeight, recurrentWeight, [inputBias, recurrentBias], [h])
        let inputs = matmul(x, inputWeight, transposingRight: true) + operands[3]
        return GatedRecurrentUnit.cell(inputs, matmul(h, recurrentWeight, transposingRight: true) + operands[4], h)
    } catch {
        return .failed(error, [h, x], at: SourceLocation(file: file, line: line))
    }
}
