/// A pass of skip-gram with negative sampling over words (Mikolov, Sutskever, Chen, Corrado, Dean 2013), which changes two tables of vectors.
///
/// For each target u of a center v: `g = rate · ((seen ? 1 : 0) − σ(u·v))`, for the centers of a block from the tables as they are before
/// the block. Then center by center and target by target `e ← e + g·u, u ← u + g·v`, and at a center's end `v ← v + e`.
///
/// Inputs: table of centers and table of targets `[vocabulary, dimensions]`, centers `[words]` `i32`, targets `[words, slots]` `i32` (negative
/// where there is none), rate (scalar). Results: both tables.
package struct SkipGramStep: Composite {
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

    /// The formulas, target by target.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        var (input, output) = (inputs[0], inputs[1])
        let (count, slots) = (inputs[3].shape[0], inputs[3].shape[1])
        for begin in stride(from: 0, to: count, by: Self.block) {
            let words = Swift.min(Self.block, count - begin)
            let targets = inputs[3][begin..<begin + words]
            let isThere = targets .>= 0
            let rows = `where`(isThere, targets, Tensor.zerosLike(targets))
            let centers = input.gathered(inputs[2][begin..<begin + words])
            let scores = (output.gathered(rows) * centers.unsqueezed(axis: 1)).sum(axes: 2)
            let seen = Tensor.iota(TensorType(.int32, [words, slots]), axis: 1) % Double(period) .== 0
            let steps = (seen.converted(to: scores.dtype) - sigmoid(scores)) * inputs[4]
            let g = `where`(isThere, steps, Tensor.zerosLike(steps))
            for word in 0..<words {
                let center = inputs[2][(begin + word)..<(begin + word + 1)]
                let v = input.gathered(center)
                var error = Tensor.zerosLike(v)
                for slot in 0..<slots {
                    let row = rows[word, slot..<slot + 1]
                    let step = g[word, slot..<slot + 1].unsqueezed(axis: 1)
                    error += output.gathered(row) * step
                    output = output.scatterAdded(v * step, at: row)
                }
                input = input.scatterAdded(error, at: center)
            }
        }
        return [input, output]
    }
}
