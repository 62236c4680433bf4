import Glibc
import HillockCore
import HillockNN
import HillockOptimizers

/// Trains a model: epochs of steps over shuffled batches, an evaluation after each epoch, checkpoints on the way.
///
/// A run is determined by its settings: interrupted at any moment and continued from its checkpoint, it ends with the same bits as one that
/// was never interrupted. Use it from one thread.
///
///     let trainer = Trainer(model: model, optimizer: Adam(model, learningRate: 1e-3),
///                           settings: TrainingSettings(epochs: 5, batchSize: 128, learningRate: 1e-3))
///     try trainer.train(on: ImageBatches(data.train, …), testingOn: ImageBatches(data.test, …))
public final class Trainer {
    /// How the run ended.
    public enum Outcome: Sendable, Hashable {
        /// All epochs are done.
        case finished
        /// It was asked to stop, and did, having written a checkpoint where it writes any.
        case interrupted
    }

    /// How the model is trained.
    public let settings: TrainingSettings
    /// What happened so far.
    public private(set) var history = TrainingHistory()
    /// Who is told how training goes.
    public var callbacks: [any Callback] = []
    /// When checkpoints are written; `nil` for never.
    public var checkpoints: CheckpointPolicy?
    /// What a checkpoint says the run was started with; another run cannot continue from it.
    public var identity: [Setting] = []
    /// Asks the run to stop.
    public let stopRequest: StopRequest

    let model: @Sendable (Tensor) -> Tensor
    private let contents: ModuleContents
    private let optimizer: any Optimizer
    let loss: @Sendable (Tensor, Tensor) -> Tensor
    let metrics: [any Metric]
    private let schedule: Schedule
    private let random: RandomSource

    private var position: Checkpoint.Position
    private var restoredFrom: String?
    private var pace = Pace()
    private var running = RunningMeans()
    private let clock = ContinuousClock()
    private var lastMark: ContinuousClock.Instant
    private var lastCheckpoint: (seconds: Double, step: Int) = (0, 0)

    /// A trainer of a model with the optimizer of its parameters.
    ///
    /// - Parameters:
    ///   - loss: the mean over a batch of how wrong the outputs are, given the targets: the cross-entropy of logits unless told otherwise.
    ///   - metrics: what else is measured in every step and evaluation.
    ///   - schedule: factor of the learning rate at each step.
    public init(
        model: some Layer, optimizer: any Optimizer, loss: @escaping @Sendable (Tensor, Tensor) -> Tensor = { crossEntropy($0, $1) },
        metrics: [any Metric] = [Accuracy()], settings: TrainingSettings, schedule: Schedule = .constant,
        stopRequest: StopRequest = StopRequest()
    ) {
        self.model = { model($0) }
        contents = model.contents()
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.settings = settings
        self.schedule = schedule
        self.stopRequest = stopRequest
        random = RandomSource(seed: SeedStream.steps.key(seed: settings.seed))
        position = Checkpoint.Position(
            epoch: 0, step: 0, randomSeed: random.position.seed, randomPosition: 0, seconds: 0, epochSeconds: 0, dataSeconds: 0,
            started: Trainer.now())
        lastMark = clock.now
    }

    /// Trains until all epochs are done, or until asked to stop.
    ///
    /// - Parameter test: what is evaluated after each epoch.
    /// On the devices of a mesh each step's samples are divided along the mesh's axis `data`; parameters lie as the model was placed.
    /// - Throws: ``TrainingError``; ``FileError`` when a checkpoint cannot be written: the last one that was stands as it was.
    @discardableResult
    public func train(on source: some BatchSource, testingOn test: (any BatchSource)? = nil) throws -> Outcome {
        guard source.sampleCount > 0 else { throw TrainingError.noSamples }
        if let mesh = Device.current.mesh, let parts = mesh.size(of: "data"), settings.batchSize % parts != 0 {
            throw TrainingError.undividedBatch(size: settings.batchSize, mesh: mesh)
        }
        return try RandomSource.$current.withValue(random) { try run(source, test) }
    }

