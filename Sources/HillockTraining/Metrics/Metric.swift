import HillockCore

/// A number that tells how good a model is: a mean over samples.
public protocol Metric: Sendable {
    /// Short name, such as `accuracy`: the key in histories.
    var name: String { get }

    /// The sum over the batch's samples, a scalar of f32. Only builds the graph: it is computed together with the step or the forward pass.
    func measure(_ outputs: Tensor, _ targets: Tensor) -> Tensor
}

/// The part of samples whose greatest output is that of their class.
public struct Accuracy: Metric {
    /// `accuracy`
    public let name = "accuracy"

    /// For outputs `[B, classes]` and classes `[B]` of i64.
    public init() {}

    /// How many are right.
    public func measure(_ outputs: Tensor, _ targets: Tensor) -> Tensor {
        (outputs.argmax(axis: -1) .== targets).converted(to: .float32).sum()
    }
}

/// The mean of a loss, for models that are judged by it.
public struct MeanLoss: Metric {
    /// `loss`, unless named otherwise.
    public let name: String
    private let loss: @Sendable (Tensor, Tensor) -> Tensor

    /// The mean of `loss`, which gives the mean over a batch: by default the cross-entropy of logits.
    public init(name: String = "loss", _ loss: @escaping @Sendable (Tensor, Tensor) -> Tensor = { crossEntropy($0, $1) }) {
        self.name = name
        self.loss = loss
    }

    /// The loss times the number of samples.
    public func measure(_ outputs: Tensor, _ targets: Tensor) -> Tensor {
        loss(outputs, targets).converted(to: .float32) * Double(outputs.shape[0])
    }
}
