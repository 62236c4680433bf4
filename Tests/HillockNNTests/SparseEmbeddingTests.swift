import Hillock
import HillockCore
import Testing

/// Optimizers that change only the rows of a table that a step looked up.
@Suite struct SparseEmbeddingTests {
    private let factors = Tensor([1, 2, 3, -1, 0.5, 1] as [Float], shape: [3, 2])
    private let lookups: [[Int64]] = [[0, 3, 3], [1, 3, 5], [3, 0, 0]]

    private func table(sparse: Bool) -> Embedding {
        let layer = Embedding(6, 2, sparse: sparse)
        layer.weight.value = Tensor((0..<12).map { Float($0) / 10 - 0.5 }, shape: [6, 2])
        evaluate(layer.weight.value)
        return layer
    }

    private func train(_ layer: Embedding, _ optimizer: any Optimizer) {
        for indices in lookups { step(layer, optimizer, indices) }
    }

    private func step(_ layer: Embedding, _ optimizer: any Optimizer, _ indices: [Int64]) {
        let (_, gradients) = valueAndGradient(of: optimizer.parameters) {
            let x = layer(Tensor(indices))
            return (x * x * factors).sum()
        }
        optimizer.update(gradients)
    }

    @Test("Adam on a sparse table is PyTorch's SparseAdam", arguments: [Device.reference, .cpu])
    func sparseAdam(_ device: Device) throws {
        try Device.$current.withValue(device) {
            let layer = table(sparse: true)
            let optimizer = Adam(layer, learningRate: 0.1, beta1: 0.8, beta2: 0.9, epsilon: 1e-3)
            train(layer, optimizer)
            try expect(layer.weight.value, Self.weights)
            try expect(optimizer.state[1].tensor, Self.moments)
        }
    }

    @Test("SGD changes the same rows by the same numbers, sparse or not")
    func sgd() throws {
        let results = try [false, true].map { sparse in
            let layer = table(sparse: sparse)
            train(layer, SGD(layer, learningRate: 0.1))
            return try layer.weight.value.hostArray().doubles
        }
        #expect(results[0] == results[1])
        let definition = try Device.$current.withValue(.reference) {
            let layer = table(sparse: false)
            train(layer, SGD(layer, learningRate: 0.1))
            return try layer.weight.value.hostArray().doubles
        }
        #expect(zip(results[0], definition).allSatisfy { ($0 - $1).magnitude < 1e-6 })
    }

    @Test("Rows that no step has looked up yet are left alone, until they are or their moments come from elsewhere")
    func rest() throws {
        /// Looks up three of the six rows, takes over moments in which others have a past, and goes on.
        func trained(_ device: Device, by makeOptimizer: (Embedding) -> any Optimizer) throws -> [[Double]] {
            try Device.$current.withValue(device) {
                let layer = table(sparse: false)
                let optimizer = makeOptimizer(layer)
                for indices in lookups + [[1, 0, 3]] { step(layer, optimizer, indices) }
                var state = try Dictionary(uniqueKeysWithValues: optimizer.state.map { ($0.name, try $0.tensor.hostArray()) })
                for (name, array) in state where array.shape == [6, 2] {
                    let moved = zip(array.doubles, 0...).map { Float($0 + ($1 == 9 ? 0.5 : 0)) }
                    state[name] = try Tensor(moved, shape: [6, 2]).hostArray()
                }
                try optimizer.restore(state: state)
                for indices in [[0, 1, 1], [2, 0, 2]] as [[Int64]] { step(layer, optimizer, indices) }
                return try [layer.weight.value.hostArray().doubles] + optimizer.state.map { try $0.tensor.hostArray().doubles }
            }
        }
        for makeOptimizer in [
            { Adam($0, learningRate: 0.1, epsilon: 1e-3) }, { SGD($0, learningRate: 0.1, momentum: 0.9) },
        ] as [(Embedding) -> any Optimizer] {
            let (engine, definition) = try (trained(.cpu, by: makeOptimizer), trained(.reference, by: makeOptimizer))
            for (got, wanted) in zip(engine, definition) {
                #expect(zip(got, wanted).allSatisfy { ($0 - $1).magnitude < 2e-6 }, "got \(got), wanted \(wanted)")
            }
        }
    }

    @Test("A large table stays where it is, and what a step does not look up stays what it is")
    func largeTable() throws {
        let layer = Embedding(300_000, 8, sparse: true)
        let head = Linear(8, 2)
        let optimizer = Adam(layer.parameters() + head.parameters(), learningRate: 0.1)
        let before = try layer.weight.value.hostArray().doubles
        let indices = Tensor([299_999, 17, 17, 4] as [Int64])
        for _ in 0..<3 {
            let (_, gradients) = valueAndGradient(of: optimizer.parameters) {
                crossEntropy(head(layer(indices)), Tensor([0, 1, 1, 0] as [Int64]))
            }
            optimizer.update(gradients)
        }
        let after = try layer.weight.value.hostArray().doubles
        let changed = Set(before.indices.filter { before[$0] != after[$0] }.map { $0 / 8 })
        #expect(changed == [4, 17, 299_999])
    }

    private func expect(_ tensor: Tensor, _ wanted: [Double], sourceLocation: Testing.SourceLocation = #_sourceLocation) throws {
        let got = try tensor.hostArray().doubles
        #expect(zip(got, wanted).allSatisfy { ($0 - $1).magnitude < 2e-6 }, "got \(got)", sourceLocation: sourceLocation)
    }

    private static let weights: [Double] = [
        -0.3182542, -0.2434219, -0.2238235, -0.1237234, -0.1, 0.0, -0.0977438, 0.2307919, 0.3, 0.4, 0.4239032, 0.5236232,
    ]
    private static let moments: [Double] = [-0.7204413, -0.256, -0.12, -0.16, 0.0, 0.0, 0.0643799, 0.1567819, 0.0, 0.0, 0.1, 0.24]
}
