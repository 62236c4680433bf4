import Foundation
import Hillock
import HillockSystems
import Synchronization
import TestFolders
import Testing

/// A small network with dropout, so that the random source matters.
private struct Toy: Layer {
    let hidden = Linear(64, 16)
    let output = Linear(16, 4)
    let dropout = Dropout(0.3)

    func callAsFunction(_ x: Tensor) -> Tensor {
        output(dropout(relu(hidden(x.flattened(axes: 1...3)))))
    }
}

private func toyTrainer(epochs: Int = 3, seed: UInt64 = 1, batchSize: Int = 16, learningRate: Double = 0.01) -> Trainer {
    let model = withSeed(seed) { Toy() }
    let trainer = Trainer(
        model: model, optimizer: Adam(model, learningRate: learningRate),
        settings: TrainingSettings(epochs: epochs, batchSize: batchSize, evaluationBatchSize: 8, seed: seed, learningRate: learningRate),
        schedule: .oneCycle(steps: 3 * epochs))
    trainer.identity = [Setting("model", "toy"), Setting("epochs", epochs), Setting("batch", batchSize), Setting("seed", seed)]
    return trainer
}

private func batches(_ images: LabelledImages) -> ImageBatches {
    ImageBatches(images, normalization: Normalization(of: images.images), maximumShift: 1, seed: 1)
}

/// Stops a run after a number of steps, as a person would.
private final class StopAfter: Callback {
    let steps: Int
    let request: StopRequest
    private var done = 0

    init(_ steps: Int, _ request: StopRequest) {
        self.steps = steps
        self.request = request
    }

    func stepEnded(_ progress: TrainingProgress) {
        done += 1
        if done == steps { request.request() }
    }
}

/// Counts the plans that are made.
private final class CountingEngine: Engine {
    let name = "counting"
    private let made = Atomic<Int>(0)

    var count: Int { made.load(ordering: .relaxed) }

    func plan(_ program: Program) throws -> any Plan {
        made.add(1, ordering: .relaxed)
        return try Device.cpu.engine.plan(program)
    }
}

/// Everything that a checkpoint says but the times.
private func content(_ checkpoint: Checkpoint) -> [String: [UInt8]] {
    var content = checkpoint.model.mapValues(bytes)
    for (name, array) in checkpoint.optimizer { content["optimizer." + name] = bytes(array) }
    content["losses"] = checkpoint.history.steps.losses.flatMap { withUnsafeBytes(of: $0) { Array($0) } }
    content["random"] = withUnsafeBytes(of: checkpoint.position.randomPosition) { Array($0) }
    content["epochs"] = checkpoint.history.epochs.flatMap {
        Array("\($0.epoch) \($0.step) \($0.training["loss"]!) \($0.test["accuracy"]!)".utf8)
    }
    return content
}

struct TrainerTests {
    @Test func itLearns() throws {
        let data = try toyData()
        let trainer = toyTrainer(epochs: 12)
        #expect(try trainer.train(on: batches(data.train), testingOn: batches(data.test)) == .finished)
        let last = try #require(trainer.history.epochs.last)
        #expect(trainer.history.epochs.map(\.epoch) == Array(1...12))
        #expect(last.step == 36)
        #expect(last.test["accuracy"]! > 0.95)
        #expect(last.training["loss"]! < trainer.history.epochs[0].training["loss"]! / 2)
        #expect(trainer.history.steps.sampleCounts.prefix(3) == [16, 16, 8])
    }

    @Test func theSameSeedGivesTheSameBits() throws {
        let data = try toyData()
        func run(_ seed: UInt64) throws -> [String: [UInt8]] {
            let trainer = toyTrainer(seed: seed)
            try trainer.train(on: batches(data.train), testingOn: batches(data.test))
            return try content(trainer.checkpoint())
        }
        #expect(try run(1) == run(1))
        #expect(try run(1) != run(2))
    }

