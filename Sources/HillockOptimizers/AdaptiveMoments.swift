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

    /// Writes the new values, lazily, and gives them with the loss. Not inlined, so that the gradients are gone when they are computed.
    @inline(never)
    func recordUpdate(_ gradients: Gradients) -> [Tensor] {
        guard let (values, loss) = core.take(gradients) else { return [] }
        core.stepCount += 1
        let t = Double(core.stepCount)
        let stepSize = learningRate / (1 - power(beta1, t))
        let correction = 1 / (1 - power(beta2, t)).squareRoot()
        // PyTorch's SparseAdam adds epsilon before the correction.
        func scalars(_ isSparse: Bool) -> StepScalars {
            StepScalars([
                stepSize, correction, isSparse ? epsilon * correction : epsilon, 1 - beta1, beta2, 1 - beta2, isDecoupled ? 0 : weightDecay,
                isDecoupled ? 1 - learningRate * weightDecay : 1,
            ])
        }
        var (dense, sparse) = (scalars(false), scalars(true))
        for group in core.groups {
            let first = core.parameters[group[0]]
            let isSparse = first.hasSparseGradient && first.value.rank > 0
            var inputs = isSparse ? sparse[first.value.dtype] : dense[first.value.dtype]
            for position in group {
                inputs += [core.parameters[position].value, values[position], core.slots[0][position], core.slots[1][position]]
            }
            let composite = AdamStep(
                decays: group.map { weightDecay != 0 && core.decays[$0] }, areSparse: [Bool](repeating: isSparse, count: group.count))
            let results = Tensor.composite(composite, inputs)
            for (index, position) in group.enumerated() {
                core.parameters[position].value = results[3 * index]
                core.slots[0][position] = results[3 * index + 1]
                core.slots[1][position] = results[3 * index + 2]
            }
        }
        return loss + core.written
    }
}
