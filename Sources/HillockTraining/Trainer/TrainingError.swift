/// Training cannot go on, told in one line.
public enum TrainingError: Error, Sendable, Hashable {
    /// The loss is infinite or not a number.
    case diverged(loss: Double, epoch: Int, step: Int, learningRate: Double)
    /// There are no samples.
    case noSamples
}

extension TrainingError: CustomStringConvertible {
    /// The whole error in one line.
    public var description: String {
        switch self {
        case .diverged(let loss, let epoch, let step, let learningRate):
            "the loss became \(loss) in epoch \(epoch), step \(step), at learning rate \(Float(learningRate)): try a smaller learning rate"
        case .noSamples:
            "there are no samples to train on"
        }
    }
}
