/// The extents of a recurrent layer over time, and the check that its operands fit each other.
package struct RecurrentExtents: Hashable, Sendable {
    /// Sequences.
    package let batch: Int
    /// Steps of each.
    package let steps: Int
    /// Features of each step.
    package let inputs: Int
    /// Units: features of the state.
    package let hidden: Int

    /// Checks x `[B, T, I]`, weights `[G·H, I]` and `[G·H, H]`, two biases `[G·H]`, and states `[B, H]`, in this order.
    /// - Throws: ``ShapeError`` naming the first operand that does not fit.
    package init(_ operation: String, gates: Int, states: [String], _ types: [TensorType]) throws(ShapeError) {
        let (x, inputWeight, recurrentWeight) = (types[0], types[1], types[2])
        guard x.dtype.isFloatingPoint else {
            throw ShapeError(operation, "input is \(x), expected a floating dtype", hint: "convert it with converted(to: .float32)")
        }
        guard x.shape.rank == 3 else { throw ShapeError(operation, "input is \(x), expected 3 axes: [batch, steps, features]") }
        guard recurrentWeight.shape.rank == 2, recurrentWeight.shape[0] == gates * recurrentWeight.shape[1] else {
            throw ShapeError(operation, "recurrent weight is \(recurrentWeight), expected [\(gates)·hidden, hidden]")
        }
        batch = x.shape[0]
        steps = x.shape[1]
        inputs = x.shape[2]
        hidden = recurrentWeight.shape[1]
        guard inputWeight.shape.rank == 2, inputWeight.shape[0] == gates * hidden else {
            throw ShapeError(
                operation, "input weight is \(inputWeight), recurrent weight \(recurrentWeight.shape) wants [\(gates * hidden), features]")
        }
        guard inputWeight.shape[1] == inputs else {
            throw ShapeError(
                operation, "input \(x.shape) has \(inputs) features, weight \(inputWeight.shape) wants \(inputWeight.shape[1])")
        }
        for (name, bias) in zip(["input bias", "recurrent bias"], types[3...4]) where bias.shape != [gates * hidden] {
            throw ShapeError(operation, "\(name) is \(bias), recurrent weight \(recurrentWeight.shape) wants [\(gates * hidden)]")
        }
        for (name, state) in zip(states, types[5...]) where state.shape != [batch, hidden] {
            throw ShapeError(operation, "\(name) is \(state), input \(x.shape) and \(hidden) units want [\(batch), \(hidden)]")
        }
        for type in types where type.dtype != x.dtype {
            throw ShapeError(
                operation, "input is \(x), another operand is \(type): dtypes differ", hint: "convert one of them with converted(to:)")
        }
    }

    /// The type of the outputs of all steps.
    func output(_ dtype: DType) -> TensorType { TensorType(dtype, [batch, steps, hidden]) }

    /// The type of a state.
    func state(_ dtype: DType) -> TensorType { TensorType(dtype, [batch, hidden]) }
}

/// A recurrent layer's operands with zeros for what was not given: biases and states before the first step.
func recurrentOperands(_ x: Tensor, _ inputWeight: Tensor, _ recurrentWeight: Tensor, _ biases: [Tensor?], _ states: [Tensor?]) -> [Tensor]
{
    let rows = recurrentWeight.rank == 2 ? recurrentWeight.shape[0] : 0
    let hidden = recurrentWeight.rank == 2 ? recurrentWeight.shape[1] : 0
    let batch = x.rank > 0 ? x.shape[0] : 0
    return [x, inputWeight, recurrentWeight] + biases.map { $0 ?? .zeros([rows], dtype: x.dtype) }
        + states.map { $0 ?? .zeros([batch, hidden], dtype: x.dtype) }
}

/// The operands of one step, x being `[B, I]`, checked as those of a layer of one step.
func recurrentStep(
    _ operation: String, _ x: Tensor, gates: Int, states: [String], _ inputWeight: Tensor, _ recurrentWeight: Tensor, _ biases: [Tensor?],
    _ values: [Tensor]
) throws(ShapeError) -> [Tensor] {
    guard x.rank == 2 else { throw ShapeError(operation, "input is \(x.type), expected 2 axes: [batch, features]") }
    let operands = recurrentOperands(x, inputWeight, recurrentWeight, biases, values)
    var types = operands.map(\.type)
    types[0] = TensorType(x.dtype, [x.shape[0], 1, x.shape[1]])
    _ = try RecurrentExtents(operation, gates: gates, states: states, types)
    return operands
}