    private func run(_ source: some BatchSource, _ test: (any BatchSource)?) throws -> Outcome {
        let sampler = Sampler(count: source.sampleCount, seed: settings.seed)
        let stepsPerEpoch = sampler.batchCount(batchSize: settings.batchSize)
        guard history.steps.count == position.epoch * stepsPerEpoch + position.step, position.step <= stepsPerEpoch else {
            throw CheckpointError.notACheckpoint(path: restoredFrom ?? "", reason: "its history does not fit its position")
        }
        let batches = Self.prefetch(
            source, sampler, batchSize: settings.batchSize, from: history.steps.count, to: settings.epochs * stepsPerEpoch)
        lastMark = clock.now
        // So that a run that ends at any moment can be continued, and a disk that is full is noticed before any work is lost.
        if history.steps.count == 0 { try writeCheckpoint() }
        callbacks.forEach { $0.trainingBegan(progress(stepsPerEpoch, test)) }

        while position.epoch < settings.epochs {
            while position.step < stepsPerEpoch {
                if stopRequest.isRequested { return try interrupted() }
                let asked = clock.now
                let batch = try phase("data") { try batches.next() }
                position.dataSeconds += (clock.now - asked) / .seconds(1)
                try phase("step") { try step(batch) }
                callbacks.forEach { $0.stepEnded(progress(stepsPerEpoch, test)) }
                if isCheckpointDue { try writeCheckpoint() }
            }
            guard try endEpoch(stepsPerEpoch, test) else { return try interrupted() }
        }
        return .finished
    }

    /// Batches of all steps that are left, made ahead by a thread of its own.
    private static func prefetch(
        _ source: some BatchSource, _ sampler: Sampler, batchSize: Int, from first: Int, to last: Int
    ) -> Prefetcher<Batch> {
        let stepsPerEpoch = sampler.batchCount(batchSize: batchSize)
        let orders = EpochOrders(sampler)
        return Prefetcher(first..<max(first, last)) { index in
            let (epoch, step) = index.quotientAndRemainder(dividingBy: stepsPerEpoch)
            let order = orders.order(epoch: epoch)
            return try source.batch(order[step * batchSize..<min((step + 1) * batchSize, order.count)], epoch: epoch)
        }
    }

    private func step(_ batch: Batch) throws {
        let batch = batch.placed
        let number = history.steps.count
        optimizer.learningRate = settings.learningRate * schedule.factor(at: number)
        var sums: [Tensor] = []
        let (value, gradients) = withTraining {
            valueAndGradient(of: optimizer.parameters) {
                let outputs = model(batch.inputs)
                sums = metrics.map { $0.measure(outputs, batch.targets) }
                return loss(outputs, batch.targets)
            }
        }
        phase("update") { optimizer.update(gradients, evaluating: [value] + sums) }

        // A device's errors are seen here.
        let lossValue = try value.hostArray().doubles[0]
        history.steps.losses.append(lossValue)
        history.steps.sampleCounts.append(batch.count)
        for (metric, sum) in zip(metrics, sums) { history.steps.sums[metric.name, default: []].append(try sum.hostArray().doubles[0]) }
        position.step += 1
        let seconds = mark()
        position.epochSeconds += seconds
        pace.add(samples: batch.count, seconds: seconds)
        running.add(history.steps, from: history.steps.count - 1)
        guard lossValue.isFinite else {
            throw TrainingError.diverged(
                loss: lossValue, epoch: position.epoch + 1, step: position.step, learningRate: optimizer.learningRate)
        }
    }

    /// Evaluates, records the epoch and writes a checkpoint; false when asked to stop meanwhile.
    private func endEpoch(_ stepsPerEpoch: Int, _ test: (any BatchSource)?) throws -> Bool {
        let first = history.steps.count - stepsPerEpoch
        let trainingSeconds = position.epochSeconds
        var results: [String: Double] = [:]
        if let test {
            let shown = progress(stepsPerEpoch, test)
            guard
                let evaluation = try evaluate(
                    test,
                    advanced: { done, total in
                        callbacks.forEach { $0.evaluationAdvanced(done: done, total: total, shown) }
                        return !stopRequest.isRequested
                    })
            else { return false }
            results = evaluation
        }
        let testSeconds = mark()
        let samples = history.steps.sampleCounts[first...].reduce(0, +)
        history.epochs.append(
            EpochRecord(
                epoch: position.epoch + 1, step: history.steps.count, learningRate: optimizer.learningRate,
                training: history.steps.means(from: first), test: results, trainingSeconds: trainingSeconds, testSeconds: testSeconds,
                samplesPerSecond: trainingSeconds > 0 ? Double(samples) / trainingSeconds : 0))
        position.epoch += 1
        position.step = 0
        position.epochSeconds = 0
        running = RunningMeans()
        try writeCheckpoint()
        callbacks.forEach { $0.epochEnded(history.epochs.last!, progress(stepsPerEpoch, test)) }
        return true
    }

    private func interrupted() throws -> Outcome {
        try writeCheckpoint()
        return .interrupted
    }
}

// MARK: - Time

