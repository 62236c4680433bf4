import Hillock

/// T10, T11, I04: Transformers.
extension Workloads {
    static var transformers: [Entry] {
        [
            ("T10", { .classification(encoder(), tokens(16, vocabulary: 10_000), classes: 10) { Adam($0, learningRate: 1e-3) } }),
            ("T11", { gptTraining(WorkloadSize()) }),
            ("I04-b1", { .inference(encoder(), tokens(1, vocabulary: 10_000)) }),
            ("I04-b32", { .inference(encoder(), tokens(32, vocabulary: 10_000)) }),
        ]
    }

    private static func tokens(_ batch: Int, vocabulary: Int) -> Tensor {
        PortableRandom(stream: 1).integers([batch, 128], high: vocabulary)
    }

    private static func encoder() -> Transformer {
        Transformer(vocabulary: 10_000, layers: 4, width: 256, heads: 8, length: 128, outputs: 10, isCausal: false)
    }

    /// T11, a language model over all positions, of any size.
    static func gptTraining(_ size: WorkloadSize) -> Workload {
        let (batch, length, vocabulary) = (size.batch ?? 8, size.length ?? 128, 65)
        let model = Transformer(
            vocabulary: vocabulary, layers: size.layers ?? 6, width: size.width ?? 384, heads: size.heads ?? 6, length: length,
            outputs: vocabulary, isCausal: true)
        PortableRandom.initialize(model)
        let inputs = PortableRandom(stream: 1).integers([batch, length], high: vocabulary)
        let labels = PortableRandom(stream: 2).integers([batch, length], high: vocabulary)
        var workload = Workload.training(AdamW(model, learningRate: 1e-3), samples: batch * length, unit: "tokens") {
            crossEntropy(model(inputs.divided), labels.divided)
        }
        workload.model = model.contents()
        return workload
    }
}

/// A pre-norm block with its layers in the specification's order.
private struct Block: Layer {
    let ln1: LayerNorm
    let attention: MultiHeadAttention
    let ln2: LayerNorm
    let fc1: Linear
    let fc2: Linear

    init(_ width: Int, heads: Int, isCausal: Bool) {
        ln1 = LayerNorm(width)
        attention = MultiHeadAttention(width, heads: heads, isCausal: isCausal)
        ln2 = LayerNorm(width)
        fc1 = Linear(width, 4 * width)
        fc2 = Linear(4 * width, width)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let y = x + attention(ln1(x))
        return y + fc2(gelu(fc1(ln2(y))))
    }
}

/// Embeddings with learned positions, blocks, a norm, and a dense layer: on every position if causal, else on their mean.
private struct Transformer: Layer {
    let pos: Parameter
    let emb: Embedding
    let blocks: Sequential
    let ln: LayerNorm
    let head: Linear
    let isCausal: Bool

    init(vocabulary: Int, layers: Int, width: Int, heads: Int, length: Int, outputs: Int, isCausal: Bool) {
        pos = Parameter(.zeros([length, width]))
        emb = Embedding(vocabulary, width)
        blocks = Sequential((0..<layers).map { _ in Block(width, heads: heads, isCausal: isCausal) })
        ln = LayerNorm(width)
        head = Linear(width, outputs)
        self.isCausal = isCausal
    }

    func callAsFunction(_ tokens: Tensor) -> Tensor {
        let x = ln(blocks(emb(tokens) + pos.value))
        return head(isCausal ? x : x.mean(axes: 1))
    }
}
