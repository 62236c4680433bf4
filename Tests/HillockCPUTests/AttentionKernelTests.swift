import HillockCPU
import HillockCore
import Testing

/// Attention's kernels within programs, against the body in f64 by the reference engine.
@Suite struct AttentionKernelTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let inputs: [Shape]
        let apply: @Sendable ([Tensor]) -> Tensor
    }

    static let cases = [
        Case(testDescription: "attention with an added mask", inputs: [[2, 2, 9, 8], [2, 2, 11, 8], [2, 2, 11, 8], [2, 1, 11]]) {
            scaledDotProductAttention($0[0], $0[1], $0[2], mask: $0[3])
        },
        Case(testDescription: "causal self-attention", inputs: [[2, 9, 3 * 2 * 8]]) {
            Tensor.composite(SelfAttention(heads: 2, isCausal: true), $0)[0]
        },
        Case(testDescription: "self-attention with a mask", inputs: [[2, 9, 3 * 2 * 8], [9, 9]]) {
            Tensor.composite(SelfAttention(heads: 2, isCausal: false), [$0[0], $0[1] .> 0])[0]
        },
    ]

    private func random(_ shapes: [Shape]) -> [Tensor] {
        // Known to f32 exactly, so that both sides compute with the same numbers.
        let numbers = withSeed(5) { shapes.map { Tensor.normal($0).converted(to: .float64) } }
        evaluate(numbers)
        return numbers
    }

    private func expectClose(_ got: [Tensor], _ wanted: [HostArray], _ what: String) throws {
        for (position, (got, wanted)) in zip(got, wanted).enumerated() {
            let (a, b) = (try got.hostArray().doubles, wanted.doubles)
            let off = zip(a, b).map { ($0 - $1).magnitude }.max() ?? 0
            #expect(a.count == b.count && off <= 1e-5 * Swift.max(1, b.map(\.magnitude).max() ?? 0), "\(what) \(position): off by \(off)")
        }
    }

    @Test("The gradient shares what the forward pass saved, or computes it again", arguments: cases)
    func sharedOrAlone(_ test: Case) throws {
        let numbers = random(test.inputs)
        func run(_ inputs: [Tensor]) -> (o: Tensor, gradients: [Tensor]) {
            var o = Tensor(0)
            let gradients = valueAndGradients(at: inputs) { inputs in
                o = test.apply(inputs)
                return (o * sin(o.stoppingGradient() * 3)).sum()
            }.gradients
            return (o, gradients)
        }
        let wanted = try Device.$current.withValue(.reference) {
            let (o, gradients) = run(numbers)
            return try ([o] + gradients).map { try $0.hostArray() }
        }
        try Device.$current.withValue(.cpu) {
            let inputs = numbers.map { $0.converted(to: .float32) }
            let together = run(inputs)
            evaluate([together.o] + together.gradients)
            try expectClose([together.o] + together.gradients, wanted, "together")
            let apart = run(inputs)
            evaluate(apart.o)
            evaluate(apart.gradients)
            try expectClose([apart.o] + apart.gradients, wanted, "apart")
        }
    }

    @Test("The second derivative is the body's", arguments: cases)
    func secondOrder(_ test: Case) throws {
        let numbers = random(test.inputs)
        func run(_ inputs: [Tensor]) -> [Tensor] {
            valueAndGradients(at: inputs) { inputs in
                let first = valueAndGradients(at: inputs) { inputs in
                    let o = test.apply(inputs)
                    return (o * o).sum()
                }.gradients
                return first.map { ($0 * $0).sum() }.reduce(Tensor(0, dtype: inputs[0].dtype), +)
            }.gradients
        }
        let wanted = try Device.$current.withValue(.reference) { try run(numbers).map { try $0.hostArray() } }
        try Device.$current.withValue(.cpu) { try expectClose(run(numbers.map { $0.converted(to: .float32) }), wanted, "gradient") }
    }

    @Test("Dropping probabilities keeps their mean")
    func dropout() throws {
        let (q, k) = (Tensor.normal([2, 3, 40, 8]), Tensor.normal([2, 3, 50, 8]))
        let o = withSeed(3) { scaledDotProductAttention(q, k, Tensor.ones([2, 3, 50, 4]), dropout: 0.25) }
        // 240 sums of 50 weights, about 15 of them effective: the mean's standard deviation is below 0.01.
        #expect(abs(o.mean().item() - 1) < 0.04)
        #expect(abs(o - 1).max().item() > 0.05)
    }

    @Test("What does not fit is refused in words")
    func misuse() {
        let q = Tensor.zeros([2, 3, 4, 5])
        func message(_ k: Shape, _ v: Shape, mask: Tensor? = nil) -> String {
            do {
                try Validation.check { _ = scaledDotProductAttention(q, Tensor.zeros(k), Tensor.zeros(v), mask: mask) }
                return "accepted"
            } catch { return "\(error)" }
        }
        #expect(message([2, 3, 7, 6], [2, 3, 7, 6]).contains("queries [2, 3, 4, 5] have width 5, keys [2, 3, 7, 6] have 6"))
        #expect(message([2, 3, 7, 5], [2, 3, 8, 5]).contains("there are 7 keys, but 8 values"))
        #expect(message([2, 1, 7, 5], [2, 1, 7, 5]).contains("dtype, batch and heads must be the same"))
        #expect(message([2, 7, 5], [2, 7, 5]).contains("expected [batch, heads, length, width]"))
        #expect(
            message([2, 3, 7, 5], [2, 3, 7, 5], mask: Tensor.zeros([4, 6])).contains("does not broadcast to the scores [2, 3, 4, 7]"))
        #expect(
            message([2, 3, 7, 5], [2, 3, 7, 5], mask: Tensor.zeros([4, 7], dtype: .int64)).contains("expected bool (false hides a key)"))
        #expect(message([2, 3, 7, 5], [2, 3, 7, 9]) == "accepted")
    }
}