    @Test(arguments: [1, 2, 3, 4, 8])
    func aStoppedAndResumedRunEndsWithTheSameBits(steps: Int) throws {
        let data = try toyData()
        let whole = toyTrainer()
        try whole.train(on: batches(data.train), testingOn: batches(data.test))

        let folder = try TemporaryFolder()
        let first = toyTrainer()
        first.checkpoints = CheckpointPolicy(path: folder.file("c.safetensors"))
        first.callbacks = [StopAfter(steps, first.stopRequest)]
        #expect(try first.train(on: batches(data.train), testingOn: batches(data.test)) == .interrupted)

        let second = toyTrainer()
        try second.restore(Checkpoint(path: folder.file("c.safetensors")), path: "c.safetensors")
        #expect(second.history.steps.count == steps)
        #expect(try second.train(on: batches(data.train), testingOn: batches(data.test)) == .finished)
        #expect(try content(second.checkpoint()) == content(whole.checkpoint()))
    }

    @Test func aFinishedRunResumesToItself() throws {
        let data = try toyData()
        let trainer = toyTrainer()
        try trainer.train(on: batches(data.train), testingOn: batches(data.test))
        let checkpoint = try trainer.checkpoint()
        let again = toyTrainer()
        try again.restore(checkpoint, path: "c")
        #expect(try again.train(on: batches(data.train), testingOn: batches(data.test)) == .finished)
        #expect(try content(again.checkpoint()) == content(checkpoint))
    }

    /// A whole and an odd last batch, in training and in evaluation: four programs, and one that makes the initial weights.
    @Test func fewPlansAreMade() throws {
        let data = try toyData()
        let engine = CountingEngine()
        try Device.$current.withValue(Device(engine)) {
            let trainer = toyTrainer(epochs: 1)
            let atStart = engine.count
            try trainer.train(on: batches(data.train), testingOn: batches(data.test))
            #expect(engine.count - atStart == 4)
            // Other epochs, learning rates and random keys make none.
            let longer = toyTrainer(epochs: 4)
            try longer.train(on: batches(data.train), testingOn: batches(data.test))
            #expect(engine.count - atStart == 4)
        }
    }

    @Test func evaluationIsTheMeanOverAllSamples() throws {
        let data = try toyData(test: 21)
        let model = withSeed(1) { Toy() }
        let trainer = Trainer(
            model: model, optimizer: SGD(model, learningRate: 0.1),
            settings: TrainingSettings(epochs: 1, batchSize: 8, evaluationBatchSize: 8, learningRate: 0.1))
        let source = batches(data.test)
        let result = try #require(try trainer.evaluate(source))
        let all = source.batch(ArraySlice(0..<21), epoch: nil)
        let outputs = model(all.inputs)
        #expect(abs(result["loss"]! - crossEntropy(outputs, all.targets).item()) < 1e-5)
        #expect(abs(result["accuracy"]! - Accuracy().measure(outputs, all.targets).item() / 21) < 1e-9)
    }

    @Test func divergenceIsAnError() throws {
        let data = try toyData()
        let trainer = toyTrainer(learningRate: 1e30)
        let message = failure { try trainer.train(on: batches(data.train)) }
        #expect(message.hasPrefix("the loss became "))
        #expect(message.hasSuffix("try a smaller learning rate"))
    }

    @Test func withoutSamplesThereIsNothingToTrain() throws {
        struct Nothing: BatchSource {
            let sampleCount = 0
            func batch(_ samples: ArraySlice<Int>, epoch: Int?) -> Batch { fatalError() }
        }
        #expect(failure { try toyTrainer().train(on: Nothing()) } == "there are no samples to train on")
    }

    @Test func whatGoesWrongWithDataStopsTraining() throws {
        struct Broken: BatchSource {
            struct Failure: Error, CustomStringConvertible { let description = "the disk is on fire" }
            let sampleCount = 100
            func batch(_ samples: ArraySlice<Int>, epoch: Int?) throws -> Batch { throw Failure() }
        }
        #expect(failure { try toyTrainer().train(on: Broken()) } == "the disk is on fire")
    }
}
