/// One direction of one layer of long short-term memory over time; see ``lstm(_:inputWeight:recurrentWeight:inputBias:recurrentBias:h0:c0:reversed:file:line:)``.
///
/// Inputs: x, input weight, recurrent weight, input bias, recurrent bias, h0, c0. Results: h of every step, the last h, the last c.
public struct LongShortTermMemory: Recurrence {
    /// `lstm`
    public static let name = "lstm"
    /// Whether time runs from the last step to the first.
    public let reversed: Bool

    /// The layer in one direction.
    public init(reversed: Bool = false) { self.reversed = reversed }

    /// `[B, T, I]` and so on → `[B, T, H]`, `[B, H]`, `[B, H]`
    public func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let extents = try RecurrentExtents(Self.name, gates: 4, states: ["h0", "c0"], inputs)
        return [extents.output(inputs[0].dtype), extents.state(inputs[0].dtype), extents.state(inputs[0].dtype)]
    }

    /// The inputs' part of the gates, of all steps together.
    package func start(_ inputs: [Tensor]) -> RecurrenceStart {
        let gates = matmul(inputs[0], inputs[1], transposingRight: true) + inputs[3]
        return RecurrenceStart(
            count: gates.shape[1], isReversed: reversed, axis: 1, constants: [inputs[2], inputs[4]], sequences: [gates],
            state: [inputs[5], inputs[6]])
    }

    /// The cell.
    package func step(constants: [Tensor], items: [Tensor], state: [Tensor]) -> (outputs: [Tensor], state: [Tensor]) {
        let recurrent = matmul(state[0], constants[0], transposingRight: true) + constants[1]
        let (h, c) = Self.cell(items[0] + recurrent, state[1])
        return ([h], [h, c])
    }

    /// h of every step, the last h, the last c.
    package func finish(outputs: [Tensor], state: [Tensor], inputs: [Tensor]) -> [Tensor] { outputs + state }

    /// The new state from the sum `[B, 4 H]` of all that enters the gates.
    static func cell(_ sum: Tensor, _ c: Tensor) -> (h: Tensor, c: Tensor) {
        let parts = sum.split(into: 4, axis: 1)
        let next = sigmoid(parts[1]) * c + sigmoid(parts[0]) * tanh(parts[2])
        return (sigmoid(parts[3]) * tanh(next), next)
    }
}

/// One direction of one layer of long short-term memory over time (Hochreiter and Schmidhuber 1997; with forget gates, Gers, Schmidhuber,
/// Cummins 2000), the gates in PyTorch's order i, f, g, o:
///
///     a = W x_t + b + U h + b'
///     c = sigmoid(a_f) c + sigmoid(a_i) tanh(a_g)        h = sigmoid(a_o) tanh(c)
///
/// - Parameters:
///   - x: `[B, T, I]`: batch, steps, features.
///   - inputWeight: W, `[4 H, I]`.
///   - recurrentWeight: U, `[4 H, H]`.
///   - inputBias: b, `[4 H]`; none counts as zeros.
///   - recurrentBias: b', `[4 H]`; none counts as zeros.
///   - h0: h before the first step, `[B, H]`; zeros if not given.
///   - c0: c before the first step, `[B, H]`; zeros if not given.
///   - reversed: Whether time runs from the last step to the first; outputs stay at the place of their inputs.
/// - Returns: h of every step `[B, T, H]`, and h and c after the last one `[B, H]`.
public func lstm(
    _ x: Tensor, inputWeight: Tensor, recurrentWeight: Tensor, inputBias: Tensor? = nil, recurrentBias: Tensor? = nil, h0: Tensor? = nil,
    c0: Tensor? = nil, reversed: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> (output: Tensor, h: Tensor, c: Tensor) {
    let operands = recurrentOperands(x, inputWeight, recurrentWeight, [inputBias, recurrentBias], [h0, c0])
    let results = Tensor.composite(LongShortTermMemory(reversed: reversed), operands, at: SourceLocation(file: file, line: line))
    guard results.count == 3 else { return (results[0], results[0], results[0]) }
    return (results[0], results[1], results[2])
}

/// One step of long short-term memory: ``lstm(_:inputWeight:recurrentWeight:inputBias:recurrentBias:h0:c0:reversed:file:line:)`` for an
/// input `[B, I]` and a state h, c `[B, H]`.
public func lstmCell(
    _ x: Tensor, h: Tensor, c: Tensor, inputWeight: Tensor, recurrentWeight: Tensor, inputBias: Tensor? = nil,
    recurrentBias: Tensor? = nil, file: StaticString = #fileID, line: UInt = #line
) -> (h: Tensor, c: Tensor) {
    do {
        let operands = try recurrentStep(
            "lstmCell", x, gates: 4, states: ["h", "c"], inputWeight, recurrentWeight, [inputBias, recurrentBias], [h, c])
        let sum = matmul(x, inputWeight, transposingRight: true) + operands[3]
        return LongShortTermMemory.cell(sum + (matmul(h, recurrentWeight, transposingRight: true) + operands[4]), c)
    } catch {
        let failed = Tensor.failed(error, [h, x], at: SourceLocation(file: file, line: line))
        return (failed, failed)
    }
}
