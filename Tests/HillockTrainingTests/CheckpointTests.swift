import Foundation
import Hillock
import TestFolders
import Testing

private func sample() -> Checkpoint {
    var history = TrainingHistory()
    history.steps.losses = [0.5, 1.0 / 3, .infinity]
    history.steps.sampleCounts = [4, 4, 2]
    history.steps.sums = ["accuracy": [1, 2, 2]]
    history.epochs = [
        EpochRecord(
            epoch: 1, step: 2, learningRate: 0.1, training: ["loss": 0.4], test: ["loss": .nan], trainingSeconds: 1, testSeconds: 2,
            samplesPerSecond: 3)
    ]
    return Checkpoint(
        settings: [Setting("model", "toy"), Setting("seed", 7)],
        position: .init(
            epoch: 1, step: 1, randomSeed: .max, randomPosition: 12345, seconds: 9.5, epochSeconds: 0.25, dataSeconds: 0.125,
            started: 1_700_000_000.125),
        history: history, model: ["w": HostArray([Float(1), 2])], optimizer: ["w.exp_avg": HostArray([Float(3), 4])])
}

struct CheckpointTests {
    @Test func whatIsWrittenIsRead() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("c.safetensors")
        let saved = sample()
        try saved.write(to: path)
        let read = try Checkpoint(path: path)
        #expect(read.settings == saved.settings)
        #expect(read.position == saved.position)
        #expect(read.history.steps == saved.history.steps)
        #expect(read.history.epochs.count == 1)
        #expect(read.history.epochs[0].test["loss"]!.isNaN)
        #expect(read.model.mapValues(bytes) == saved.model.mapValues(bytes))
        #expect(read.optimizer.mapValues(bytes) == saved.optimizer.mapValues(bytes))
    }

    @Test func otherSettingsAreRefusedByName() throws {
        let saved = sample()
        #expect(failure { try saved.check([Setting("model", "toy"), Setting("seed", 7)], path: "c") } == "(no error)")
        #expect(
            failure { try saved.check([Setting("model", "toy"), Setting("seed", 8)], path: "c") }
                == "c: the run was started with seed 7, not 8; leave the option out, or start a new run")
        #expect(
            failure { try saved.check([Setting("model", "toy"), Setting("seed", 7), Setting("batch", 2)], path: "c") }
                == "c: the run was started with batch none, not 2; leave the option out, or start a new run")
        #expect(
            failure { try saved.check([Setting("seed", 7)], path: "c") }
                == "c: the run was started with model toy, not none; leave the option out, or start a new run")
    }

    @Test func otherFilesAreRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("c.safetensors")
        func message(_ tensors: [String: HostArray], _ metadata: [String: String]) throws -> String {
            try Safetensors.write(tensors, metadata: metadata, to: path)
            return failure { try Checkpoint(path: path) }.replacingOccurrences(of: folder.path + "/", with: "")
        }
        let start = "c.safetensors: not a checkpoint of a training run: "
        #expect(try message([:], [:]) == start + "its metadata has no \"format\"")
        #expect(
            try message([:], ["format": "hillock checkpoint 2"])
                == start + "its format is \"hillock checkpoint 2\", this program reads \"hillock checkpoint 1\"")
        #expect(try message([:], ["format": "hillock checkpoint 1"]) == start + "its metadata has no \"settings\"")
        #expect(
            try message([:], ["format": "hillock checkpoint 1", "settings": "{"]) == start
                + "its metadata \"settings\" is not what it should be")

        try sample().write(to: path)
        let file = try SafetensorsFile(path: path)
        var tensors = try file.arrays()
        tensors["history.samples"] = HostArray([4, 4])
        #expect(try message(tensors, file.metadata) == start + "its history does not fit its position")
        tensors["history.losses"] = HostArray([Float(1)])
        #expect(try message(tensors, file.metadata) == start + "history.losses is f32[1], expected f64[n]")
        tensors["history.losses"] = nil
        #expect(try message(tensors, file.metadata) == start + "it has no history.losses")
    }

    @Test func aCheckpointOfAnotherModelChangesNothing() throws {
        struct Small: Layer {
            let first = Linear(2, 3)
            func callAsFunction(_ x: Tensor) -> Tensor { first(x) }
        }
        let model = withSeed(1) { Small() }
        let trainer = Trainer(
            model: model, optimizer: SGD(model, learningRate: 0.1), settings: TrainingSettings(epochs: 1, batchSize: 1, learningRate: 0.1))
        let before = model.first.weight.value.elements(as: Float.self)
        var checkpoint = try trainer.checkpoint()
        checkpoint.model["first.weight"] = HostArray([Float](repeating: 9, count: 6), shape: [3, 2])
        checkpoint.model["first.bias"] = HostArray([Float](repeating: 9, count: 4))
        #expect(failure { try trainer.restore(checkpoint, path: "c") } == "c: model.first.bias is f32[4], expected f32[3]")
        checkpoint.model["first.bias"] = nil
        #expect(failure { try trainer.restore(checkpoint, path: "c") } == "c: model.first.bias is missing, expected f32[3]")
        #expect(model.first.weight.value.elements(as: Float.self) == before)
    }
}
