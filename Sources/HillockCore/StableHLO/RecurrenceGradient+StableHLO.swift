extension CompositeGradient {
    /// The differentiated body; of a ``Recurrence`` a loop forward, which keeps what is needed, and one back.
    public func stableHLO(
        _ inputs: [StableHLOValue], of types: [TensorType], in text: inout StableHLOWriter
    ) throws(StableHLOError) -> [StableHLOValue] {
        if let recurrence = forward as? any Recurrence {
            let loop = RecurrenceLoop(recurrence, Array(types.prefix(inputCount)))
            if loop.hasSteps {
                let values = Array(inputs.prefix(inputCount))
                return try loop.gradient(values, upstreams, Array(inputs.dropFirst(inputCount)), in: &text)
            }
        }
        return try text.inline(Trace.program(of: self, for: types), inputs)
    }
}

extension RecurrenceLoop {
    /// Writes the gradients by the floating inputs, given those by the results numbered `given`.
    fileprivate func gradient(
        _ inputs: [StableHLOValue], _ given: [Int], _ upstreams: [StableHLOValue], in text: inout StableHLOWriter
    ) throws(StableHLOError) -> [StableHLOValue] {
        let halves = StepGradient(self)
        let operands = try operands(inputs, in: &text)
        let (outputs, state, kept) = try forward(operands, by: halves.forward, in: &text)
        // By outputs, last state and inputs; then by constants, sequences and first state; then by the inputs again.
        let ends = Parts(
            try text.inline(finishGradient(given), outputs + state + inputs + upstreams),
            [outputs.count, state.count, types.count { $0.dtype.isFloatingPoint }])
        let before = try backward(operands, kept, ends[0], ends[1], halves, in: &text)
        let direct = try text.inline(startGradient(), inputs + before)
        return zip(direct, ends[2]).map { text.emit("add", $0, $1) }
    }

    /// From outputs, last state, inputs and gradients by results to gradients by outputs, last state and floating inputs.
    private func finishGradient(_ given: [Int]) -> Program {
        let counts = [outputs.count, state.count, types.count]
        let results = (try? recurrence.outputTypes(for: types)) ?? []
        let variables = outputs.map { sequence($0, axis: axis) } + state + types
        return Trace.program(
            of: { [recurrence] values in
                let parts = Parts(values, counts + [given.count])
                let results = recurrence.finish(outputs: parts[0], state: parts[1], inputs: parts[2])
                return vectorJacobianProduct(
                    of: given.map { results[$0] }, with: parts[3],
                    withRespectTo: parts[0] + parts[1] + parts[2].filter(\.dtype.isFloatingPoint))
            }, for: variables + given.map { results[$0] })
    }

    /// From inputs and the gradients by floating constants and sequences and by the first state to those by floating inputs.
    private func startGradient() -> Program {
        let given = (constants + sequences + state).filter(\.dtype.isFloatingPoint)
        return Trace.program(
            of: { [recurrence, types] values in
                let parts = Parts(values, [types.count, given.count])
                let start = recurrence.start(parts[0])
                return vectorJacobianProduct(
                    of: (start.constants + start.sequences + start.state).filter(\.dtype.isFloatingPoint), with: parts[1],
                    withRespectTo: parts[0].filter(\.dtype.isFloatingPoint))
            }, for: types + given)
    }

    /// Writes the loop back in time: gradients by floating constants and sequences and by the first state.
    private func backward(
        _ operands: Operands, _ kept: [StableHLOValue], _ outputGradients: [StableHLOValue], _ stateGradients: [StableHLOValue],
        _ halves: StepGradient, in text: inout StableHLOWriter
    ) throws(StableHLOError) -> [StableHLOValue] {
        let sumTypes = halves.backward.outputs.prefix(halves.sumCount).map { halves.backward.type(of: $0) }
        let factorTypes = halves.backward.outputs.suffix(halves.factorCount).map { sequence(halves.backward.type(of: $0), axis: 0) }
        let sequenceTypes = sequences.filter(\.dtype.isFloatingPoint)
        let sums = (sumTypes + sequenceTypes + factorTypes).map { text.constant(0, StableHLOType($0)) }
        let counts = [
            operands.constants.count, operands.sequences.count, kept.count, outputGradients.count, state.count, sumTypes.count,
            sequenceTypes.count, factorTypes.count,
        ]
        let all = operands.constants + operands.sequences + kept + outputGradients + stateGradients + sums
        let ends = try text.loop(count, all) { (text, round, values) throws(StableHLOError) in
            let parts = Parts(values, counts)
            let time = isReversed ? round : text.difference(count - 1, round)
            let items = parts[1].map { text.item($0, axis: axis, at: time) }
            let residuals = parts[2].map { text.item($0, axis: 0, at: time) }
            let upstreams = parts[3].map { text.item($0, axis: axis, at: time) }
            let gradients = Parts(
                try text.inline(halves.backward, parts[0] + items + residuals + upstreams + parts[4]),
                [sumTypes.count, sequenceTypes.count, state.count, factorTypes.count])
            let added = zip(parts[5], gradients[0]).map { text.emit("add", $0, $1) }
            let filled = zip(parts[6], gradients[1]).map { text.replacing($0, axis: axis, at: time, by: $1) }
            let factors = zip(parts[7], gradients[3]).map { text.replacing($0, axis: 0, at: time, by: $1) }
            return parts[0] + parts[1] + parts[2] + parts[3] + gradients[2] + added + filled + factors
        }
        let parts = Parts(ends, counts)
        var rest = parts[5][...]
        let byConstants = halves.products.map { product in
            guard let product else { return rest.removeFirst() }
            return text.product(of: (kept + parts[7])[product.left], (kept + parts[7])[product.right])
        }
        return byConstants + parts[6] + parts[4]
    }
}

