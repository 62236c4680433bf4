import Hillock
import HillockCore
import Testing

/// Word vectors learned from a made-up language, on every engine.
@Suite struct SkipGramTests {
    /// Lines in which words of one of four topics of ten words stand together.
    private func lines(_ count: Int, seed: UInt64) -> Tensor {
        let topics = withSeed(seed) { floor(Tensor.uniform([count, 1]) * 4) }
        let words = withSeed(seed + 1) { floor(Tensor.uniform([count, 30]) * 10) }
        let lines = (topics * 10 + words).converted(to: .int32)
        evaluate(lines)
        return lines
    }

    @Test("Words that stand together become alike, others not")
    func learnsTopics() throws {
        let counts = [Int](repeating: 1, count: 40)
        let model = withSeed(5) { SkipGram(counts: counts, dimensions: 8) }
        try withSeed(6) {
            for epoch in 0..<40 { try model.train(on: lines(40, seed: UInt64(10 + 2 * epoch)), learningRate: 0.05) }
        }
        let v = model.input.value
        let unit = v / sqrt((v * v).sum(axes: 1, keepingAxes: true))
        let likeness = matmul(unit, unit.transposed([1, 0])).elements(as: Float.self)
        func mean(_ isWanted: (Int, Int) -> Bool) -> Float {
            let pairs = (0..<40).flatMap { a in (0..<40).filter { a != $0 && isWanted(a, $0) }.map { likeness[a * 40 + $0] } }
            return pairs.reduce(0, +) / Float(pairs.count)
        }
        let (inside, outside) = (mean { $0 / 10 == $1 / 10 }, mean { $0 / 10 != $1 / 10 })
        #expect(inside > outside + 0.5, "likeness within topics \(inside), between \(outside)")
    }

    @Test("The same seed gives the same bits, and the definition gives nearly the same numbers")
    func agreesWithDefinition() throws {
        func trained(_ device: Device) throws -> [Double] {
            try Device.$current.withValue(device) {
                let model = withSeed(1) { SkipGram(counts: [5, 3, 9, 1, 2, 7, 4], dimensions: 5, window: 2, negatives: 3) }
                let text = Tensor([0, 2, 5, 2, 1, 6, 0, 3, 5, 5, 2, 6, 4, 0, 1, 2, 5, -1, -1, -1] as [Int32], shape: [2, 10])
                try withSeed(2) { for _ in 0..<2 { try model.train(on: text, learningRate: 0.3) } }
                return try model.input.value.hostArray().doubles + model.output.value.hostArray().doubles
            }
        }
        let native = try trained(.cpu)
        #expect(try trained(.cpu) == native)
        let definition = try trained(.reference)
        #expect(zip(native, definition).allSatisfy { ($0 - $1).magnitude < 1e-5 })
        #expect(native.contains { $0.magnitude > 0.05 })
    }

    @Test func wordsOutOfRangeAreRefused() throws {
        let model = withSeed(3) { SkipGram(counts: [1, 1, 1], dimensions: 4) }
        let before = try model.input.value.hostArray().doubles
        let error = #expect(throws: ShapeError.self) {
            try model.train(on: Tensor([0, 7, 1] as [Int32], shape: [1, 3]), learningRate: 0.1)
        }
        #expect(error?.description == "[SkipGram] lines hold word 7, which a vocabulary of 3 does not have")
        #expect(try model.input.value.hostArray().doubles == before, "nothing is lost")
        #expect(throws: Never.self) { try model.train(on: Tensor([0, 2, 1] as [Int32], shape: [1, 3]), learningRate: 0.1) }
    }
}
