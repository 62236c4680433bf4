import Glibc
import HillockCore

/// Word vectors by skip-gram with negative sampling: vectors that predict which words stand near which (Mikolov, Sutskever, Chen, Corrado,
/// Dean, "Distributed representations of words and phrases and their compositionality", 2013).
///
///     let vectors = SkipGram(counts: counts, dimensions: 100)
///     for text in texts { try vectors.train(on: text, learningRate: 0.025) }
///     let vector = vectors.input.value[7]
///
/// Checkpoint names: `input` and `output`, `[words, dimensions]`.
public struct SkipGram: Module {
    /// The words' vectors, `[words, dimensions]`.
    public let input: Parameter
    /// Vectors of the words as something that is predicted, `[words, dimensions]`.
    public let output: Parameter
    /// How far from a word others count as near it.
    public let window: Int
    private let noise: WordNoise

    /// Vectors for as many words as there are counts: uniform within ±½ / dimensions, those of the predicted words zero.
    ///
    /// - Parameters:
    ///   - counts: How often each word comes in the corpus.
    ///   - dimensions: Length of a vector.
    ///   - window: How far from a word others count as near it; for each word a reach from 1 to this is drawn.
    ///   - negatives: Words of noise for each word that was seen.
    ///   - power: Noise comes with probability proportional to the count to this power.
    public init(counts: [Int], dimensions: Int, window: Int = 5, negatives: Int = 5, power: Double = 0.75) {
        if counts.isEmpty || dimensions < 1 || window < 1 || negatives < 0 {
            misuse(
                ShapeError(
                    "SkipGram",
                    "\(counts.count) words, \(dimensions) dimensions, window \(window), \(negatives) negatives: too few of something"))
        }
        let half = 0.5 / Double(max(dimensions, 1))
        input = Parameter(Tensor.uniform([counts.count, dimensions], low: -half, high: half))
        output = Parameter(Tensor.zeros([counts.count, dimensions]))
        self.window = window
        noise = WordNoise(counts: counts, power: power, negatives: negatives)
        evaluate(input.value, output.value)
    }

    /// One pass over lines of words, with new noise: pair by pair in their order, by blocks of a few words.
    ///
    /// - Parameters:
    ///   - lines: `[lines, length]` word numbers, `i32`; negative where a line is shorter. Words of different lines are not near.
    ///   - learningRate: Step size.
    /// - Throws: ``ShapeError`` for a word that the vocabulary does not have, before anything is changed; what the engine throws.
    public func train(on lines: Tensor, learningRate: Double) throws {
        guard lines.rank == 2, lines.dtype == .int32 else {
            misuse(
                ShapeError(
                    "SkipGram", "lines are \(lines.type), expected i32 [lines, length]", hint: "convert them with converted(to: .int32)"))
            return
        }
        let vocabulary = input.shape[0]
        if let word = try (lines.hostArray().elements() as [Int32]).max(), word >= vocabulary {
            throw ShapeError("SkipGram", "lines hold word \(word), which a vocabulary of \(vocabulary) does not have")
        }
        record(lines, learningRate)
        evaluate(input.value, output.value)
    }

    /// Writes the new vectors, lazily; not inlined, so that nobody holds the old ones when the new are computed.
    @inline(never)
    private func record(_ lines: Tensor, _ learningRate: Double) {
        let targets = noise.targets(near(lines))
        let centers = maximum(lines, 0).reshaped(to: [lines.count])
        let tables = Tensor.composite(
            SkipGramStep(period: noise.negatives + 1),
            [input.value, output.value, centers, targets, Tensor(hoisting: .real(learningRate), dtype: .float32)])
        input.value = tables[0]
        output.value = tables[1]
    }

    /// The words within a drawn reach of each word, `[lines, length, 2 · window]`; −1 where there is none.
    private func near(_ lines: Tensor) -> Tensor {
        let (count, length) = (lines.shape[0], lines.shape[1])
        let reach = floor(Tensor.uniform(lines.shape) * Double(window)) + 1
        let nothing = Tensor.full([count, window], -1, dtype: .int32)
        let padded = concatenate([nothing, lines, nothing], axis: 1)
        let none = Tensor.full(lines.shape, -1, dtype: .int32)
        let words = (1...window).flatMap { distance in
            [distance, -distance].map { shift in
                let other = padded[TensorIndex.all, (window + shift)..<(window + shift + length)]
                return `where`((reach .>= Double(distance)) .& (lines .>= 0), other, none)
            }
        }
        return stack(words, axis: 2)
    }
}

/// Words drawn with probability proportional to a power of their counts, by Walker's alias method: one of two words for each number from 0 up
/// to the number of words (Walker 1977; the tables by Vose 1991).
private struct WordNoise: Sendable {
    let negatives: Int
    /// `[words]`: the probability of keeping the word that was drawn first.
    private let threshold: Tensor
    /// `[words]`: the word to take otherwise.
    private let alias: Tensor

    init(counts: [Int], power: Double, negatives: Int) {
        self.negatives = negatives
        let weights = counts.map { pow(Double(max($0, 0)), power) }
        let total = weights.reduce(0, +)
        var shares = weights.map { total > 0 ? $0 / total * Double(counts.count) : 1 }
        var (thresholds, aliases) = ([Float](repeating: 1, count: counts.count), counts.indices.map(Int32.init))
        var (small, large) = (shares.indices.filter { shares[$0] < 1 }, shares.indices.filter { shares[$0] >= 1 })
        while let less = small.popLast(), let more = large.last {
            thresholds[less] = Float(shares[less])
            aliases[less] = Int32(more)
            shares[more] -= 1 - shares[less]
            if shares[more] < 1 {
                large.removeLast()
                small.append(more)
            }
        }
        threshold = Tensor(thresholds, shape: [counts.count])
        alias = Tensor(aliases, shape: [counts.count])
    }

    /// Each word seen, followed by words of noise: `[lines · length, seen · (1 + negatives)]`. Noise that is the word itself is left out.
    func targets(_ seen: Tensor) -> Tensor {
        let shape = Shape(seen.shape.dimensions + [negatives])
        let words = threshold.shape[0]
        let first = minimum(floor(Tensor.uniform(shape) * Double(words)), Double(words - 1)).converted(to: .int32)
        let drawn = `where`(Tensor.uniform(shape) .< threshold.gathered(first), first, alias.gathered(first))
        let wanted = seen.unsqueezed(axis: 3)
        let isNoise = (wanted .>= 0) .& (drawn .!= wanted)
        let noise = `where`(isNoise, drawn, Tensor.full(shape, -1, dtype: .int32))
        let slots = seen.shape[2] * (1 + negatives)
        return concatenate([wanted, noise], axis: 3).reshaped(to: [seen.shape[0] * seen.shape[1], slots])
    }
}
