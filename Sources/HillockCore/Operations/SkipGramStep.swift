/// A pass of skip-gram with negative sampling over words (Mikolov, Sutskever, Chen, Corrado, Dean 2013), which changes two tables of vectors.
///
/// For each target u of a center v: `g = rate · ((seen ? 1 : 0) − σ(u·v))`, for the centers of a block from the tables as they are before
/// the block. Then center by center and target by target `e ← e + g·u, u ← u + g·v`, and at a center's end `v ← v + e`.
///
/// Inputs: table of centers and table of targets `[vocabulary, dimensions]`, centers `[words]` `i32`, targets `[words, slots]` `i32` (negative
/// where there is none), rate (scalar). Results: both tables.
package struct SkipGramStep: Recurrence {
    /// `skipgram`
    package static let name = "skipgram"
    /// Every so many targets, from the first on, one is a word that was seen; the others are noise.
    package let period: Int
    /// Centers in a block.
    package static let block = 16

    /// A pass in which every `period`-th target was seen.
    package init(period: Int) { self.period = period }

    /// Both tables' types.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let (table, centers, targets) = (inputs[0], inputs[2], inputs[3])
        guard table.shape.rank == 2, table.dtype.isFloatingPoint, inputs[1] == table, inputs[4] == TensorType(table.dtype, .scalar) else {
            throw ShapeError(
                Self.name, "tables are \(table) and \(inputs[1]), rate \(inputs[4]): expected two [vocabulary, dimensions] and []")
        }
        guard centers.dtype == .int32, targets.dtype == .int32, centers.shape.rank == 1, targets.shape.rank == 2,
            centers.shape[0] == targets.shape[0]
        else { throw ShapeError(Self.name, "centers are \(centers), targets \(targets): expected i32 [words] and [words, slots]") }
        return [table, table]
    }

    /// The words block by block.
    package func start(_ inputs: [Tensor]) -> RecurrenceStart {
        let (blocks, slots) = (inputs[3].shape[0] / Self.block, inputs[3].shape[1])
        let whole = blocks * Self.block
        return RecurrenceStart(
            count: blocks, axis: 0, constants: [inputs[4]],
            sequences: [
                inputs[2][0..<whole].reshaped(to: [blocks, Self.block]), inputs[3][0..<whole].reshaped(to: [blocks, Self.block, slots]),
            ], state: [inputs[0], inputs[1]])
    }

    /// One block.
    package func step(constants: [Tensor], items: [Tensor], state: [Tensor]) -> (outputs: [Tensor], state: [Tensor]) {
        ([], Tensor.composite(SkipGramBlock(period: period), state + items + constants))
    }

    /// What is left of the words.
    package func finish(outputs: [Tensor], state: [Tensor], inputs: [Tensor]) -> [Tensor] {
        let count = inputs[3].shape[0]
        let whole = count / Self.block * Self.block
        if whole == count { return state }
        return Tensor.composite(SkipGramBlock(period: period), state + [inputs[2][whole..<count], inputs[3][whole..<count], inputs[4]])
    }
}

/// One block of a ``SkipGramStep``: the same inputs and results, for the block's words only.
struct SkipGramBlock: Recurrence {
    /// `skipgram_block`
    static let name = "skipgram_block"
    /// Every so many targets, from the first on, one is a word that was seen.
    let period: Int

    /// Both tables' types.
    func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        try SkipGramStep(period: period).outputTypes(for: inputs)
    }

    /// How far every target moves, from the tables as they are.
    func start(_ inputs: [Tensor]) -> RecurrenceStart {
        let (centers, targets) = (inputs[2], inputs[3])
        let isThere = targets .>= 0
        let rows = `where`(isThere, targets, Tensor.zerosLike(targets))
        let scores = (inputs[1].gathered(rows) * inputs[0].gathered(centers).unsqueezed(axis: 1)).sum(axes: 2)
        let seen = Tensor.iota(targets.type, axis: 1) % Double(period) .== 0
        let steps = (seen.converted(to: scores.dtype) - sigmoid(scores)) * inputs[4]
        return RecurrenceStart(
            count: centers.shape[0], axis: 0, constants: [],
            sequences: [centers, rows, `where`(isThere, steps, Tensor.zerosLike(steps))], state: [inputs[0], inputs[1]])
    }

    /// The formulas of one word, target by target.
    func step(constants: [Tensor], items: [Tensor], state: [Tensor]) -> (outputs: [Tensor], state: [Tensor]) {
        let center = items[0].reshaped(to: [1])
        var output = state[1]
        let v = state[0].gathered(center)
        var error = Tensor.zerosLike(v)
        for slot in 0..<items[1].shape[0] {
            let row = items[1][slot..<slot + 1]
            let step = items[2][slot..<slot + 1].unsqueezed(axis: 1)
            error += output.gathered(row) * step
            output = output.scatterAdded(v * step, at: row)
        }
        return ([], [state[0].scatterAdded(error, at: center), output])
    }

    /// Both tables.
    func finish(outputs: [Tensor], state: [Tensor], inputs: [Tensor]) -> [Tensor] { state }
}
