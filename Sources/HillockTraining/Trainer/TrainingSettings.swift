/// How a model is trained.
public struct TrainingSettings: Sendable, Hashable {
    /// How often every training sample is seen.
    public var epochs: Int
    /// Samples in a step; the last batch of an epoch may have fewer.
    public var batchSize: Int
    /// Samples in a step of evaluation, which affects speed and memory, never results.
    public var evaluationBatchSize: Int
    /// What the order of samples, augmentation and dropout depend on.
    public var seed: UInt64
    /// Learning rate that the schedule's factors multiply.
    public var learningRate: Double

    /// With these values.
    public init(epochs: Int, batchSize: Int, evaluationBatchSize: Int = 500, seed: UInt64 = 0, learningRate: Double) {
        self.epochs = epochs
        self.batchSize = batchSize
        self.evaluationBatchSize = evaluationBatchSize
        self.seed = seed
        self.learningRate = learningRate
    }
}
