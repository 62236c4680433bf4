import Hillock

/// T16: speech recognition without alignment.
extension Workloads {
    static var speechNetworks: [Entry] { [("T16", speech)] }

    private static func speech() -> Workload {
        let model = SpeechNetwork()
        PortableRandom.initialize(model)
        let x = PortableRandom(stream: 1).normal([8, 1, 80, 300])
        let targets = PortableRandom(stream: 2).integers([8, 30], low: 1, high: 29)
        let (frames, lengths) = (Tensor([Int64](repeating: 150, count: 8)), Tensor([Int64](repeating: 30, count: 8)))
        return .training(Adam(model, learningRate: 1e-3), samples: 8) {
            ctcLoss(model(x), targets, inputLengths: frames, targetLengths: lengths)
        }
    }
}

/// Two convolutions over the spectrogram, three bidirectional recurrent layers, and log-probabilities `[time, batch, symbols]`.
private struct SpeechNetwork: Module {
    let conv = Sequential(
        Conv2d(1, 32, kernel: 3, stride: 2, padding: 1), ReLU(), Conv2d(32, 32, kernel: 3, stride: [2, 1], padding: 1), ReLU())
    let rnn = GRU(640, 256, layers: 3, bidirectional: true)
    let head = Linear(512, 29)

    func callAsFunction(_ x: Tensor) -> Tensor {
        let frames = conv(x).transposed([0, 3, 1, 2]).flattened(axes: 2...3)  // [B, 150, 32 · 20]
        return logSoftmax(head(rnn(frames))).transposed([1, 0, 2])
    }
}
