import HillockCore
import HillockNN

/// Changes parameters by their gradients.
///
///     let optimizer = Adam(model, learningRate: 1e-3)
///     let (loss, gradients) = valueAndGradient(of: optimizer.parameters) { crossEntropy(model(x), labels) }
///     optimizer.update(gradients)
///
/// Numbers that change from step to step (the learning rate, corrections for the step) are inputs of the program, so every step is the
/// same program and runs the same plan.
public protocol Optimizer: AnyObject {
    /// What is optimised, as gradients must be given for.
    var parameters: [Parameter] { get }

    /// Step size; set it before a step to follow a ``Schedule``.
    var learningRate: Double { get set }

    /// Updates done so far.
    var stepCount: Int { get }

    /// Changes the parameters, and computes in one program: the new parameters, the optimizer's state, the loss, the model's buffers (such
    /// as running statistics), and `others`.
    ///
    /// Takes the gradients out of their box: one that nobody holds any longer need never be written to memory.
    ///
    /// - Parameters:
    ///   - gradients: Of exactly ``parameters``, in their order.
    ///   - others: What else is wanted of this step, such as the number of right answers. Computed later it would need the forward pass
    ///     once more.
    func update(_ gradients: Gradients, evaluating others: [Tensor])

    /// Writes what ``update(_:evaluating:)`` writes, but computes nothing yet, and gives all that is to be computed: for a step with several
    /// optimizers, of which the last computes everything in one program. Losses that use the new parameters take them as they are: no
    /// gradient goes back through the update.
    ///
    ///     let written = critic.recordUpdate(criticGradients)
    ///     // … a loss that uses the critic's new parameters …
    ///     generator.update(generatorGradients, evaluating: written)
    func recordUpdate(_ gradients: Gradients) -> [Tensor]

    /// What has to be saved to go on exactly as if never interrupted, but for the learning rate: `step`, and for each parameter its
    /// moments, such as `conv1.weight.exp_avg`.
    var state: [(name: String, tensor: Tensor)] { get }

    /// Goes on from a saved state.
    /// - Throws: ``WeightsError`` with all that does not fit; then nothing was taken.
    func restore(state: [String: HostArray]) throws(WeightsError)
}

extension Optimizer {
    /// Changes the parameters, and computes in one program: the new parameters, the optimizer's state, the loss, the model's buffers (such
    /// as running statistics), and `others`.
    public func update(_ gradients: Gradients, evaluating others: [Tensor]) {
        evaluate(others + recordUpdate(gradients))
    }

    /// Changes the parameters, and computes them with the optimizer's state, the loss and the model's buffers in one program.
    public func update(_ gradients: Gradients) {
        update(gradients, evaluating: [])
    }
}

/// Chooses the parameters that weight decay applies to, by name and parameter: `{ $1.shape.rank > 1 }` spares biases and norms.
public typealias DecayFilter = (_ name: String, _ parameter: Parameter) -> Bool
