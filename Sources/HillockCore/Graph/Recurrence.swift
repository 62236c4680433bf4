/// A composite that does the same at every step of time.
///
/// It says what comes before the first step, what a step does and what comes after the last. From that follow the body, which has one step
/// after the other, and StableHLO text of the operation and of its gradient, which has loops.
package protocol Recurrence: Composite {
    /// What the steps work on, made from the inputs.
    func start(_ inputs: [Tensor]) -> RecurrenceStart

    /// One step: its outputs and the next state, of the state's types, from the constants, the step's part of each sequence, and the state.
    func step(constants: [Tensor], items: [Tensor], state: [Tensor]) -> (outputs: [Tensor], state: [Tensor])

    /// The results, from the outputs of all steps, the last state and the inputs.
    func finish(outputs: [Tensor], state: [Tensor], inputs: [Tensor]) -> [Tensor]
}

/// What the steps of a ``Recurrence`` work on.
package struct RecurrenceStart {
    /// Number of steps.
    package let count: Int
    /// Whether time runs from the last step to the first; outputs stay at the place of their items.
    package var isReversed = false
    /// The axis of time, of sequences and of outputs.
    package let axis: Int
    /// What every step is given.
    package let constants: [Tensor]
    /// Of what every step is given its part, without the axis of time.
    package let sequences: [Tensor]
    /// What the first step is given and every step hands to the next.
    package let state: [Tensor]
}

extension Recurrence {
    /// The steps, one after the other.
    public func body(_ inputs: [Tensor]) -> [Tensor] {
        // A wrong call has stopped, or its inputs stand in during validation.
        guard (try? outputTypes(for: inputs.map(\.type))) != nil else { return inputs }
        let start = start(inputs)
        var state = start.state
        var outputs = [[Tensor]](repeating: [], count: start.count)
        for position in 0..<start.count {
            let time = start.isReversed ? start.count - 1 - position : position
            let items = start.sequences.map {
                $0.sliced(axis: start.axis, from: time, to: time + 1).reshaped(to: $0.shape.removing(axes: [start.axis]))
            }
            (outputs[time], state) = step(constants: start.constants, items: items, state: state)
        }
        return finish(outputs: stacked(outputs, start), state: state, inputs: inputs)
    }

    /// Each output of all steps as one tensor.
    private func stacked(_ outputs: [[Tensor]], _ start: RecurrenceStart) -> [Tensor] {
        if let first = outputs.first { return first.indices.map { index in stack(outputs.map { $0[index] }, axis: start.axis) } }
        // What a step would give says which tensors are empty.
        let items = start.sequences.map { Tensor.zeros($0.shape.removing(axes: [start.axis]), dtype: $0.dtype) }
        return step(constants: start.constants, items: items, state: start.state).outputs.map {
            var extents = $0.shape.dimensions
            extents.insert(0, at: start.axis)
            return Tensor.zeros(Shape(extents), dtype: $0.dtype)
        }
    }
}

extension Composite {
    /// Whether it, or what it is the gradient of, is written as a loop.
    package var isLoop: Bool { self is any Recurrence || (self as? CompositeGradient)?.forward is any Recurrence }
}
