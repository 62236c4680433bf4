import HillockCore
import HillockNN

/// The step that ``Adam`` and ``AdamW`` share.
final class AdaptiveMoments {
    var learningRate: Double
    var core: OptimizerCore
    private let beta1: Double
    private let beta2: Double
    private let epsilon: Double
    private let weightDecay: Double
    private let isDecoupled: Bool

    init(
        _ name: String, _ owner: some ParameterOwner, learningRate: Double, beta1: Double, beta2: Double, epsilon: Double,
        weightDecay: Double, isDecoupled: Bool, decaying: DecayFilter
    ) {
        check(name, "learning rate", learningRate, in: "0 or more", learningRate >= 0)
        check(name, "beta1", beta1, in: "0 or more and less than 1", beta1 >= 0 && beta1 < 1)
        check(name, "beta2", beta2, in: "0 or more and less than 1", beta2 >= 0 && beta2 < 1)
        check(name, "epsilon", epsilon, in: "0 or more", epsilon >= 0)
        check(name, "weight decay", weightDecay, in: "0 or more", weightDecay >= 0)
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.isDecoupled = isDecoupled
        core = OptimizerCore(name, owner, slots: ["exp_avg", "exp_avg_sq"], decaying: decaying)
    }

    /// Writes the new values, lazily, and gives them with the loss: for each parameter one chain over p, g, m and v that gives p, m and v.
    /// Not inlined, so that the gradients are gone when they are computed.
    @inline(never)
    func recordUpdate(_ gradients: Gradients) -> [Tensor] {
        guard let (values, loss) = core.take(gradients) else { return [] }
        core.stepCount += 1
        let t = Double(core.stepCount)
        let stepSize = learningRate / (1 - power(beta1, t))
        let correction = 1 / (1 - power(beta2, t)).squareRoot()
        var scalars = StepScalars { [self] dtype in
            func scalar(_ value: Double) -> Tensor { Tensor(hoisting: .real(value), dtype: dtype) }
            return (
                size: scalar(stepSize), correction: scalar(correction), epsilon: scalar(epsilon), share1: scalar(1 - beta1),
                beta2: scalar(beta2), share2: scalar(1 - beta2),
                decay: scalar(isDecoupled ? 1 - learningRate * weightDecay : weightDecay)
            )
        }
        for (position, parameter) in core.parameters.enumerated() {
            var p = parameter.value
            var g = values[position]
            let s = scalars[p.dtype]
            if weightDecay != 0, core.decays[position] {
                if isDecoupled { p *= s.decay } else { g += p * s.decay }
            }
            let m = core.slots[0][position] + (g - core.slots[0][position]) * s.share1
            let v = core.slots[1][position] * s.beta2 + g * g * s.share2
            core.slots[0][position] = m
            core.slots[1][position] = v
            parameter.value = p - m * s.size / (sqrt(v) * s.correction + s.epsilon)
        }
        return loss + core.written
    }
}
