import Foundation
import Hillock
import TestFolders
import Testing

private let isThere = (try? Device(named: "xla-cpu:data=4")) != nil

/// Trainers on the devices of a mesh: XLA's plugin for the CPU gives as many as are asked for.
@Suite(.enabled(if: isThere, "needs XLA's plugin for the CPU: hillock devices install xla-cpu"), .serialized)
struct MeshTrainingTests {
    private struct Toy: Layer {
        let hidden = Linear(64, 16)
        let norm = LayerNorm(16)
        let output = Linear(16, 4)
        let dropout = Dropout(0.2)

        func callAsFunction(_ x: Tensor) -> Tensor { output(dropout(relu(norm(hidden(x.flattened(axes: 1...3)))))) }
    }

    private func trainer(_ policy: ShardingPolicy?, epochs: Int, batchSize: Int = 16) -> (trainer: Trainer, model: Toy, optimizer: Adam) {
        let model = withSeed(1) { Toy() }
        if let policy { model.place(on: Mesh(axes: [.init("data", 4)]), policy) }
        let optimizer = Adam(model, learningRate: 1e-2)
        let trainer = Trainer(
            model: model, optimizer: optimizer,
            settings: TrainingSettings(epochs: epochs, batchSize: batchSize, evaluationBatchSize: 8, seed: 1, learningRate: 1e-2))
        return (trainer, model, optimizer)
    }

    private func batches(_ images: LabelledImages) -> ImageBatches { ImageBatches(images, normalization: Normalization(of: images.images)) }

    /// Forty training samples make batches of 16, 16 and 8; the test's 22 of 8, 8 and 6, which four devices cannot share.
    @Test func aTrainerDividesItsBatches() throws {
        let data = try toyData()
        let (single, _, _) = trainer(nil, epochs: 2)
        try single.train(on: batches(data.train), testingOn: batches(data.test))
        for policy in [nil, ShardingPolicy.fullySharded] {
            let (several, model, _) = trainer(policy, epochs: 2)
            try Device.$current.withValue(Device(named: "xla-cpu:data=4")) {
                try several.train(on: batches(data.train), testingOn: batches(data.test))
                let sharding = try model.hidden.weight.value.currentSharding()
                #expect(sharding == (policy == nil ? .replicated : Sharding(axis: 1, by: "data")))
            }
            for (a, b) in zip(several.history.steps.losses, single.history.steps.losses) { #expect(abs(a - b) < 1e-4 * b) }
            #expect(several.history.epochs.map { $0.test["accuracy"] } == single.history.epochs.map { $0.test["accuracy"] })
        }
    }

    @Test func checkpointsAreWholeAndFitAnyMesh() throws {
        let data = try toyData()
        let folder = try TemporaryFolder()
        let path = folder.file("c.safetensors")
        let (whole, _, _) = trainer(nil, epochs: 3)
        try whole.train(on: batches(data.train))

        let (first, _, _) = trainer(.fullySharded, epochs: 2)
        first.checkpoints = CheckpointPolicy(path: path)
        try Device.$current.withValue(Device(named: "xla-cpu:data=4")) { try first.train(on: batches(data.train)) }
        // The rest on other devices, and on the same with the placement that the model has.
        for name in ["cpu", "xla-cpu:data=2", "xla-cpu:data=4"] {
            let (second, model, optimizer) = trainer(.fullySharded, epochs: 3)
            try second.restore(Checkpoint(path: path), path: path)
            try Device.$current.withValue(Device(named: name)) { try second.train(on: batches(data.train)) }
            #expect(second.history.steps.losses.count == 9)
            for (a, b) in zip(second.history.steps.losses, whole.history.steps.losses) { #expect(abs(a - b) < 2e-4 * b, "\(name)") }
            if name == "cpu" { continue }
            let lies = Sharding(axis: 1, by: "data")
            #expect(try model.hidden.weight.value.currentSharding() == lies)
            #expect(try optimizer.state.first { $0.name == "hidden.weight.exp_avg" }?.tensor.currentSharding() == lies)
        }
    }

    @Test func batchesThatCannotBeSharedAreRefused() throws {
        let data = try toyData()
        let (trainer, _, _) = trainer(nil, epochs: 1, batchSize: 10)
        #expect {
            try Device.$current.withValue(Device(named: "xla-cpu:data=4")) { try trainer.train(on: batches(data.train)) }
        } throws: {
            "\($0)" == "batches of 10 samples cannot be divided among the 4 devices along data (mesh data=4): take a multiple of 4"
        }
    }
}
