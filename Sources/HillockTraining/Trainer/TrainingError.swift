import HillockCore

/// Training cannot go on, told in one line.
public enum TrainingError: Error, Sendable, Hashable {
    /// The loss is infinite or not a number.
    case diverged(loss: Double, epoch: Int, step: Int, learningRate: Double)
    /// There are no samples.
    case noSamples
    /// The devices along the mesh's axis `data` cannot have as many samples each.
    case undividedBatch(size: Int, mesh: Mesh)
}

extension TrainingError: CustomStringConvertible {
    /// The whole error in one line.
    public var description: String {
        switch self {
        case .diverged(let loss, let epoch, let step, let learningRate):
            "the loss became \(loss) in epoch \(epoch), step \(step), at learning rate \(Float(learningRate)): try a smaller learning rate"
        case .noSamples:
            "there are no samples to train on"
        case .undividedBatch(let size, let mesh):
            """
            batches of \(size) samples cannot be divided among the \(mesh.size(of: "data") ?? 1) devices along data (mesh \(mesh)): \
            take a multiple of \(mesh.size(of: "data") ?? 1)
            """
        }
    }
}