extension Trainer {
    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Seconds since the last mark, which count as the run's work.
    private func mark() -> Double {
        let now = clock.now
        let seconds = (now - lastMark) / .seconds(1)
        lastMark = now
        position.seconds += seconds
        return seconds
    }

    /// Where training stands now.
    private func progress(_ stepsPerEpoch: Int, _ test: (any BatchSource)?) -> TrainingProgress {
        var means = running.means
        let loss = means.removeValue(forKey: "loss")
        let stepsLeft = (settings.epochs - position.epoch) * stepsPerEpoch - position.step
        let samplesLeft = Double(stepsLeft * settings.batchSize)
        // Before the first evaluation: a sample's forward pass is about a third of its training step.
        let evaluation = history.epochs.last?.testSeconds ?? pace.samplesPerSecond.map { Double(test?.sampleCount ?? 0) / (3 * $0) } ?? 0
        return TrainingProgress(
            epoch: min(position.epoch + 1, settings.epochs), epochs: settings.epochs, step: position.step, stepsPerEpoch: stepsPerEpoch,
            loss: loss,
            metrics: means, learningRate: optimizer.learningRate, samplesPerSecond: pace.samplesPerSecond,
            secondsLeft: pace.samplesPerSecond.map { samplesLeft / $0 + Double(settings.epochs - position.epoch) * evaluation },
            seconds: position.seconds)
    }

    /// When the run was started, in seconds since 1970; how many seconds it has worked, and how many of them its steps waited for their
    /// data. What was done before a resumption counts.
    public var times: (started: Double, seconds: Double, waitingForData: Double) {
        (position.started, position.seconds, position.dataSeconds)
    }
}

// MARK: - Checkpoints

extension Trainer {
    private var isCheckpointDue: Bool {
        guard let checkpoints else { return false }
        if let seconds = checkpoints.everySeconds, position.seconds - lastCheckpoint.seconds >= seconds { return true }
        if let steps = checkpoints.everySteps, history.steps.count - lastCheckpoint.step >= steps { return true }
        return false
    }

    private func writeCheckpoint() throws {
        guard let checkpoints else { return }
        try checkpoint().write(to: checkpoints.path)
        // Writing counts as work, but not as a slow step.
        _ = mark()
        lastCheckpoint = (position.seconds, history.steps.count)
        callbacks.forEach { $0.checkpointWritten(to: checkpoints.path) }
    }

    /// Everything that is needed to go on from here.
    public func checkpoint() throws -> Checkpoint {
        var model: [String: HostArray] = [:]
        for (name, parameter) in contents.parameters { model[name] = try parameter.value.hostArray() }
        for (name, buffer) in contents.buffers { model[name] = try buffer.value.hostArray() }
        var state: [String: HostArray] = [:]
        for (name, tensor) in optimizer.state { state[name] = try tensor.hostArray() }
        var position = position
        position.randomSeed = random.position.seed
        position.randomPosition = random.position.position
        return Checkpoint(settings: identity, position: position, history: history, model: model, optimizer: state)
    }

    /// Goes on from a checkpoint; changes nothing if anything in it does not fit.
    ///
    /// - Parameter path: where it was read from, for messages.
    /// - Throws: ``CheckpointError``, or what the optimizer throws.
    public func restore(_ checkpoint: Checkpoint, path: String) throws {
        try checkpoint.check(identity, path: path)
        var wanted: [(name: String, type: TensorType, set: (Tensor) -> Void)] = []
        for (name, parameter) in contents.parameters { wanted.append((name, parameter.type, { parameter.value = $0 })) }
        for (name, buffer) in contents.buffers { wanted.append((name, buffer.value.type, { buffer.value = $0 })) }
        for (name, type, _) in wanted {
            let got = checkpoint.model[name].map { TensorType($0.dtype, $0.shape) }
            guard got == type else {
                throw CheckpointError.tensor(path: path, name: "model.\(name)", got: got.map { "\($0)" }, expected: "\(type)")
            }
        }
        for name in metrics.map(\.name) where checkpoint.history.steps.sums[name] == nil && checkpoint.history.steps.count > 0 {
            throw CheckpointError.notACheckpoint(path: path, reason: "it has no history.sums.\(name)")
        }
        try optimizer.restore(state: checkpoint.optimizer)
        for (name, _, set) in wanted { set(Tensor(checkpoint.model[name]!)) }
        restoredFrom = path
        history = checkpoint.history
        position = checkpoint.position
        running = RunningMeans()
        running.add(history.steps, from: history.steps.count - position.step)
        random.restore(seed: position.randomSeed, position: position.randomPosition)
        lastCheckpoint = (position.seconds, history.steps.count)
    }
}
