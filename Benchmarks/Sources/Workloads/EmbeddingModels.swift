import Foundation
import Hillock

/// T14, T17, T18: models that are mostly tables.
extension Workloads {
    static var embeddingModels: [Entry] { [("T14", skipGram), ("T17", neuralCollaborativeFiltering), ("T18", deepFM)] }

    /// Words with probability proportional to 1 / (rank + 1), drawn by inverse distribution function; a step is ten lines of 1000 words.
    private static func skipGram() -> Workload {
        let (vocabulary, lineCount) = (50_000, 10)
        var cumulative: [Double] = []
        var sum = 0.0
        for rank in 0..<vocabulary {
            sum += 1 / Double(rank + 1)
            cumulative.append(sum)
        }
        for rank in cumulative.indices { cumulative[rank] /= sum }
        let words = PortableRandom(stream: 1).uniform([1_000_000]).elements(as: Float.self).map { draw in
            Int32(min(cumulative.lowerBound(Double(draw)), vocabulary - 1))
        }
        var counts = [Int](repeating: 0, count: vocabulary)
        for word in words { counts[Int(word)] += 1 }
        let model = SkipGram(counts: counts, dimensions: 100)
        let texts = (0..<100).map { Tensor(Array(words[$0 * 10_000..<($0 + 1) * 10_000]), shape: [lineCount, 1000]) }
        var position = 0
        var workload = Workload {
            try model.train(on: texts[position], learningRate: 0.025)
            position = (position + 1) % texts.count
            return Tensor(0)
        }
        workload.samples = 10_000
        workload.unit = "words"
        return workload
    }

    private static func neuralCollaborativeFiltering() -> Workload {
        let model = NCF()
        PortableRandom.initialize(model)
        let users = PortableRandom(stream: 1).integers([4096], high: 6040)
        let items = PortableRandom(stream: 2).integers([4096], high: 3706)
        let labels = PortableRandom(stream: 3).integers([4096], high: 2).converted(to: .float32)
        evaluate(labels)
        return .training(Adam(model, learningRate: 1e-3), samples: 4096) { binaryCrossEntropy(logits: model(users, items), labels) }
    }

    private static func deepFM() -> Workload {
        let model = DeepFM()
        PortableRandom.initialize(model)
        let fields = Tensor((0..<26).map { Int64($0 * 10_000) }, shape: [1, 26])
        let categories = PortableRandom(stream: 1).integers([2048, 26], high: 10_000) + fields
        let numbers = PortableRandom(stream: 2).normal([2048, 13])
        let labels = PortableRandom(stream: 3).integers([2048], high: 2).converted(to: .float32)
        evaluate(categories, labels)
        return .training(Adam(model, learningRate: 1e-3), samples: 2048) {
            binaryCrossEntropy(logits: model(categories, numbers), labels)
        }
    }
}

/// Neural collaborative filtering (He et al. 2017): users and items looked up, concatenated, and scored by a perceptron.
private struct NCF: Module {
    let user = Embedding(6040, 32)
    let item = Embedding(3706, 32)
    let mlp = Sequential(Linear(64, 64), ReLU(), Linear(64, 32), ReLU(), Linear(32, 16), ReLU(), Linear(16, 1))

    func callAsFunction(_ users: Tensor, _ items: Tensor) -> Tensor {
        mlp(concatenate([user(users), item(items)], axis: 1)).squeezed(axis: 1)
    }
}

/// Factorisation machine beside a perceptron (Guo et al. 2017).
private struct DeepFM: Module {
    let embedding = Embedding(260_000, 16)
    let first = Embedding(260_000, 1)
    let linear = Linear(13, 1)
    let mlp = Sequential(Linear(429, 256), ReLU(), Linear(256, 128), ReLU(), Linear(128, 1))

    func callAsFunction(_ categories: Tensor, _ numbers: Tensor) -> Tensor {
        let e = embedding(categories)  // [B, 26, 16]
        let sum = e.sum(axes: 1)
        let interactions = (sum * sum - (e * e).sum(axes: 1)).sum(axes: 1) * 0.5
        let deep = mlp(concatenate([e.flattened(axes: 1...2), numbers], axis: 1)).squeezed(axis: 1)
        return interactions + deep + first(categories).sum(axes: 1, 2) + linear(numbers).squeezed(axis: 1)
    }
}

extension [Double] {
    /// The first place whose number is not below `value`, in an ascending list.
    fileprivate func lowerBound(_ value: Double) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
