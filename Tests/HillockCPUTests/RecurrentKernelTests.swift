import HillockCPU
import HillockCore
import Testing

/// The kernels of LSTM and GRU against their bodies in f64, on shapes with several blocks of units and of rows.
@Suite(.serialized) struct RecurrentKernelTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let gates: Int
        let batch: Int
        let steps: Int
        let inputs: Int
        let hidden: Int
        var reversed = false
        /// The results that are used.
        var results = [0, 1, 2]
        var testDescription: String {
            "\(gates == 4 ? "lstm" : "gru") \(batch)×\(steps)×\(inputs)→\(hidden)\(reversed ? " reversed" : "") \(results)"
        }

        /// x, weights, biases and states, then one factor for each result.
        func operands(_ dtype: DType) -> [Tensor] {
            let states = gates == 4 ? 2 : 1
            var shapes: [Shape] = [
                [batch, steps, inputs], [gates * hidden, inputs], [gates * hidden, hidden], [gates * hidden], [gates * hidden],
            ]
            shapes += [Shape](repeating: [batch, hidden], count: states)
            shapes += [[batch, steps, hidden]] + [Shape](repeating: [batch, hidden], count: states)
            return withSeed(3) {
                shapes.enumerated().map { position, shape in
                    let scale = position == 1 || position == 2 ? 1 / Double(shape[1]).squareRoot() : 1
                    return (Tensor.normal(shape) * scale).converted(to: dtype)
                }
            }
        }

        func composite() -> any Composite {
            gates == 4 ? LongShortTermMemory(reversed: reversed) : GatedRecurrentUnit(reversed: reversed)
        }

        func apply(_ t: [Tensor]) -> [Tensor] {
            gates == 4
                ? Tensor.composite(LongShortTermMemory(reversed: reversed), t) : Tensor.composite(GatedRecurrentUnit(reversed: reversed), t)
        }

        /// The results, and the gradients of their sum weighted by the factors.
        func run(_ dtype: DType, _ function: ([Tensor]) -> [Tensor]) -> [Tensor] {
            let operands = operands(dtype)
            let (inputs, factors) = (Array(operands.prefix(gates == 4 ? 7 : 6)), Array(operands.dropFirst(gates == 4 ? 7 : 6)))
            var outputs: [Tensor] = []
            let (_, gradients) = valueAndGradients(at: inputs) { inputs in
                outputs = function(inputs)
                return results.filter { $0 < outputs.count }.map { (outputs[$0] * factors[$0]).sum() }.reduce(
                    Tensor(0, dtype: dtype), +)
            }
            return outputs + gradients
        }
    }

    static let cases: [Case] = [4, 3].flatMap { gates in
        [
            Case(gates: gates, batch: 3, steps: 5, inputs: 7, hidden: 33),
            Case(gates: gates, batch: 32, steps: 6, inputs: 20, hidden: 96, reversed: true),
            Case(gates: gates, batch: 50, steps: 3, inputs: 5, hidden: 20, results: [0]),
            Case(gates: gates, batch: 1, steps: 9, inputs: 16, hidden: 128, results: [1]),
            Case(gates: gates, batch: 97, steps: 2, inputs: 3, hidden: 64, results: [0, 1]),
            Case(gates: gates, batch: 2, steps: 1, inputs: 1, hidden: 1),
        ]
    }

    @Test(arguments: cases) func valuesAndGradientsAreTheBodys(_ test: Case) throws {
        let got = test.run(.float32) { test.apply($0) }
        let wanted = test.run(.float64) { test.composite().body($0) }
        evaluate(got)
        for (position, (a, b)) in zip(got, wanted).enumerated() {
            let (values, expected) = (try a.hostArray().doubles, try b.hostArray().doubles)
            let size = expected.map(\.magnitude).max() ?? 0
            let worst = zip(values, expected).map { ($0 - $1).magnitude }.max() ?? 0
            #expect(worst <= 2e-6 * max(size, 1) * Double(test.steps).squareRoot(), "\(position) of \(test): off by \(worst)")
        }
    }

    @Test(arguments: cases) func bitsDoNotDependOnThreads(_ test: Case) throws {
        defer { CPUEngine.setThreads(0) }
        func bits(_ threads: Int) throws -> [[UInt8]] {
            CPUEngine.setThreads(threads)
            return try test.run(.float32) { test.apply($0) }.map { try $0.hostArray().withBytes { Array($0) } }
        }
        let one = try bits(1)
        #expect(try bits(2) == one)
        #expect(try bits(3) == one)
    }

    /// Training runs the forward steps once, and the gradient finds what they recorded.
    @Test func gradientFindsTheRecord() throws {
        for gates in [4, 3] {
            let test = Case(gates: gates, batch: 4, steps: 3, inputs: 5, hidden: 6)
            let inputs = Array(test.operands(.float32).prefix(gates == 4 ? 7 : 6))
            func explained(_ function: @escaping ([Tensor]) -> [Tensor]) throws -> [Substring] {
                let program = Program(computing: function(inputs), from: inputs)
                // Whatever passes the environment switches off.
                return try PassSelection.$current.withValue(PassSelection("")) {
                    try CPUEngine().plan(program).explanation.split(separator: "\n")
                }
            }
            let name = gates == 4 ? "lstm" : "gru"
            let inference = try explained { [test.apply($0)[0]] }
            #expect(inference.count { $0.contains("  \(name) 4×3×6  (") } == 1, "\(inference)")
            #expect(inference.count { $0.contains("recorded") } == 0)
            let training = try explained { x in
                let (value, gradients) = valueAndGradients(at: x) { test.apply($0)[0].sum() }
                return [value] + gradients
            }
            #expect(training.count { $0.contains("  \(name) 4×3×6, recorded") } == 1, "\(training)")
            #expect(training.count { $0.contains("  \(name) 4×3×6 gradient") } == 1)
        }
    }

    /// The record is used up by one gradient; another makes its own.
    @Test func twoGradientsOfOneLayer() throws {
        let test = Case(gates: 3, batch: 4, steps: 3, inputs: 5, hidden: 6)
        func both(_ dtype: DType) -> [Tensor] {
            let inputs = Array(test.operands(dtype).prefix(6))
            let first = valueAndGradients(at: inputs) { (test.apply($0)[0] * 2).sum() }.gradients
            let second = valueAndGradients(at: inputs) { (test.apply($0)[1] * 3).sum() }.gradients
            return first + second
        }
        let (got, wanted) = (both(.float32), both(.float64))
        evaluate(got)
        for (a, b) in zip(got, wanted) {
            let worst = try zip(a.hostArray().doubles, b.hostArray().doubles).map { ($0 - $1).magnitude }.max() ?? 0
            #expect(worst < 2e-5)
        }
    }

    /// A layer inside a larger step: outputs of both directions are joined, so that upstream gradients come as strided parts.
    @Test func bothDirections() throws {
        func run(_ dtype: DType) -> [Tensor] {
            let test = Case(gates: 4, batch: 3, steps: 4, inputs: 5, hidden: 6)
            let inputs = Array(test.operands(dtype).prefix(7))
            let factor = withSeed(5) { Tensor.normal([3, 4, 12]) }.converted(to: dtype)
            return valueAndGradients(at: inputs) { x in
                let forward = Tensor.composite(LongShortTermMemory(), x)[0]
                let backward = Tensor.composite(LongShortTermMemory(reversed: true), x)[0]
                return (concatenate([forward, backward], axis: 2) * factor).sum()
            }.gradients
        }
        for (a, b) in zip(run(.float32), run(.float64)) {
            let worst = try zip(a.hostArray().doubles, b.hostArray().doubles).map { ($0 - $1).magnitude }.max() ?? 0
            #expect(worst < 2e-5)
        }
    }

    @Test func emptySequences() throws {
        for gates in [4, 3] {
            let none = Case(gates: gates, batch: 2, steps: 0, inputs: 3, hidden: 4)
            let results = none.apply(Array(none.operands(.float32).prefix(gates == 4 ? 7 : 6)))
            #expect(results[0].shape == [2, 0, 4])
            #expect(results[0].elements(as: Float.self) == [])
            #expect(results[1].elements(as: Float.self) == none.operands(.float32)[5].elements(as: Float.self))
        }
    }

    @Test func wrongOperandsAreNamed() {
        let x = Tensor.zeros([2, 3, 4])
        func message(_ body: () -> Void) -> String {
            do {
                try Validation.check(body)
                return "none"
            } catch { return "\((error as? ShapeError)?.message ?? "\(error)")" }
        }
        #expect(
            message { _ = lstm(x, inputWeight: .zeros([8, 5]), recurrentWeight: .zeros([8, 2])) }
                == "input [2, 3, 4] has 4 features, weight [8, 5] wants 5")
        #expect(
            message { _ = gru(x, inputWeight: .zeros([6, 4]), recurrentWeight: .zeros([8, 2])) }
                == "recurrent weight is f32[8, 2], expected [3·hidden, hidden]")
        #expect(
            message { _ = gru(x, inputWeight: .zeros([6, 4]), recurrentWeight: .zeros([6, 2]), h0: .zeros([1, 2])) }
                == "h0 is f32[1, 2], input [2, 3, 4] and 2 units want [2, 2]")
        #expect(
            message { _ = gruCell(x, h: .zeros([2, 2]), inputWeight: .zeros([6, 4]), recurrentWeight: .zeros([6, 2])) }
                == "input is f32[2, 3, 4], expected 2 axes: [batch, features]")
    }
}
