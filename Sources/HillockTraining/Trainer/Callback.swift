/// Something that is told how training goes: progress bars, logs, plots, early stopping.
///
/// Every method has an empty default. Calls come on the thread that trains, between steps.
public protocol Callback: AnyObject {
    /// Training begins, or goes on after a checkpoint.
    func trainingBegan(_ progress: TrainingProgress)
    /// A step is done.
    func stepEnded(_ progress: TrainingProgress)
    /// A batch of an evaluation is done: `done` of `total` samples.
    func evaluationAdvanced(done: Int, total: Int, _ progress: TrainingProgress)
    /// An epoch is done and evaluated.
    func epochEnded(_ epoch: EpochRecord, _ progress: TrainingProgress)
    /// A checkpoint was written completely.
    func checkpointWritten(to path: String)
}

extension Callback {
    /// Nothing.
    public func trainingBegan(_ progress: TrainingProgress) {}
    /// Nothing.
    public func stepEnded(_ progress: TrainingProgress) {}
    /// Nothing.
    public func evaluationAdvanced(done: Int, total: Int, _ progress: TrainingProgress) {}
    /// Nothing.
    public func epochEnded(_ epoch: EpochRecord, _ progress: TrainingProgress) {}
    /// Nothing.
    public func checkpointWritten(to path: String) {}
}

/// Where training stands.
public struct TrainingProgress: Sendable, Hashable {
    /// The current epoch, counted from 1.
    public var epoch: Int
    /// How many epochs there are.
    public var epochs: Int
    /// Steps done in this epoch.
    public var step: Int
    /// Steps in an epoch.
    public var stepsPerEpoch: Int
    /// Mean loss of this epoch's steps so far; `nil` before the first.
    public var loss: Double?
    /// Mean of each metric over this epoch's samples so far, by name.
    public var metrics: [String: Double]
    /// Learning rate of the last step.
    public var learningRate: Double
    /// Samples a second over the last second or so; `nil` before the first step.
    public var samplesPerSecond: Double?
    /// Seconds until the run ends, evaluations included; `nil` until there is something to judge by.
    public var secondsLeft: Double?
    /// Seconds since the run began, those before a resumption included.
    public var seconds: Double
}
