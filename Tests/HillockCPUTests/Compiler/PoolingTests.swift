import HillockCPU
import HillockCore
import Testing

/// Pooling behind a convolution, whose channels lie in blocks: values, gradients, second derivatives, and the pass that lets the gradient look
/// through a rectifier.
@Suite("Pooling behind a convolution")
struct PoolingTests {
    private func known(_ shape: Shape, seed: Double) -> Tensor {
        let x = sin(Tensor.arange(to: Double(shape.count)) * 0.7 + seed).reshaped(to: shape)
        evaluate(x)
        return x
    }

    /// A way to pool.
    enum Pooling: String, CaseIterable, Sendable {
        case two, three, padded, uneven, apart, large, average, averagePadded, averageInside, adaptive, rectifiedAfter, both

        func callAsFunction(_ x: Tensor) -> Tensor {
            switch self {
            case .two: maxPool2d(relu(x), kernel: (2, 2))
            case .three: maxPool2d(relu(x), kernel: (3, 3), stride: (2, 2))
            case .padded: maxPool2d(relu(x), kernel: (3, 3), stride: (2, 2), padding: (1, 1))
            case .uneven: maxPool2d(x, kernel: (2, 3), stride: (1, 2), padding: (1, 1))
            case .apart: maxPool2d(x, kernel: (2, 2), stride: (3, 3))
            // More places than a byte tells apart.
            case .large: maxPool2d(relu(x), kernel: (12, 11), padding: (2, 3))
            case .average: avgPool2d(relu(x), kernel: (2, 2))
            case .averagePadded: avgPool2d(x, kernel: (3, 3), stride: (2, 2), padding: (1, 1))
            case .averageInside: avgPool2d(x, kernel: (3, 3), stride: (1, 1), padding: (1, 1), countsPadding: false)
            case .adaptive: adaptiveAvgPool2d(x, to: (5, 2))
            case .rectifiedAfter: relu(maxPool2d(x, kernel: (2, 2)))
            // Two poolings of the same values.
            case .both: maxPool2d(relu(x), kernel: (2, 2)) + maxPool2d(relu(x), kernel: (3, 3), stride: (2, 2), padding: (1, 1))
            }
        }
    }

    /// Loss and gradients of convolution, pooling, convolution; with `isTwice` those of the gradient's square.
    private func run(_ pooling: Pooling, channels: Int, isTwice: Bool = false) throws -> [[Double]] {
        let x = known([2, 16, 12, 14], seed: 0.2)
        let parameters = [known([channels, 16, 3, 3], seed: 1) * 0.3, known([channels, channels, 1, 1], seed: 4) * 0.2]
        func loss(_ p: [Tensor]) -> Tensor {
            let y = conv2d(pooling(conv2d(x, p[0])), p[1])
            return (y * sin(y)).mean()
        }
        let (value, gradients) = valueAndGradients(at: parameters) { p in
            isTwice ? valueAndGradients(at: p, of: loss).gradients.map { ($0 * $0).sum() }.reduce(loss(p), +) : loss(p)
        }
        evaluate(gradients + [value])
        return try (gradients + [value]).map { try $0.hostArray().doubles }
    }

    private func expectSame(_ got: [[Double]], _ expected: [[Double]], _ what: String) {
        for (k, (a, b)) in zip(got, expected).enumerated() {
            let scale = b.reduce(1e-3) { Swift.max($0, abs($1)) }
            let error = zip(a, b).map { abs($0 - $1) }.max() ?? 0
            #expect(error < 5e-5 * scale, "\(what): part \(k) is off by \(error) of \(scale)")
        }
    }

    @Test(arguments: Pooling.allCases, [3, 8, 16, 48])
    func valuesAndGradientsAreTheReferences(_ pooling: Pooling, _ channels: Int) throws {
        let expected = try Device.$current.withValue(.reference) { try run(pooling, channels: channels) }
        expectSame(try run(pooling, channels: channels), expected, "\(pooling), \(channels) channels")
        let apart = try PassSelection.$current.withValue(PassSelection("-pooling")) { try run(pooling, channels: channels) }
        expectSame(apart, expected, "\(pooling), \(channels) channels, without the pass")
    }

