import Hillock
import HillockCPU
import HillockCore
import Testing

/// A residual block as residual networks have it.
private struct Block: Layer {
    let first = Conv2d(16, 16, kernel: 3, padding: 1, bias: false)
    let firstNorm = BatchNorm2d(16)
    let second = Conv2d(16, 16, kernel: 3, padding: 1, bias: false)
    let secondNorm = BatchNorm2d(16)

    func callAsFunction(_ x: Tensor) -> Tensor { relu(secondNorm(second(relu(firstNorm(first(x))))) + exp(x * 0.1)) }
}

/// Models that are applied: normalisation is folded into weights, and what depends on weights alone is computed once.
@Suite struct AppliedModelTests {
    private let x = withSeed(3) { Tensor.normal([2, 16, 9, 9]) }

    private func train(_ model: Block, steps: Int) {
        let optimizer = SGD(model, learningRate: 0.05)
        for _ in 0..<steps {
            let (_, gradients) = withTraining { valueAndGradient(of: optimizer.parameters) { (model(x) * model(x)).mean() } }
            optimizer.update(gradients)
        }
    }

    /// The largest difference from the reference engine.
    private func error(_ model: Block) throws -> Double {
        let expected = try Device.$current.withValue(.reference) { try model(x).hostArray().doubles }
        return zip(try model(x).hostArray().doubles, expected).map { abs($0 - $1) }.max() ?? .infinity
    }

    @Test func foldedWeightsFollowTheParameters() throws {
        let model = withSeed(1) { Block() }
        #expect(try error(model) < 1e-4)
        #expect(try error(model) < 1e-4, "from what was kept")
        for _ in 0..<3 {
            // The step may write over the parameters where they lie.
            train(model, steps: 2)
            #expect(try error(model) < 1e-4, "after training")
        }
    }

    @Test func anotherModelIsAnother() throws {
        let models = (0..<2).map { seed in withSeed(UInt64(seed)) { Block() } }
        for model in models + models { #expect(try error(model) < 1e-4) }
    }

    @Test(.enabled(if: PassSelection.current.isWhole, "says what passes do, and some are switched off")) func normalisationDisappears()
        throws
    {
        let model = withSeed(1) { Block() }
        train(model, steps: 1)
        let input = x
        evaluate(input)
        let program = CPUEngine.optimized(Program(computing: [model(input)]))
        let convolutions = program.instructions.filter { "\(type(of: $0.primitive))" == "FusedConvolution" }
        #expect(convolutions.count == 2)
        // What is left on the shape of activations: two convolutions and the residual's own function.
        let large = program.instructions.filter {
            $0.type.shape.dimensions == [2, 16, 9, 9] && !("\(type(of: $0.primitive))" == "Broadcast")
        }
        #expect(large.count == 3, "\(program)")
    }

    /// A residual that is also read by what is computed together with the sum must still be there.
    @Test func aResidualThatIsReadLaterStays() throws {
        let convolution = withSeed(1) { Conv2d(16, 16, kernel: 3, padding: 1) }
        func apply() -> Tensor {
            let residual = sin(x) * 2
            let other = exp(residual.maxPooledBySelf())
            return other * (convolution(x) + residual)
        }
        let expected = try Device.$current.withValue(.reference) { try apply().hostArray().doubles }
        let error = zip(try apply().hostArray().doubles, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(error < 1e-3)
    }

    /// What a convolution reads may also be what is added to its result: then the result cannot take its place.
    @Test func anInputThatIsItsOwnResidual() throws {
        let convolution = withSeed(1) { Conv2d(16, 16, kernel: 3, padding: 1) }
        func apply() -> Tensor {
            let y = maxPool2d(relu(convolution(x)), kernel: (1, 1))
            return maxPool2d(convolution(y) + y, kernel: (1, 1))
        }
        let expected = try Device.$current.withValue(.reference) { try apply().hostArray().doubles }
        for numerics in [Numerics.fast, .strict] {
            let got = try Numerics.$current.withValue(numerics) { try apply().hostArray().doubles }
            let error = zip(got, expected).map { abs($0 - $1) }.max() ?? .infinity
            #expect(error < 1e-3, "\(numerics)")
        }
    }
}

extension Tensor {
    /// The tensor, by an operation that ends a fused group.
    fileprivate func maxPooledBySelf() -> Tensor { maxPool2d(self, kernel: (1, 1)) * 0 + self }
}
