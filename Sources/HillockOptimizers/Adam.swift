import HillockCore
import HillockNN

/// Adam (Kingma and Ba 2015); formulas and options are PyTorch's.
///
///     g ← g + weightDecay · p
///     m ← m + (1 − β₁) · (g − m)
///     v ← β₂ · v + (1 − β₂) · g²
///     p ← p − learningRate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
public final class Adam: Optimizer {
    private let moments: AdaptiveMoments

    /// An optimizer of these parameters.
    ///
    /// - Parameters:
    ///   - owner: A model, or a list of parameters. Given the model, an update computes its buffers too.
    ///   - learningRate: Step size.
    ///   - beta1: How much of the mean gradient stays from step to step.
    ///   - beta2: How much of the mean squared gradient stays from step to step.
    ///   - epsilon: Added to the root of the mean squared gradient, after its correction.
    ///   - weightDecay: Factor of the parameter that is added to its gradient (L2); ``AdamW`` decays apart from the gradient.
    ///   - decaying: Which parameters decay; all unless given.
    public init(
        _ owner: some ParameterOwner, learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0, decaying: DecayFilter = { _, _ in true }
    ) {
        moments = AdaptiveMoments(
            "Adam", owner, learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay,
            isDecoupled: false, decaying: decaying)
    }

    /// Step size.
    public var learningRate: Double {
        get { moments.learningRate }
        set { moments.learningRate = newValue }
    }
    /// What is optimised, as gradients must be given for.
    public var parameters: [Parameter] { moments.core.parameters }
    /// Updates done so far.
    public var stepCount: Int { moments.core.stepCount }
    /// Writes new parameters and moments, and gives all that is to be computed.
    public func recordUpdate(_ gradients: Gradients) -> [Tensor] { moments.recordUpdate(gradients) }
    /// `step`, and each parameter's `exp_avg` and `exp_avg_sq`.
    public var state: [(name: String, tensor: Tensor)] { moments.core.state }
    /// Goes on from a saved state.
    public func restore(state: [String: HostArray]) throws(WeightsError) { try moments.core.restore(state) }
}
