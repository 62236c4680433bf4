import HillockCPU
import HillockCore
import Testing

/// What the engine's passes make of programs, and that it computes the same.
@Suite("Fusion passes")
struct FusionTests {
    private func known(_ shape: Shape, seed: Double) -> Tensor {
        let x = sin(Tensor.arange(to: Double(shape.count)) * 0.7 + seed).reshaped(to: shape)
        evaluate(x)
        return x
    }

    /// The program before and after a pass; both give the same on the reference engine.
    private func check(_ pass: any Pass, _ output: Tensor...) throws -> Program {
        let before = Program(computing: output)
        let after = pass.run(before)
        #expect(Verifier.fault(in: after) == nil, "\(after)")
        let inputs = output.map { $0 }
        let expected = try Device.$current.withValue(.reference) { try inputs.map { try ($0 + 0).hostArray().doubles } }
        let got = try inputs.map { try ($0 + 0).hostArray().doubles }
        for (a, b) in zip(expected, got) { #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 }) }
        return after
    }

    private func names(_ program: Program) -> [String] { program.instructions.map { type(of: $0.primitive).name } }

    @Test func aChainBecomesOnePass() throws {
        let (a, b) = (known([4, 5], seed: 0), known([4, 5], seed: 1))
        let after = try check(FuseElementwise(), exp(a) * b + relu(a - b))
        #expect(names(after) == ["fusion"])
        let fusion = try #require(after.instructions[0].primitive as? Fusion)
        #expect(fusion.program.instructions.count == 5)
        #expect(fusion.program.outputs.count == 1)
    }

    @Test func chainsMeetingLateBecomeOnePass() throws {
        let (a, b) = (known([4, 5], seed: 0), known([4, 5], seed: 1))
        // Both sides are longer than one operation before they meet.
        let after = try check(FuseElementwise(), exp(sin(a)) + tanh(cos(b)))
        #expect(names(after) == ["fusion"])
    }

    @Test func whatIsReadInBetweenEndsAGroup() throws {
        let a = known([4, 5], seed: 0)
        let y = exp(a)
        let after = try check(FuseElementwise(), y - y.sum(axes: 1, keepingAxes: true))
        #expect(names(after) == ["exp", "reduce", "reshape", "broadcast", "subtract"])
    }

    @Test func severalResultsOfOnePass() throws {
        let a = known([3, 3], seed: 2)
        let (y, z) = (exp(a) * 2, sin(a) + 1)
        let after = try check(FuseElementwise(), y * z, y, z)
        #expect(names(after).filter { $0 == "fusion" }.count == 1)
        #expect(names(after).filter { $0 == "result" }.count == 3)
    }

    @Test func randomNumbersAreDrawnWhereTheyAreUsed() throws {
        let a = known([40, 5], seed: 0)
        let y = withSeed(3) { dropout(exp(a), rate: 0.5) }
        let after = try check(FuseElementwise(), y)
        #expect(names(after).last == "fusion" && !names(after).contains("random"), "\(after)")
        let sums = withSeed(3) { Tensor.normal([40, 5]) + a }
        #expect(names(try check(FuseElementwise(), sums)) == ["random", "add"])
    }

    @Test func differentShapesDoNotMix() throws {
        let (a, b) = (known([6], seed: 0), known([2, 3], seed: 1))
        let after = try check(FuseElementwise(), exp(sin(a)), exp(sin(b)))
        #expect(names(after) == ["fusion", "fusion"])
    }

    @Test func biasAndRectifierJoinTheConvolution() throws {
        let (x, w, bias) = (known([2, 3, 6, 6], seed: 0), known([4, 3, 3, 3], seed: 1), known([4], seed: 2))
        let y = relu(conv2d(x, w) + bias.reshaped(to: [4, 1, 1]))
        #expect(names(try check(FusePostOps(), y)) == ["convolution+"])
    }

    @Test func biasAndRectifierJoinTheProduct() throws {
        let (x, w, bias) = (known([5, 3], seed: 0), known([4, 3], seed: 1), known([4], seed: 2))
        let y = relu(matmul(x, w.transposed()) + bias)
        #expect(names(try check(FusePostOps(), y)).contains("matmul+"))
    }

    @Test func aProductThatIsWantedItselfStays() throws {
        let (x, w) = (known([5, 3], seed: 0), known([3, 4], seed: 1))
        let product = matmul(x, w)
        #expect(names(try check(FusePostOps(), relu(product), product)) == ["matmul", "relu"])
    }

    @Test func aRowThatIsNoBiasIsAdded() throws {
        let (x, w, column) = (known([4, 3], seed: 0), known([3, 4], seed: 1), known([4, 1], seed: 2))
        #expect(names(try check(FusePostOps(), matmul(x, w) + column)) == ["matmul", "broadcast", "add"])
    }

    @Test(.enabled(if: PassSelection.current.isWhole, "says what passes do, and some are switched off"))
    func theBiasGradientJoinsTheWeightGradient() throws {
        let (x, w, bias) = (known([2, 3, 6, 6], seed: 0), known([4, 3, 3, 3], seed: 1), known([4], seed: 2))
        let gradients = valueAndGradients(at: [w, bias]) { v in
            let y = conv2d(x, v[0]) + v[1].reshaped(to: [4, 1, 1])
            return (y * y).sum()
        }.gradients
        let after = CPUEngine.optimized(Program(computing: gradients))
        #expect(names(after).contains("convolution_weight_gradient+"))
        #expect(!names(after).contains("reduce"))
    }
}
