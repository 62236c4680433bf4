/// What happened during a training run.
public struct TrainingHistory: Sendable, Hashable {
    /// One row for each step.
    public var steps = StepSeries()
    /// One row for each finished epoch.
    public var epochs: [EpochRecord] = []

    /// Nothing yet.
    public init() {}
}

/// One row for each step, kept by column.
public struct StepSeries: Sendable, Hashable {
    /// The loss of each step's batch, before its update.
    public var losses: [Double] = []
    /// Number of samples of each step's batch.
    public var sampleCounts: [Int] = []
    /// Each metric's sums over the batches, by name.
    public var sums: [String: [Double]] = [:]

    /// Number of steps.
    public var count: Int { losses.count }

    /// Mean over the samples of steps from `start` on: the loss and each metric. Empty when there are none.
    public func means(from start: Int) -> [String: Double] {
        var running = RunningMeans()
        running.add(self, from: start)
        return running.means
    }
}

/// Means over the samples of some steps, to which more can be added.
struct RunningMeans {
    private var sums: [String: Double] = [:]
    private var samples = 0

    /// Takes in the steps from `start` on.
    mutating func add(_ steps: StepSeries, from start: Int) {
        for step in start..<steps.count {
            samples += steps.sampleCounts[step]
            sums["loss", default: 0] += steps.losses[step] * Double(steps.sampleCounts[step])
            for (name, values) in steps.sums { sums[name, default: 0] += values[step] }
        }
    }

    /// The loss and each metric, by name; empty when there are no steps.
    var means: [String: Double] { sums.mapValues { $0 / Double(samples) } }
}

/// One finished epoch.
public struct EpochRecord: Sendable, Hashable, Codable {
    /// Counted from 1.
    public let epoch: Int
    /// Steps done by its end, since the beginning of the run.
    public let step: Int
    /// Learning rate of its last step.
    public let learningRate: Double
    /// Loss and metrics, means over the epoch's training batches, each measured before its update.
    public let training: [String: Double]
    /// Loss and metrics on the data kept for testing; empty without such data.
    public let test: [String: Double]
    /// Seconds of its training steps.
    public let trainingSeconds: Double
    /// Seconds of its evaluation.
    public let testSeconds: Double
    /// Samples trained on a second.
    public let samplesPerSecond: Double

    /// An epoch of these values.
    public init(
        epoch: Int, step: Int, learningRate: Double, training: [String: Double], test: [String: Double], trainingSeconds: Double,
        testSeconds: Double, samplesPerSecond: Double
    ) {
        self.epoch = epoch
        self.step = step
        self.learningRate = learningRate
        self.training = training
        self.test = test
        self.trainingSeconds = trainingSeconds
        self.testSeconds = testSeconds
        self.samplesPerSecond = samplesPerSecond
    }
}
