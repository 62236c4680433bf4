import HillockCore
import Testing

/// What gradients promise beyond single operations, whose rules the table of operations tests.
@Suite struct GradientTests {
    private let x = Tensor([1, 2, 3] as [Double])

    @Test func valueAndGradientOfAPolynomial() {
        let (value, gradient) = valueAndGradient(at: x) { ($0 * $0 * $0).sum() }
        #expect(value.item() == 36)
        #expect(gradient.elements(as: Double.self) == [3, 12, 27])
    }

    @Test func gradientsOfGradients() {
        func cube(_ x: Tensor) -> Tensor { (x * x * x).sum() }
        let second = gradient(at: x) { gradient(at: $0, of: cube).sum() }
        #expect(second.elements(as: Double.self) == [6, 12, 18])
        let third = gradient(at: x) { gradient(at: $0) { gradient(at: $0, of: cube).sum() }.sum() }
        #expect(third.elements(as: Double.self) == [6, 6, 6])
    }

    @Test func gradientOfAGradientsNorm() {
        // ∇ ½‖∇f‖² = H·∇f with f = Σ x³: 6x · 3x².
        let result = gradient(at: x) { x in
            let g = gradient(at: x) { ($0 * $0 * $0).sum() }
            return (g * g).sum() * 0.5
        }
        #expect(result.elements(as: Double.self) == [18, 144, 486])
    }

    @Test func tapeSurvivesEvaluationInside() {
        let (value, gradient) = valueAndGradient(at: x) { x in
            let y = x * x
            // Reading a value inside the function must not cut the way back.
            let largest = y.max().item()
            #expect(largest == 9)
            #expect("\(y)" == "[1. 4. 9.]")
            let z = y * x
            evaluate(z)
            return z.sum()
        }
        #expect(value.item() == 36)
        #expect(gradient.elements(as: Double.self) == [3, 12, 27])
    }

    @Test func tapeSurvivesEvaluationInsideOfBoth() {
        let second = gradient(at: x) { x in
            let g = gradient(at: x) { x in
                let y = x * x * x
                evaluate(y)
                return y.sum()
            }
            evaluate(g)
            return g.sum()
        }
        #expect(second.elements(as: Double.self) == [6, 12, 18])
    }

    @Test func evaluationBranchesAreFollowed() {
        func f(_ x: Tensor) -> Tensor { x.sum().item() > 0 ? (x * 2).sum() : (x * 3).sum() }
        #expect(gradient(at: x, of: f).elements(as: Double.self) == [2, 2, 2])
        #expect(gradient(at: -x, of: f).elements(as: Double.self) == [3, 3, 3])
    }

    @Test func unusedInputsHaveZeroGradients() {
        let unused = Tensor([[1, 2]] as [[Float]])
        let (_, gradients) = valueAndGradients(at: [x, unused]) { ($0[0] * 2).sum() }
        #expect(gradients[0].elements(as: Double.self) == [2, 2, 2])
        #expect(gradients[1].type == unused.type)
        #expect(gradients[1].elements(as: Float.self) == [0, 0])
    }

    @Test func constantFunctionsHaveZeroGradients() {
        #expect(gradient(at: x) { _ in Tensor(5, dtype: .float64) }.elements(as: Double.self) == [0, 0, 0])
    }

    @Test func wholeNumbersHaveZeroGradients() {
        let indices = Tensor([0, 1] as [Int32])
        let result = gradient(at: indices) { $0.converted(to: .float32).sum() }
        #expect(result.elements(as: Int32.self) == [0, 0])
    }

    @Test func stoppedGradientsAreConstants() {
        let result = gradient(at: x) { x in (x * x.stoppingGradient()).sum() }
        #expect(result.elements(as: Double.self) == [1, 2, 3])
        #expect(gradient(at: x) { $0.stoppingGradient().sum() }.elements(as: Double.self) == [0, 0, 0])
    }

    @Test func theSameTensorTwiceIsTwoInputs() {
        let (_, gradients) = valueAndGradients(at: [x, x]) { ($0[0] * $0[1] * $0[1]).sum() }
        #expect(gradients[0].elements(as: Double.self) == [1, 4, 9])
        #expect(gradients[1].elements(as: Double.self) == [2, 8, 18])
    }

    @Test func capturedTensorsAreConstants() {
        let c = x * 2
        #expect(gradient(at: x) { ($0 * c).sum() }.elements(as: Double.self) == [2, 4, 6])
        #expect(gradient(at: x) { _ in (c * c).sum() }.elements(as: Double.self) == [0, 0, 0])
    }

    @Test func usesAddUp() {
        let result = gradient(at: x) { x in x.sum() + (x * x).sum() + (x * 3).sum() }
        #expect(result.elements(as: Double.self) == [6, 8, 10])
    }

    @Test func theValueMayBeTheInput() {
        let (value, gradient) = valueAndGradient(at: Tensor(4, dtype: .float64)) { $0 }
        #expect(value.item() == 4)
        #expect(gradient.item() == 1)
    }

    @Test func functionsMayThrow() {
        struct Stop: Error {}
        #expect(throws: Stop.self) { try gradient(at: x) { _ in throw Stop() } }
        // What comes after is not part of the tape.
        CountingEngine.use { engine in
            let y = x * 2
            evaluate(y)
            evaluate(y + 1)
            #expect(engine.ran.map(\.operations) == [["broadcast", "multiply"], ["broadcast", "add"]])
        }
    }

    @Test func gradientsStayLazy() {
        CountingEngine.use { engine in
            let (value, gradient) = valueAndGradient(at: x) { exp($0).sum() }
            #expect(engine.ran.isEmpty)
            evaluate(value, gradient)
            #expect(engine.ran.count == 1)
            #expect(engine.ran[0].operations.filter { $0 == "exp" }.count == 1)
        }
    }
}
