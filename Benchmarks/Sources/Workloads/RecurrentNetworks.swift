import Hillock

/// T08, T09, T15, I05: recurrent networks.
extension Workloads {
    static var recurrentNetworks: [Entry] {
        [
            ("T08", { languageModel(RecurrentModel(vocabulary: 10000, 256, LSTM(256, 256)), batch: 32, steps: 35) }),
            ("T09", { languageModel(RecurrentModel(vocabulary: 100, 512, GRU(512, 512, layers: 2)), batch: 32, steps: 64) }),
            ("T15", translation),
            ("I05-b1", { .inference(RecurrentModel(vocabulary: 10000, 256, LSTM(256, 256)), tokens([1, 35], stream: 1, below: 10000)) }),
            ("I05-b32", { .inference(RecurrentModel(vocabulary: 10000, 256, LSTM(256, 256)), tokens([32, 35], stream: 1, below: 10000)) }),
        ]
    }

    private static func tokens(_ shape: Shape, stream: UInt64, below high: Int) -> Tensor {
        let tokens = PortableRandom(stream: stream).integers(shape, high: high)
        evaluate(tokens)
        return tokens
    }

    /// The mean over all positions.
    private static func crossEntropyOfAll(_ logits: Tensor, _ targets: Tensor) -> Tensor {
        crossEntropy(logits.reshaped(to: [targets.count, logits.shape[-1]]), targets.flattened())
    }

    private static func languageModel(_ model: RecurrentModel, batch: Int, steps: Int) -> Workload {
        PortableRandom.initialize(model)
        let vocabulary = model.emb.weight.shape[0]
        let inputs = tokens([batch, steps], stream: 1, below: vocabulary)
        let targets = tokens([batch, steps], stream: 2, below: vocabulary)
        return .training(Adam(model, learningRate: 1e-3), samples: batch * steps, unit: "tokens") {
            crossEntropyOfAll(model(inputs), targets)
        }
    }

    private static func translation() -> Workload {
        let model = Translator(vocabulary: 8000, width: 256)
        PortableRandom.initialize(model)
        let (source, target) = (tokens([32, 20], stream: 1, below: 8000), tokens([32, 20], stream: 2, below: 8000))
        let wanted = tokens([32, 20], stream: 3, below: 8000)
        return .training(Adam(model, learningRate: 1e-3), samples: wanted.count, unit: "tokens") {
            crossEntropyOfAll(model(source, target), wanted)
        }
    }
}

/// Embedding, a recurrent layer, and logits of the next token at every step.
private struct RecurrentModel: Layer {
    let emb: Embedding
    let rnn: any Layer
    let head: Linear

    init(vocabulary: Int, _ width: Int, _ rnn: any Layer) {
        emb = Embedding(vocabulary, width)
        self.rnn = rnn
        head = Linear(width, vocabulary)
    }

    func callAsFunction(_ tokens: Tensor) -> Tensor { head(rnn(emb(tokens))) }
}

/// Sequence to sequence with additive attention (Bahdanau, Cho, Bengio 2015).
private struct Translator: Module {
    let src: Embedding
    let tgt: Embedding
    let enc: GRU
    let dec: GRUCell
    let wq: Linear
    let wk: Linear
    let v: Linear
    let head: Linear

    init(vocabulary: Int, width: Int) {
        src = Embedding(vocabulary, width)
        tgt = Embedding(vocabulary, width)
        enc = GRU(width, width)
        dec = GRUCell(2 * width, width)
        wq = Linear(width, width, bias: false)
        wk = Linear(width, width, bias: false)
        v = Linear(width, 1, bias: false)
        head = Linear(width, vocabulary)
    }

    func callAsFunction(_ source: Tensor, _ target: Tensor) -> Tensor {
        let (encoded, state) = enc(src(source), state: nil)  // [B, S, D]
        let (keys, words) = (wk(encoded), tgt(target))
        var h = state[0]
        let outputs = (0..<target.shape[1]).map { step in
            let weights = softmax(v(tanh(wq(h).unsqueezed(axis: 1) + keys)), axis: 1)  // [B, S, 1]
            let context = (weights * encoded).sum(axes: 1)
            h = dec(concatenate([words[TensorIndex.all, step], context], axis: 1), state: h)
            return h
        }
        return head(stack(outputs, axis: 1))
    }
}
