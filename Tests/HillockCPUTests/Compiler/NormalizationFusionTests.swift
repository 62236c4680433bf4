import HillockCPU
import HillockCore
import Testing

/// Batch normalisation with what follows it, in every layout that convolutions give: passes, values and gradients.
@Suite("Fused normalisation")
struct NormalizationFusionTests {
    private func known(_ shape: Shape, seed: Double) -> Tensor {
        let x = sin(Tensor.arange(to: Double(shape.count)) * 0.7 + seed).reshaped(to: shape)
        evaluate(x)
        return x
    }

    private func names(_ program: Program) -> [String] { program.instructions.map { type(of: $0.primitive).name } }

    /// The program after all passes, whatever the environment switches off.
    private func optimized(_ outputs: [Tensor]) -> Program {
        PassSelection.$current.withValue(PassSelection("")) { CPUEngine.optimized(Program(computing: outputs)) }
    }

    /// A block of a residual network, or a part of it.
    enum Block: String, CaseIterable, Sendable {
        case relu, residual, residualRelu, shortcut, leaky, alone, unscaled, twice, group, instance

        func callAsFunction(_ x: Tensor, _ w: [Tensor]) -> Tensor {
            func norm(_ x: Tensor) -> Tensor { batchNorm(x, scale: w[0], bias: w[1]).output }
            switch self {
            case .relu: return HillockCore.relu(norm(x))
            case .residual: return norm(x) + x * 2
            case .residualRelu: return HillockCore.relu(norm(x) + x * 2)
            case .shortcut: return HillockCore.relu(norm(x) + norm(x * x))
            case .leaky: return leakyReLU(norm(x), slope: 0.2)
            case .alone: return norm(x)
            case .unscaled: return HillockCore.relu(x + batchNorm(x, scale: nil, bias: nil).output)
            case .group: return HillockCore.relu(groupNorm(x, groups: x.shape[1] % 4 == 0 ? 4 : 1, scale: w[0], bias: w[1]))
            case .instance: return HillockCore.relu(instanceNorm(x, scale: w[0], bias: w[1])) + x
            case .twice:
                // The normalised value has two users: nothing may be fused away.
                let y = norm(x)
                return HillockCore.relu(y) * y
            }
        }
    }

    /// Convolution, block, convolution: the outer ones choose the layout. Loss and gradients of everything.
    private func run(_ block: Block, channels: Int, batch: Int, size: Int) throws -> [[Double]] {
        let x = known([batch, 3, size, size], seed: 0.2)
        let parameters = [
            known([channels, 3, 3, 3], seed: 1), known([channels], seed: 2) + 1.5, known([channels], seed: 3),
            known([channels, channels, 1, 1], seed: 4) * 0.2,
        ]
        let (value, gradients) = valueAndGradients(at: parameters) { p in
            let y = conv2d(block(conv2d(x, p[0], padding: (1, 1)), [p[1], p[2]]), p[3])
            return (y * sin(y)).mean()
        }
        evaluate(gradients + [value])
        return try (gradients + [value]).map { try $0.hostArray().doubles }
    }

    @Test(arguments: Block.allCases, [(3, 2, 5), (8, 3, 4), (16, 2, 6), (48, 4, 3)])
    func valuesAndGradientsAreTheReferences(_ block: Block, _ sizes: (channels: Int, batch: Int, size: Int)) throws {
        let got = try run(block, channels: sizes.channels, batch: sizes.batch, size: sizes.size)
        let expected = try Device.$current.withValue(.reference) {
            try run(block, channels: sizes.channels, batch: sizes.batch, size: sizes.size)
        }
        for (k, (a, b)) in zip(got, expected).enumerated() {
            let scale = b.reduce(1e-3) { Swift.max($0, abs($1)) }
            let error = zip(a, b).map { abs($0 - $1) }.max() ?? 0
            #expect(error < 5e-5 * scale, "\(block), \(sizes): part \(k) is off by \(error) of \(scale)")
        }
    }