/// A step and its gradient in two halves: what does not need the later steps' gradients, and the rest.
private struct StepGradient {
    /// From constants, items and state to outputs, next state and whatever the other half needs of it.
    let forward: Program
    /// From constants, items, that, and the gradients by outputs and next state to those by floating constants, floating items and state; but
    /// for constants that are factors of a matrix product, whose gradient is a product over the batch: then that product's factors come last.
    let backward: Program
    /// For each floating constant where the factors of its gradient are: among what is kept and what comes last, one after the other.
    /// One product over batch and steps is then all there is to do.
    let products: [(left: Int, right: Int)?]
    /// How many constants have no such product.
    var sumCount: Int { products.count { $0 == nil } }
    /// How many factors come last.
    let factorCount: Int

    init(_ loop: RecurrenceLoop) {
        let items = loop.sequences.map { loop.item($0) }
        let counts = [loop.constants.count, items.count, loop.state.count, loop.outputs.count, loop.state.count]
        let traced = Trace.program(
            of: { [recurrence = loop.recurrence] values in
                let parts = Parts(values, counts)
                let next = recurrence.step(constants: parts[0], items: parts[1], state: parts[2])
                let variables = (parts[0] + parts[1]).filter(\.dtype.isFloatingPoint) + parts[2]
                let gradients = vectorJacobianProduct(
                    of: next.outputs + next.state, with: parts[3] + parts[4], withRespectTo: variables)
                return next.outputs + next.state + gradients
            }, for: loop.constants + items + loop.state + loop.outputs + loop.state)

        let whole = ExpandComposites.all.run(traced)

        // The first half is what outputs and state are computed from.
        let inputCount = whole.inputs.count
        let resultCount = loop.outputs.count + loop.state.count
        var isFirst = [Bool](repeating: false, count: inputCount + whole.instructions.count)
        for output in whole.outputs.prefix(resultCount) { isFirst[output] = true }
        for value in stride(from: isFirst.count - 1, through: inputCount, by: -1) where isFirst[value] {
            for operand in whole.instructions[value - inputCount].operands { isFirst[operand] = true }
        }
        // What the second half needs of it: the state, and results of the first; constants are written again.
        let shared = loop.constants.count + items.count
        let own = shared + loop.state.count
        func isConstant(_ value: Int) -> Bool { whole.instruction(value)?.operands.isEmpty ?? false }
        func isKept(_ value: Int) -> Bool {
            value < inputCount ? value >= shared && value < own : isFirst[value] && !isConstant(value)
        }
        var needed = Set(whole.outputs.dropFirst(resultCount))
        for (position, instruction) in whole.instructions.enumerated() where !isFirst[inputCount + position] {
            needed.formUnion(instruction.operands)
        }
        let kept = needed.filter(isKept).sorted()

        let byConstants = whole.outputs.dropFirst(resultCount).prefix(loop.constants.count { $0.dtype.isFloatingPoint })
        var factors: [Int] = []
        products = byConstants.map { value in
            guard let instruction = whole.instruction(value), instruction.type.shape.rank == 2,
                instruction.primitive as? MatrixMultiply == MatrixMultiply(transposingLeft: true)
            else { return nil }
            let places = instruction.operands.map { operand in
                if let place = (kept + factors).firstIndex(of: operand) { return place }
                factors.append(operand)
                return kept.count + factors.count - 1
            }
            return (places[0], places[1])
        }
        factorCount = factors.count
        let sums = zip(byConstants, products).filter { $1 == nil }.map(\.0)
        let gradients = sums + whole.outputs.dropFirst(resultCount + byConstants.count) + factors

        forward = Self.part(of: whole, inputs: Array(0..<own), outputs: whole.outputs.prefix(resultCount) + kept) { isFirst[$0] }
        backward = Self.part(
            of: whole, inputs: Array(0..<shared) + kept + Array(own..<inputCount), outputs: gradients
        ) { !isFirst[$0] || isConstant($0) }
    }

    /// The program of those instructions that `includes` says, by their values' numbers.
    private static func part(of whole: Program, inputs: [Int], outputs: [Int], _ includes: (Int) -> Bool) -> Program {
        var builder = ProgramBuilder(inputs: inputs.map { Program.Input(type: whole.type(of: $0), isScalar: false) })
        var numbers: [Int: Int] = [:]
        for (position, value) in inputs.enumerated() { numbers[value] = position }
        for (position, instruction) in whole.instructions.enumerated() {
            let value = whole.inputs.count + position
            guard includes(value), numbers[value] == nil else { continue }
            numbers[value] = builder.append(instruction.primitive, instruction.operands.map { numbers[$0]! }, instruction.type)
        }
        return builder.program(outputs: outputs.map { numbers[$0]! })
    }
}

extension StableHLOWriter {
    /// Writes the sum over steps and batch of the products of `a` `[T, B, M]` and `b` `[T, B, N]`: `[M, N]`.
    fileprivate mutating func product(of a: StableHLOValue, _ b: StableHLOValue) -> StableHLOValue {
        func flat(_ value: StableHLOValue) -> StableHLOValue {
            let narrow = lowering != nil && value.type.element == DType.float32.stableHLOName
            let factor = narrow ? convert(value, to: DType.bfloat16.stableHLOName) : value
            return reshape(factor, to: [value.shape[0] * value.shape[1], value.shape[2]])
        }
        return emit(
            "dot_general", [flat(a), flat(b)], as: a.type.with([a.shape[2], b.shape[2]]),
            "dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [0], rhs_contracting_dimensions = [0]>", precision)
    }
}
