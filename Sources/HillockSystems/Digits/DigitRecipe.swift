import HillockOptimizers
import HillockTraining

/// How a digit network is trained unless told otherwise: Adam, its learning rate rising and falling once (Smith and Topin 2018).
public struct DigitRecipe: Sendable, Hashable {
    /// How often every image is seen.
    public var epochs: Int
    /// Images in a step.
    public var batchSize: Int
    /// The greatest learning rate.
    public var learningRate: Double
    /// The most pixels by which images are shifted each way.
    public var maximumShift: Int

    /// The recipe for a network and this many images to train on: few images are seen more often, and shifted, so that they are not learned
    /// by heart.
    public static func standard(_ model: DigitModel, trainCount: Int) -> DigitRecipe {
        let isSmall = trainCount < 20_000
        return switch model {
        case .mlp:
            DigitRecipe(epochs: isSmall ? 20 : 5, batchSize: isSmall ? 64 : 128, learningRate: 2e-3, maximumShift: isSmall ? 1 : 0)
        case .lenet:
            DigitRecipe(epochs: isSmall ? 20 : 5, batchSize: isSmall ? 64 : 128, learningRate: 2e-3, maximumShift: isSmall ? 2 : 1)
        }
    }

    /// The learning rate's course over this many steps.
    public func schedule(steps: Int) -> Schedule { .oneCycle(steps: steps) }
}
