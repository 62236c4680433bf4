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

    /// The program after a pass: on the reference engine, and on this one, it gives what the program before gave on the reference engine.
    private func check(_ pass: any Pass, _ outputs: Tensor...) throws -> Program {
        let run = try RecordedRun(of: outputs)
        let after = pass.run(run.program)
        #expect(Verifier.fault(in: after) == nil, "\(after)")
        for engine in [ReferenceEngine(), CPUEngine()] as [any Engine] {
            let error = try run.error(of: after, on: engine)
            #expect(error < 1e-5, "\(engine.name) is off by \(error):\n\(after)")
        }
        return after
    }

    /// The check sees a program that computes something else.
    @Test func aWrongProgramIsFound() throws {
        let x = known([4, 5], seed: 0)
        let sine = try #require(Program(computing: [sin(x)]).instructions.first).primitive
        let run = try RecordedRun(of: [exp(x)])
        let before = run.program
        let wrong = Program(
            inputs: before.inputs, instructions: before.instructions.map { .init(sine, $0.operands, $0.type) }, outputs: before.outputs)
        for engine in [ReferenceEngine(), CPUEngine()] as [any Engine] {
            #expect(try run.error(of: before, on: engine) < 1e-5)
            #expect(try run.error(of: wrong, on: engine) > 0.1)
        }
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
        let after = try check(FuseElementwise(), y - y.sum(axes: 0, keepingAxes: true))
        #expect(names(after) == ["exp", "reduce", "reshape", "broadcast", "subtract"])
    }

    @Test func reductionsOfNeighboursEndAPass() throws {
        let (a, b) = (known([4, 5], seed: 0), known([4, 5], seed: 1))
        let after = try check(FuseElementwise(), squaredError(a, b), exp(a * b).max(axes: 1))
        #expect(names(after) == ["fusion", "fusion"])
        let fusion = try #require(after.instructions[0].primitive as? Fusion)
        #expect(fusion.program.outputs.map(fusion.program.type(of:)) == [TensorType(.float32, [])])
    }

    // Apart, so that nobody holds the differences: a value that is held is a result.
    private func squaredError(_ a: Tensor, _ b: Tensor) -> Tensor {
        let difference = a - b
        return (difference * difference).sum()
    }

    @Test func whatIsReducedAndReadStays() throws {
        let y = exp(known([4, 5], seed: 0))
        let after = try check(FuseElementwise(), y - y.sum(axes: 1, keepingAxes: true))
        #expect(names(after).filter { $0 != "result" } == ["fusion", "reshape", "broadcast", "subtract"])
    }

    @Test func aReductionOfAPassThatMovesMovesAlong() throws {
        let (a, b) = (known([4, 5], seed: 0), known([4, 5], seed: 1))
        // The group of exp(a) joins that of sin(b) when their results meet, its sum with it.
        let y = exp(a)
        let total = y.sum()
        let after = try check(FuseElementwise(), sin(b) * b + y, total)
        #expect(names(after).filter { $0 != "result" } == ["fusion"])
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

    @Test(arguments: [true, false]) func ofTwoConvolutionsThatAreAddedBothKeepTheirBias(hasBias: Bool) throws {
        let (x, w, short) = (known([2, 3, 6, 6], seed: 0), known([4, 3, 3, 3], seed: 1), known([4, 3, 1, 1], seed: 2))
        let bias = [known([4], seed: 3), known([4], seed: 4)].map { $0.reshaped(to: [4, 1, 1]) }
        func sum(_ main: Tensor, _ shortcut: Tensor) -> Tensor { hasBias ? (main + bias[0]) + (shortcut + bias[1]) : main + shortcut }
        let y = relu(sum(conv2d(x, w, padding: (1, 1)), conv2d(x, short)))
        let after = try check(FusePostOps(), y)
        #expect(names(after) == (hasBias ? ["convolution+", "convolution+"] : ["conv", "convolution+"]), "\(after)")
    }

    @Test func biasAndRectifierJoinTheProduct() throws {
        let (x, w, bias) = (known([5, 3], seed: 0), known([4, 3], seed: 1), known([4], seed: 2))
        let y = relu(matmul(x, w.transposed()) + bias)
        #expect(names(try check(FusePostOps(), y)).contains("matmul+"))
    }

    @Test func theGradientOfARectifierJoinsTheProduct() throws {
        func operations(closesGates: Bool) throws -> [String] {
            let (x, w, dy) = (known([5, 3], seed: 0), known([4, 3], seed: 1), known([5, 4], seed: 2))
            let dx = vectorJacobianProduct(of: [relu(x)], with: [matmul(dy, w)], withRespectTo: [x])
            return names(try check(FusePostOps(closesGates: closesGates), dx[0]))
        }
        let fused = try operations(closesGates: true)
        #expect(fused == ["relu", "matmul+"], "\(fused)")
        #expect(try operations(closesGates: false) == ["relu", "matmul", "reluGradient"])
        // The gate of one row for all is none.
        let x = known([5, 3], seed: 0)
        let program = Program(computing: vectorJacobianProduct(of: [relu(x)], with: [x * 2], withRespectTo: [x]))
        let gradient = try #require(program.instructions.compactMap { $0.primitive as? RectifierGradient }.first)
        let types = [[1, 3], [5, 3]].map { TensorType(.float32, Shape($0)) }
        #expect(throws: ShapeError.self) { try gradient.outputTypes(for: types) }
    }

    @Test(arguments: [false, true]) func aBiasGradientJoinsTheProduct(comesFirst: Bool) throws {
        let pass = FusePostOps(sumsLeft: { _, _ in true })
        // As in a layer of sequences: the sum is over their axes, the product of their rows.
        let (dy, x) = (relu(known([2, 3, 4], seed: 0)), known([6, 5], seed: 1))
        let sum = comesFirst ? dy.sum(axes: 0, 1) : nil
        let weight = matmul(dy.reshaped(to: [6, 4]), x, transposingLeft: true)
        let bias = sum ?? dy.sum(axes: 0, 1)
        let after = try check(pass, weight, bias)
        #expect(names(after).filter { $0 != "reshape" } == ["relu", "matmul+", "result", "result"], "\(after)")
    }

    @Test func aBiasGradientThatIsNoneStays() throws {
        let pass = FusePostOps(sumsLeft: { _, _ in true })
        let (dy, x) = (relu(known([6, 4], seed: 0)), known([6, 4], seed: 1))
        func joins(_ outputs: Tensor...) throws -> Bool {
            let run = try RecordedRun(of: outputs)
            return names(pass.run(run.program)).contains("matmul+")
        }
        let product = matmul(dy, x, transposingLeft: true)
        #expect(try joins(product, dy.sum(axes: 0)))
        // The sum of the other axis, of the other factor, of what is not transposed.
        #expect(try !joins(product, dy.sum(axes: 1)))
        #expect(try !joins(product, x.sum(axes: 0)))
        #expect(try !joins(matmul(dy, x, transposingRight: true), dy.sum(axes: 0)))
        #expect(try !joins(product, dy.reshaped(to: [4, 6]).sum(axes: 1)))
        // The product waits for what is made of the sum.
        let sum = dy.sum(axes: 0)
        #expect(try !names(check(pass, matmul(dy, x * sum, transposingLeft: true), sum)).contains("matmul+"))
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
