import HillockCore
import Testing

/// Mean and centred values of each row: two results.
private struct Centring: Composite {
    static let name = "centring"
    func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        guard inputs[0].shape.rank == 2 else { throw ShapeError(Self.name, "input is \(inputs[0]), expected [rows, columns]") }
        return [TensorType(inputs[0].dtype, [inputs[0].shape[0], 1]), inputs[0]]
    }
    func body(_ inputs: [Tensor]) -> [Tensor] {
        let mean = inputs[0].mean(axes: 1, keepingAxes: true)
        return [mean, inputs[0] - mean]
    }
}

/// x³ with a number of its own.
private struct Cube: Composite {
    static let name = "cube"
    let factor: Double
    func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] { inputs }
    func body(_ inputs: [Tensor]) -> [Tensor] { [inputs[0] * inputs[0] * inputs[0] * factor] }
}

@Suite("Composites")
struct CompositeTests {
    private let x = Tensor([1, 2, 4, 3, 5, 1] as [Double]).reshaped(to: [2, 3])

    @Test func severalResults() {
        let results = Tensor.composite(Centring(), [x])
        #expect(results[0].elements(as: Double.self).map { ($0 * 1e9).rounded() / 1e9 } == [2.333333333, 3])
        #expect(results[1].shape == [2, 3])
        #expect(abs(results[1].sum().item()) < 1e-12)
    }

    @Test func gradientIsTheBodys() {
        func viaComposite(_ x: Tensor) -> Tensor {
            let parts = Tensor.composite(Centring(), [x])
            return (parts[0] * parts[0]).sum() + (parts[1] * parts[1] * parts[1]).sum()
        }
        func direct(_ x: Tensor) -> Tensor {
            let parts = Centring().body([x])
            return (parts[0] * parts[0]).sum() + (parts[1] * parts[1] * parts[1]).sum()
        }
        let difference = abs(gradient(at: x, of: viaComposite) - gradient(at: x, of: direct)).max().item()
        #expect(difference < 1e-13)
    }

    @Test func linearFunctionsAreTheirBody() throws {
        let inputs = [Tensor([[0.5, -1, 2], [1.5, 0.25, -0.75]]), Tensor([[1, 2, -3], [0.5, -0.5, 4]]), Tensor([0.25, -2])]
            .map { $0.converted(to: .float64) }
        let whole = linear(inputs[0], inputs[1], bias: inputs[2])
        #expect(try whole.hostArray().doubles == LinearFunction().body(inputs)[0].hostArray().doubles)
        for position in inputs.indices {
            // Cubes, so that second derivatives are not 0.
            func gradients(_ function: ([Tensor]) -> Tensor) throws -> [Double] {
                func at(_ x: Tensor) -> Tensor {
                    let y = function(inputs.indices.map { $0 == position ? x : inputs[$0] })
                    return (y * y * y).sum()
                }
                let first = gradient(at: inputs[position], of: at)
                let second = gradient(at: inputs[position]) { (gradient(at: $0, of: at) * inputs[position]).sum() }
                return try first.hostArray().doubles + second.hostArray().doubles
            }
            let got = try gradients { linear($0[0], $0[1], bias: $0[2]) }
            let expected = try gradients { LinearFunction().body($0)[0] }
            let largest = zip(got, expected).map { Swift.abs($0 - $1) / Swift.max(1, Swift.abs($1)) }.max()
            #expect(largest! < 1e-12)
        }
    }

    @Test func oneResultAlone() {
        // Only the second result is used: the first has no upstream gradient.
        let got = gradient(at: x) { x in
            let centred = Tensor.composite(Centring(), [x])[1]
            return (centred * centred).sum()
        }
        let expected = gradient(at: x) { x in
            let centred = Centring().body([x])[1]
            return (centred * centred).sum()
        }
        #expect(abs(got - expected).max().item() < 1e-13)
    }

    @Test func secondOrder() {
        let second = gradient(at: x) { x in gradient(at: x) { Tensor.composite(Cube(factor: 2), [$0])[0].sum() }.sum() }
        #expect(second.elements(as: Double.self) == [12, 24, 48, 36, 60, 12])
    }

    @Test func attributesTellPlansApart() {
        #expect(Tensor.composite(Cube(factor: 1), [x])[0].elements(as: Double.self)[1] == 8)
        #expect(Tensor.composite(Cube(factor: 3), [x])[0].elements(as: Double.self)[1] == 24)
    }

    @Test func wrongInputIsRefused() {
        #expect(throws: ShapeError.self) { try Validation.check { _ = Tensor.composite(Centring(), [Tensor.zeros([3])]) } }
    }

    @Test func expansionKeepsWhatTheEngineKnows() {
        let x = Tensor.zeros([2, 3], dtype: .float32)
        let parts = Tensor.composite(Centring(), [x])
        let program = Program(computing: [parts[0] + 1, Tensor.composite(Cube(factor: 1), [parts[1]])[0]], from: [x])
        #expect(Verifier.fault(in: program) == nil)
        let kept = ExpandComposites { composite, _ in composite is Centring }.run(program)
        #expect(kept.instructions.contains { $0.primitive is Centring })
        #expect(!kept.instructions.contains { $0.primitive is Cube })
        #expect(Verifier.fault(in: kept) == nil)
        let none = ExpandComposites.all.run(program)
        #expect(!none.instructions.contains { $0.primitive is any Composite || $0.primitive is CompositeResult })
        #expect(Verifier.fault(in: none) == nil)
    }
}
