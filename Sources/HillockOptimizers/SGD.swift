import HillockCore
import HillockNN

/// Stochastic gradient descent, with momentum if wanted; formulas and options are PyTorch's.
///
///     g ← g + weightDecay · p
///     v ← momentum · v + (1 − dampening) · g      (v ← g in the first step)
///     p ← p − learningRate · v                    (Nesterov: p ← p − learningRate · (g + momentum · v))
///
/// Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep learning", 2013.
public final class SGD: Optimizer {
    /// Step size.
    public var learningRate: Double
    /// How much of the velocity stays from step to step.
    public let momentum: Double
    /// How much of the gradient is kept out of the velocity.
    public let dampening: Double
    /// Factor of the parameter that is added to its gradient.
    public let weightDecay: Double
    /// Whether the step looks ahead along the velocity.
    public let nesterov: Bool
    private var core: OptimizerCore

    /// An optimizer of these parameters.
    ///
    /// - Parameters:
    ///   - owner: A model, or a list of parameters. Given the model, an update computes its buffers too.
    ///   - learningRate: Step size.
    ///   - momentum: How much of the velocity stays from step to step; 0 keeps none.
    ///   - dampening: How much of the gradient is kept out of the velocity.
    ///   - weightDecay: Factor of the parameter that is added to its gradient (L2).
    ///   - nesterov: Whether the step looks ahead along the velocity; wants momentum and no dampening.
    ///   - decaying: Which parameters decay; all unless given.
    public init(
        _ owner: some ParameterOwner, learningRate: Double, momentum: Double = 0, dampening: Double = 0, weightDecay: Double = 0,
        nesterov: Bool = false, decaying: DecayFilter = { _, _ in true }
    ) {
        check("SGD", "learning rate", learningRate, in: "0 or more", learningRate >= 0)
        check("SGD", "momentum", momentum, in: "0 or more", momentum >= 0)
        check("SGD", "weight decay", weightDecay, in: "0 or more", weightDecay >= 0)
        if nesterov, momentum == 0 || dampening != 0 {
            misuse(ShapeError("SGD", "Nesterov's momentum wants momentum above 0 and dampening 0, got \(momentum) and \(dampening)"))
        }
        self.learningRate = learningRate
        self.momentum = momentum
        self.dampening = dampening
        self.weightDecay = weightDecay
        self.nesterov = nesterov
        core = OptimizerCore("SGD", owner, slots: momentum == 0 ? [] : ["momentum_buffer"], decaying: decaying)
    }

    /// What is optimised, as gradients must be given for.
    public var parameters: [Parameter] { core.parameters }
    /// Updates done so far.
    public var stepCount: Int { core.stepCount }

    /// Writes the new values, lazily, and gives them with the loss. Not inlined, so that the gradients are gone when they are computed.
    @inline(never)
    public func recordUpdate(_ gradients: Gradients) -> [Tensor] {
        guard let (values, loss) = core.take(gradients) else { return [] }
        // The velocity begins as the first gradient, not dampened.
        let share = core.stepCount == 0 ? 1 : 1 - dampening
        core.stepCount += 1
        var scalars = StepScalars([learningRate, weightDecay, momentum, share])
        for group in core.groups {
            var inputs = scalars[core.parameters[group[0]].value.dtype]
            for position in group {
                inputs += [core.parameters[position].value, values[position]]
                if momentum != 0 { inputs.append(core.slots[0][position]) }
            }
            let composite = SGDStep(
                hasMomentum: momentum != 0, isNesterov: nesterov, decays: group.map { weightDecay != 0 && core.decays[$0] })
            let results = Tensor.composite(composite, inputs)
            for (index, position) in group.enumerated() {
                core.parameters[position].value = results[momentum != 0 ? 2 * index : index]
                if momentum != 0 { core.slots[0][position] = results[2 * index + 1] }
            }
        }
        return loss + core.written
    }

    /// `step`, and with momentum each parameter's `momentum_buffer`.
    public var state: [(name: String, tensor: Tensor)] { core.state }

    /// Goes on from a saved state.
    public func restore(state: [String: HostArray]) throws(WeightsError) { try core.restore(state) }
}
