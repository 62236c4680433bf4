import HillockCore
import HillockNN
import Testing

@Suite struct AttentionLayerTests {
    @Test("Attention with itself by the general call is that of one sequence", arguments: [DType.float32, .float64], [false, true])
    func callsAgree(_ dtype: DType, _ isCausal: Bool) throws {
        let layer = MultiHeadAttention(24, heads: 3, isCausal: isCausal, dtype: dtype)
        let x = Tensor.normal([2, 17, 24], dtype: dtype)
        let hidden = Tensor.uniform([2, 1, 17, 17], dtype: dtype) .> 0.3
        for mask in [nil, hidden] {
            let difference = abs(layer(x, mask: mask) - layer(x, keys: x, values: x, mask: mask)).max().item()
            #expect(difference < (dtype == .float32 ? 1e-5 : 1e-13))
        }
    }

    @Test("Causal attention does not see what comes later")
    func causal() throws {
        let layer = TransformerEncoderLayer(16, heads: 2, feedForward: 32, normalizesFirst: true, isCausal: true)
        let x = Tensor.normal([1, 9, 16])
        let changed = concatenate([x[TensorIndex.all, 0..<5], Tensor.normal([1, 4, 16])], axis: 1)
        let (a, b) = (layer(x), layer(changed))
        #expect(abs(a[TensorIndex.all, 0..<5] - b[TensorIndex.all, 0..<5]).max().item() < 1e-6)
        #expect(abs(a[TensorIndex.all, 5...] - b[TensorIndex.all, 5...]).max().item() > 1e-2)
    }

    @Test("Dropping happens in training only")
    func dropout() throws {
        let layer = MultiHeadAttention(8, heads: 2, dropout: 0.5)
        let x = Tensor.normal([2, 6, 8])
        let (still, again) = (layer(x), layer(x))
        #expect(try bits(still) == bits(again))
        let dropped = withSeed(1) { withTraining { layer(x) } }
        #expect(abs(dropped - still).max().item() > 1e-3)
        #expect(try bits(withSeed(1) { withTraining { layer(x) } }) == bits(dropped))
    }

    @Test("Wrong widths are refused in words")
    func misuse() {
        let layer = MultiHeadAttention(6, heads: 2)
        #expect {
            try layer.validate(inputs: TensorType(.float32, [2, 5, 7]))
        } throws: { "\($0)".hasPrefix("[multiHeadAttention] input [2, 5, 7], expected [batch, length, 6]") }
        #expect {
            try Validation.check { _ = MultiHeadAttention(6, heads: 4) }
        } throws: { "\($0)".hasPrefix("[multiHeadAttention] width 6 cannot be divided into 4 heads") }
    }
}