    @Test(arguments: Pooling.allCases) func secondDerivativesAreTheReferences(_ pooling: Pooling) throws {
        let expected = try Device.$current.withValue(.reference) { try run(pooling, channels: 16, isTwice: true) }
        expectSame(try run(pooling, channels: 16, isTwice: true), expected, "\(pooling)")
    }

    /// Both poolings and their gradients take channels in blocks as the convolution left them.
    @Test func theyWorkInBlocks() throws {
        let (x, w) = (known([2, 16, 12, 14], seed: 0), [known([32, 16, 3, 3], seed: 1), known([32, 32, 3, 3], seed: 2)])
        for pooling in [Pooling.two, .padded, .average, .averagePadded] {
            let gradients = valueAndGradients(at: w) { w in
                let y = conv2d(pooling(conv2d(x, w[0])), w[1])
                return (y * y).sum()
            }.gradients
            let plan = try PassSelection.$current.withValue(PassSelection("")) {
                try CPUEngine().plan(Program(computing: gradients)).explanation
            }
            let lines = plan.split(separator: "\n").filter { $0.contains(" pool ") }
            #expect(lines.count == 2 && lines.allSatisfy { $0.contains("nChw") && !$0.contains("ref") }, "\(pooling): \(plan)")
        }
    }

    /// The gradient alone, of a program that wants no pooled values.
    @Test(arguments: [Pooling.two, .three, .padded]) func theGradientAlone(_ pooling: Pooling) throws {
        func run() throws -> [Double] {
            let (x, w) = (known([2, 16, 12, 14], seed: 0), known([32, 16, 3, 3], seed: 1) * 0.3)
            return try valueAndGradients(at: [w]) { pooling(conv2d(x, $0[0])).sum() }.gradients[0].hostArray().doubles
        }
        expectSame([try run()], [try Device.$current.withValue(.reference) { try run() }], "\(pooling)")
    }

    /// Not a number wins, and is let through.
    @Test func notANumber() throws {
        func run() throws -> [[Double]] {
            let x = known([1, 1, 6, 6], seed: 0)
            let hole = `where`(x .> 0.95, Tensor.zerosLike(x) / 0.0, x)
            // A rectifier of its own: not every convolution's lets them through.
            func pooled(_ x: Tensor) -> Tensor { maxPool2d(relu(sin(conv2d(x, Tensor.zeros([16, 1, 1, 1]) + 1))), kernel: (2, 2)) }
            let gradients = valueAndGradients(at: [hole]) { pooled($0[0]).sum() }.gradients
            return try (gradients + [pooled(hole)]).map { try $0.hostArray().doubles }
        }
        let expected = try Device.$current.withValue(.reference) { try run() }
        for (a, b) in zip(try run(), expected) {
            #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 || ($0.isNaN && $1.isNaN) }, "\(a) \(b)")
            #expect(!b.filter(\.isNaN).isEmpty)
        }
    }

    @Test func theGradientLooksThroughTheRectifier() throws {
        let (x, dy) = (known([2, 4, 6, 6], seed: 0), known([2, 4, 3, 3], seed: 1))
        func gradients(_ body: @escaping (Tensor) -> Tensor) -> [Tensor] {
            valueAndGradients(at: [x]) { v in (body(v[0]) * dy).sum() }.gradients
        }
        func names(_ outputs: [Tensor]) throws -> [String] {
            let run = try RecordedRun(of: outputs)
            let after = FusePooling().run(run.program)
            #expect(Verifier.fault(in: after) == nil)
            #expect(try run.error(of: after, on: CPUEngine()) < 1e-6)
            return after.instructions.map { type(of: $0.primitive).name }
        }
        let fused = try names(gradients { maxPool2d(relu($0), kernel: (2, 2)) })
        #expect(fused.contains("maxpool2d_scatter+") && !fused.contains("select") && !fused.contains("compare"))
        // What the rectifier gave is wanted beside: two gradients are added before it.
        let added = try names(
            gradients { v in
                let y = relu(v)
                return maxPool2d(y, kernel: (2, 2)) + avgPool2d(y, kernel: (2, 2))
            })
        #expect(!added.contains("maxpool2d_scatter+"))
        // No rectifier, or one of another sign.
        #expect(try !names(gradients { maxPool2d($0 * 2, kernel: (2, 2)) }).contains("maxpool2d_scatter+"))
        #expect(try !names(gradients { maxPool2d(-relu($0), kernel: (2, 2)) }).contains("maxpool2d_scatter+"))
    }
}
