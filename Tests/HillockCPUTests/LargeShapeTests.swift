import HillockCore
import Testing

/// The native engine against the definitions, on shapes large enough for threads, tiles and leftovers of vectors.
@Suite struct LargeShapeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Size of the numbers that results can cancel from.
        let scale: Double
        let inputs: [Shape]
        let apply: @Sendable ([Tensor]) -> Tensor

        init(_ name: String, scale: Double = 1, _ inputs: Shape..., apply: @escaping @Sendable ([Tensor]) -> Tensor) {
            testDescription = name
            self.scale = scale
            self.inputs = inputs
            self.apply = apply
        }
    }

    static let cases = [
        Case("chain", [70_001], [70_001]) { tanh($0[0] * 1.5 + $0[1]) * exp(-($0[1] * $0[1])) - abs($0[0]) },
        Case("chainOfBroadcasts", [129, 257], [257], [129, 1]) { sigmoid($0[0] * $0[1] + $0[2]) },
        Case("where", [301, 67], [301, 67]) { `where`($0[0] .> $0[1], $0[0], $0[1] * 0.5) },
        Case("sumAll", scale: 100, [257, 263]) { $0[0].sum() },
        Case("sumRows", scale: 20, [257, 263]) { $0[0].sum(axes: 1) },
        Case("sumColumns", scale: 20, [257, 263]) { $0[0].sum(axes: 0) },
        Case("sumMiddle", scale: 20, [17, 129, 33]) { $0[0].sum(axes: 1) },
        Case("sumOuter", scale: 30, [17, 129, 33]) { $0[0].sum(axes: 0, 2) },
        Case("meanOfSquares", scale: 2, [300, 301]) { ($0[0] * $0[0]).mean(axes: 0) },
        Case("max", [257, 263]) { $0[0].max(axes: 1) },
        Case("argmax", [257, 263]) { $0[0].argmax(axis: 0) },
        Case("softmax", [129, 257]) { softmax($0[0] * 3) },
        Case("logSoftmaxColumns", scale: 10, [129, 257]) { logSoftmax($0[0], axis: 0) },
        Case("layerNorm", scale: 4, [65, 301], [301], [301]) { layerNorm($0[0], scale: $0[1], bias: $0[2]) },
        Case("batchNorm", scale: 20, [5, 33, 17, 19], [33], [33]) { batchNorm($0[0], scale: $0[1], bias: $0[2]).output },
        Case("batchNormStatistics", scale: 4, [5, 33, 17, 19]) {
            let y = batchNorm($0[0], scale: nil, bias: nil)
            return (y.output * y.output).mean(axes: 0, 2, 3) + y.mean * y.variance
        },
        Case("batchNormRows", scale: 20, [700, 83], [83], [83]) { relu(batchNorm($0[0], scale: $0[1], bias: $0[2]).output) },
        Case("groupNorm", scale: 20, [3, 12, 21, 35], [12], [12]) { groupNorm($0[0], groups: 3, scale: $0[1], bias: $0[2]) },
        Case("instanceNorm", scale: 20, [2, 5, 70, 71], [5], [5]) { instanceNorm($0[0], scale: $0[1], bias: $0[2]) },
        Case("softmaxOfMany", scale: 2, [7, 3, 4001]) { softmax($0[0]) },
        Case("matmul", scale: 20, [65, 129], [129, 67]) { matmul($0[0], $0[1]) },
        Case("matmulTransposed", scale: 20, [129, 65], [67, 129]) { matmul($0[0], $0[1], transposingLeft: true, transposingRight: true) },
        Case("matmulBatch", scale: 20, [5, 33, 65], [5, 65, 17]) { matmul($0[0], $0[1]) },
        Case("matmulBias", scale: 20, [64, 129], [67, 129], [67]) { relu(matmul($0[0], $0[1], transposingRight: true) + $0[2]) },
        Case("attention", scale: 4, [2, 3, 65, 20], [2, 3, 130, 20], [2, 3, 130, 33]) { scaledDotProductAttention($0[0], $0[1], $0[2]) },
        Case("attentionCausalWithMask", scale: 4, [1, 9, 40, 16], [1, 9, 50, 16], [1, 9, 50, 16], [9, 1, 50]) {
            scaledDotProductAttention($0[0], $0[1], $0[2], mask: $0[3], isCausal: true)
        },
        Case("attentionOfOneQuery", scale: 4, [3, 2, 1, 24], [3, 2, 600, 24], [3, 2, 600, 16], [3, 1, 1, 600]) {
            scaledDotProductAttention($0[0], $0[1], $0[2], mask: $0[3] .> 0)
        },
        Case("attentionOfViews", scale: 4, [2, 35, 4, 16], [2, 67, 2, 4, 16]) {
            let keys = $0[1].transposed([2, 0, 3, 1, 4])
            let o = scaledDotProductAttention($0[0].transposed([0, 2, 1, 3]), keys[0], keys[1])
            return o.transposed([0, 2, 1, 3]).reshaped(to: [2, 35, 64])
        },
        Case("attentionOfTransposedColumns", scale: 4, [2, 2, 16, 35], [2, 2, 35, 16]) {
            let q = $0[0].transposed([0, 1, 3, 2])
            let o = scaledDotProductAttention(q, $0[1], $0[1])
            return o.transposed([0, 2, 1, 3]).reshaped(to: [2, 35, 32]) + o.sum(axes: 1, 3).unsqueezed(axis: 2)
        },
        Case("selfAttention", scale: 4, [2, 67, 3 * 4 * 24]) { Tensor.composite(SelfAttention(heads: 4, isCausal: false), [$0[0]])[0] },
        Case("selfAttentionCausalWithMask", scale: 4, [5, 40, 3 * 2 * 32], [40, 40]) {
            Tensor.composite(SelfAttention(heads: 2, isCausal: true), $0)[0]
        },
        Case("permutation", [33, 65, 17]) { $0[0].transposed([2, 0, 1]) },
        Case("slice", [257, 263]) { $0[0][TensorIndex.every(-2), TensorIndex.range(from: 3, to: 250, step: 3)] },
        Case("pad", [129, 131]) { $0[0].padded([(3, 5), (0, 7)], value: 2) },
        Case("concatenate", [65, 129], [65, 3], [65, 70]) { concatenate($0, axis: 1) },
        Case("gather", [100, 33]) { $0[0].gathered(Tensor((0..<1000).map { $0 * 37 % 100 })) },
        Case("scatterAdded", scale: 20, [100, 33], [1000, 33]) { $0[0].scatterAdded($0[1], at: Tensor((0..<1000).map { $0 * 37 % 100 })) },
        Case("conv3x3", scale: 10, [2, 16, 17, 19], [24, 16, 3, 3], [24]) { conv2d($0[0], $0[1], bias: $0[2], padding: (1, 1)) },
        Case("convStride", scale: 10, [2, 3, 33, 31], [17, 3, 5, 5]) { conv2d($0[0], $0[1], stride: (2, 2), padding: (2, 2)) },
        Case("convWinograd", scale: 250, [3, 32, 17, 19], [32, 32, 3, 3], [32]) {
            relu(conv2d($0[0], $0[1], bias: $0[2], padding: (1, 1)))
        },
        Case("convWinogradManyOutputs", scale: 250, [4, 16, 9, 9], [256, 16, 3, 3]) { conv2d($0[0], $0[1]) },
        Case("convWinograd5x5", scale: 250, [2, 16, 15, 14], [32, 16, 5, 5], [32]) { conv2d($0[0], $0[1], bias: $0[2], padding: (2, 2)) },
        Case("convWinogradStride", scale: 250, [3, 32, 22, 22], [32, 32, 4, 4]) {
            conv2d($0[0], $0[1], stride: (2, 2), padding: (1, 1))
        },
        Case("convNarrow", scale: 40, [2, 16, 21, 33], [3, 16, 5, 5], [3]) { conv2d($0[0], $0[1], bias: $0[2], padding: (2, 2)) },
        Case("convNarrowGradient", scale: 20, [2, 3, 32, 30], [16, 3, 4, 4]) { conv2d($0[0], $0[1], stride: (2, 2), padding: (1, 1)) },
        // All that a pixel gives fits a vector: bands of rows, pixels left over, several channels.
        Case("convNarrowGradientOfOneChannel", scale: 20, [2, 1, 39, 37], [32, 1, 3, 3]) {
            conv2d($0[0], $0[1], stride: (2, 2), padding: (1, 1))
        },
        Case("convNarrowGradient4x4", scale: 20, [3, 1, 24, 19], [16, 1, 4, 4]) { conv2d($0[0], $0[1], stride: (2, 2), padding: (1, 1)) },
        Case("convNarrowGradient2x2", scale: 20, [2, 3, 15, 14], [16, 3, 2, 2]) { conv2d($0[0], $0[1], stride: (2, 2)) },
        Case("convNarrowGradientStride3", scale: 20, [2, 1, 40, 31], [16, 1, 4, 4]) {
            conv2d($0[0], $0[1], stride: (3, 3), padding: (2, 2))
        },
        Case("convDepthwise", scale: 5, [2, 33, 17, 17], [33, 1, 3, 3]) { conv2d($0[0], $0[1], padding: (1, 1), groups: 33) },
        Case("maxPool", [4, 17, 33, 35]) { maxPool2d($0[0], kernel: (3, 3), stride: (2, 2), padding: (1, 1)) },
        Case("avgPool", [4, 17, 33, 35]) { avgPool2d($0[0], kernel: (2, 2)) },
    ]

    @Test(arguments: cases) func valuesAreTheDefinitions(large: Case) throws {
        for dtype in [DType.float32, .float64] {
            func run() throws -> HostArray { try large.apply(Self.draw(large.inputs, dtype)).hostArray() }
            let wanted = try Device.$current.withValue(.reference) { try run() }
            let got = try Device.$current.withValue(.cpu) { try run() }
            Closeness(scale: large.scale).expect(got, wanted, "\(large.testDescription) \(dtype)")
        }
    }

    @Test(arguments: cases.filter { $0.testDescription != "argmax" }) func gradientsAreTheDefinitions(large: Case) throws {
        for dtype in [DType.float32, .float64] {
            func run() throws -> [HostArray] {
                let inputs = Self.draw(large.inputs, dtype)
                let gradients = valueAndGradients(at: inputs) { variables in
                    let y = large.apply(variables)
                    return (y * withSeed(99) { Tensor.uniform(y.shape, low: -1, dtype: dtype) }).sum()
                }.gradients
                evaluate(gradients)
                return try gradients.map { try $0.hostArray() }
            }
            let wanted = try Device.$current.withValue(.reference) { try run() }
            let got = try Device.$current.withValue(.cpu) { try run() }
            for (position, (got, wanted)) in zip(got, wanted).enumerated() {
                Closeness(scale: Swift.max(large.scale, 4)).expect(got, wanted, "\(large.testDescription) \(dtype) gradient \(position)")
            }
        }
    }

    /// Uniform numbers, the same bits on every device.
    private static func draw(_ shapes: [Shape], _ dtype: DType) -> [Tensor] {
        withSeed(41) { shapes.map { Tensor.uniform($0, low: -2, high: 2, dtype: dtype) } }
    }
}