    @Test(arguments: Block.allCases) func withoutThePassItIsTheSame(_ block: Block) throws {
        let fused = try run(block, channels: 16, batch: 2, size: 5)
        let apart = try PassSelection.$current.withValue(PassSelection("-norms")) { try run(block, channels: 16, batch: 2, size: 5) }
        for (a, b) in zip(fused, apart) { #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 * Swift.max(1, abs($1)) }) }
    }

    /// As in use, without gradients: group norms are fused then too.
    @Test(arguments: Block.allCases) func valuesAloneAreTheReferences(_ block: Block) throws {
        func run() throws -> [Double] {
            let x = known([2, 16, 6, 5], seed: 0.2)
            let w = [known([32, 16, 3, 3], seed: 1), known([32], seed: 2) + 1.5, known([32], seed: 3)]
            return try block(conv2d(x, w[0]), Array(w[1...])).hostArray().doubles
        }
        let (got, expected) = (try run(), try Device.$current.withValue(.reference) { try run() })
        #expect(zip(got, expected).allSatisfy { abs($0 - $1) < 1e-4 * Swift.max(1, abs($1)) })
    }

    @Test func residualAndRectifierJoin() {
        let (x, r) = (known([2, 4, 3, 3], seed: 0), known([2, 4, 3, 3], seed: 1))
        let (scale, bias) = (known([4], seed: 2), known([4], seed: 3))
        func optimized(_ output: Tensor) -> [String] { names(self.optimized([output])) }
        #expect(optimized(relu(batchNorm(x, scale: scale, bias: bias).output)) == ["batch_norm+", "result"])
        #expect(optimized(relu(batchNorm(x, scale: scale, bias: bias).output + r)) == ["batch_norm+", "result"])
        #expect(optimized(relu(r + batchNorm(x, scale: nil, bias: nil).output)) == ["batch_norm+", "result"])
        #expect(optimized(relu(instanceNorm(x, scale: scale, bias: bias) + r)) == ["group_norm+"])
        // What is added is known only after the normalised value: made from it, or from its statistics.
        let made = batchNorm(x, scale: scale, bias: bias)
        #expect(!optimized(made.output + exp(made.output)).contains("batch_norm+"))
        let other = batchNorm(x, scale: scale, bias: bias)
        #expect(!optimized(other.output + other.mean.reshaped(to: [4, 1, 1]).broadcast(to: x.shape) * r).contains("batch_norm+"))
        // A vector is no residual.
        #expect(optimized(batchNorm(x, scale: scale, bias: bias).output + bias.reshaped(to: [4, 1, 1])).contains("batch_norm"))
    }

    @Test func theGradientLooksThroughTheRectifier() {
        let (x, r) = (known([2, 4, 3, 3], seed: 0), known([2, 4, 3, 3], seed: 1))
        let gradients = valueAndGradients(at: [x, known([4], seed: 2), known([4], seed: 3), r]) { v in
            let y = relu(batchNorm(v[0], scale: v[1], bias: v[2]).output + v[3])
            return (y * y).sum()
        }.gradients
        let program = optimized(gradients)
        let fused = program.instructions.compactMap { $0.primitive as? FusedBatchNormalizationGradient }
        #expect(fused.count == 1)
        #expect(fused.first?.mask == .output && fused.first?.keepsUpstream == true)
        #expect(!names(program).contains("select"))
        #expect(Verifier.fault(in: program) == nil)

        let plain = valueAndGradients(at: [x, known([4], seed: 2), known([4], seed: 3)]) { v in
            let y = relu(batchNorm(v[0], scale: v[1], bias: v[2]).output)
            return (y * y).sum()
        }.gradients
        let again = optimized(plain).instructions.compactMap { $0.primitive as? FusedBatchNormalizationGradient }
        #expect(again.map(\.mask) == [.again])
    }

    @Test func blockedLayoutsFlowThrough() throws {
        let x = known([2, 16, 8, 8], seed: 0)
        let w = [known([32, 16, 3, 3], seed: 1), known([32], seed: 2), known([32], seed: 3), known([16, 32, 3, 3], seed: 4)]
        let gradients = valueAndGradients(at: w) { w in
            let y = relu(batchNorm(conv2d(x, w[0], padding: (1, 1)), scale: w[1], bias: w[2]).output)
            return conv2d(y, w[3]).sum()
        }.gradients
        let plan = try PassSelection.$current.withValue(PassSelection("")) {
            try CPUEngine().plan(Program(computing: gradients)).explanation
        }
        let lines = plan.split(separator: "\n")
        #expect(lines.contains { $0.contains("batch norm [2, 32, 8, 8] nChw") && $0.contains("relu") }, "\(plan)")
        // Only arguments and results change their layout, nothing of the normalisation's shape.
        #expect(!lines.contains { $0.contains("reorder") && $0.contains("[2, 32, 8, 8]") }, "\(plan)")
    }
}
