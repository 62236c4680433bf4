extension Recurrence {
    /// A loop over the steps.
    public func stableHLO(
        _ inputs: [StableHLOValue], of types: [TensorType], in text: inout StableHLOWriter
    ) throws(StableHLOError) -> [StableHLOValue] {
        let loop = RecurrenceLoop(self, types)
        guard loop.hasSteps else { return try text.inline(Trace.program(of: self, for: types), inputs) }
        let operands = try loop.operands(inputs, in: &text)
        let (outputs, state, _) = try loop.forward(operands, by: loop.step, in: &text)
        return try loop.results(outputs, state, inputs, in: &text)
    }
}

/// A ``Recurrence`` as loops: the pieces as programs, and the text around them.
struct RecurrenceLoop {
    let recurrence: any Recurrence
    let types: [TensorType]
    /// From the inputs to constants, sequences and first state, one after the other.
    let start: Program
    let count: Int
    let axis: Int
    let isReversed: Bool
    let constants: [TensorType]
    let sequences: [TensorType]
    let state: [TensorType]
    /// From constants, items and state to outputs and next state.
    let step: Program
    /// What a step gives.
    let outputs: [TensorType]

    /// For inputs of these types.
    init(_ recurrence: any Recurrence, _ types: [TensorType]) {
        var found: RecurrenceStart?
        start = Trace.program(
            of: { inputs in
                let start = recurrence.start(inputs)
                found = start
                return start.constants + start.sequences + start.state
            }, for: types)
        guard let found else { fatalError("[\(type(of: recurrence).name)] its start was not traced") }
        (count, axis, isReversed) = (found.count, found.axis, found.isReversed)
        let (constants, sequences, state) = (found.constants.map(\.type), found.sequences.map(\.type), found.state.map(\.type))
        let items = sequences.map { TensorType($0.dtype, $0.shape.removing(axes: [found.axis])) }
        var outputs: [TensorType] = []
        step = Trace.program(
            of: { values in
                let parts = Parts(values, [constants.count, items.count, state.count])
                let next = recurrence.step(constants: parts[0], items: parts[1], state: parts[2])
                outputs = next.outputs.map(\.type)
                return next.outputs + next.state
            }, for: constants + items + state)
        self.recurrence = recurrence
        self.types = types
        (self.constants, self.sequences, self.state, self.outputs) = (constants, sequences, state, outputs)
    }

    /// Whether there is anything to loop over; tensors without elements have no text in a loop.
    var hasSteps: Bool {
        count > 0 && (constants + sequences + state + outputs).allSatisfy { $0.shape.count > 0 }
    }

    /// The type of a step's part of a sequence.
    func item(_ sequence: TensorType) -> TensorType { TensorType(sequence.dtype, sequence.shape.removing(axes: [axis])) }

    /// The type of all steps' parts.
    func sequence(_ item: TensorType, axis: Int) -> TensorType {
        var extents = item.shape.dimensions
        extents.insert(count, at: axis)
        return TensorType(item.dtype, Shape(extents))
    }

    // MARK: - Forward

    /// Constants, sequences and first state.
    typealias Operands = (constants: [StableHLOValue], sequences: [StableHLOValue], state: [StableHLOValue])

    func operands(_ inputs: [StableHLOValue], in text: inout StableHLOWriter) throws(StableHLOError) -> Operands {
        let parts = Parts(try text.inline(start, inputs), [constants.count, sequences.count, state.count])
        return (parts[0], parts[1], parts[2])
    }

    /// Writes the loop; what `program` gives beyond outputs and state is kept for every step, with time first.
    func forward(
        _ operands: Operands, by program: Program, in text: inout StableHLOWriter
    ) throws(StableHLOError) -> (outputs: [StableHLOValue], state: [StableHLOValue], kept: [StableHLOValue]) {
        let keptTypes = program.outputs.dropFirst(outputs.count + state.count).map { program.type(of: $0) }
        let blank = (outputs.map { sequence($0, axis: axis) } + keptTypes.map { sequence($0, axis: 0) })
            .map { text.constant(0, StableHLOType($0)) }
        let counts = [operands.constants.count, operands.sequences.count, operands.state.count, outputs.count, keptTypes.count]
        let ends = try text.loop(count, operands.constants + operands.sequences + operands.state + blank) {
            (text, round, values) throws(StableHLOError) in
            let parts = Parts(values, counts)
            let time = isReversed ? text.difference(count - 1, round) : round
            let items = parts[1].map { text.item($0, axis: axis, at: time) }
            let next = Parts(try text.inline(program, parts[0] + items + parts[2]), [outputs.count, state.count, keptTypes.count])
            let filled = zip(parts[3], next[0]).map { text.replacing($0, axis: axis, at: time, by: $1) }
            let kept = zip(parts[4], next[2]).map { text.replacing($0, axis: 0, at: time, by: $1) }
            return parts[0] + parts[1] + next[1] + filled + kept
        }
        let parts = Parts(ends, counts)
        return (parts[3], parts[2], parts[4])
    }

    func results(
        _ outputs: [StableHLOValue], _ state: [StableHLOValue], _ inputs: [StableHLOValue], in text: inout StableHLOWriter
    ) throws(StableHLOError) -> [StableHLOValue] {
        let counts = [outputs.count, state.count, types.count]
        let finish = Trace.program(
            of: { [recurrence] values in
                let parts = Parts(values, counts)
                return recurrence.finish(outputs: parts[0], state: parts[1], inputs: parts[2])
            }, for: self.outputs.map { sequence($0, axis: axis) } + self.state + types)
        return try text.inline(finish, outputs + state + inputs)
    }
}

/// A list that is several lists one after the other.
struct Parts<Element> {
    private let elements: [Element]
    private let counts: [Int]

    init(_ elements: [Element], _ counts: [Int]) {
        self.elements = elements
        self.counts = counts
    }

    subscript(index: Int) -> [Element] {
        let begin = counts[..<index].reduce(0, +)
        return Array(elements[begin..<begin + counts[index]])
    }
}

extension StableHLOWriter {
    /// Writes `number − value`.
    mutating func difference(_ number: Int, _ value: StableHLOValue) -> StableHLOValue {
        emit("subtract", constant(Double(number), value.type), value)
    }

    /// Writes the part of a sequence at a time (`i32` scalar), without the axis of time.
    mutating func item(_ sequence: StableHLOValue, axis: Int, at time: StableHLOValue) -> StableHLOValue {
        let one = sequence.shape.replacing(axis: axis, with: 1)
        let part = emit(
            "dynamic_slice", [sequence] + starts(sequence.shape, axis, time), as: sequence.type.with(one),
            "slice_sizes = \(array(one.dimensions))")
        return reshape(part, to: sequence.shape.removing(axes: [axis]))
    }

    /// Writes the sequence with another part at a time.
    mutating func replacing(_ sequence: StableHLOValue, axis: Int, at time: StableHLOValue, by item: StableHLOValue) -> StableHLOValue {
        let part = reshape(item, to: sequence.shape.replacing(axis: axis, with: 1))
        return emit("dynamic_update_slice", [sequence, part] + starts(sequence.shape, axis, time), as: sequence.type)
    }

    private mutating func starts(_ shape: Shape, _ axis: Int, _ time: StableHLOValue) -> [StableHLOValue] {
        let zero = constant(0, time.type)
        return (0..<shape.rank).map { $0 == axis ? time : zero }
    }
}
