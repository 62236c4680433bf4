import Glibc

/// How the learning rate changes over the steps: a factor of the optimizer's base rate.
///
///     optimizer.learningRate = 1e-3 * schedule.factor(at: optimizer.stepCount)
public enum Schedule: Hashable, Sendable, Codable {
    /// Always 1.
    case constant
    /// Times `factor` after every `interval` steps: PyTorch's `StepLR`.
    case step(interval: Int, factor: Double)
    /// Times `factor` after every step: PyTorch's `ExponentialLR`.
    case exponential(factor: Double)
    /// Linearly up to 1 over the first `warmup` steps, then down along half a cosine to `minimum` at step `steps`, and there for good
    /// (Loshchilov and Hutter 2017, without restarts). Without warm-up it is PyTorch's `CosineAnnealingLR`.
    case cosine(steps: Int, warmup: Int = 0, minimum: Double = 0)
    /// From 1/25 up to 1 over the first `rise` of the steps and down to 1/250,000 at the last, both along half a cosine
    /// (Smith and Topin 2018): PyTorch's `OneCycleLR`.
    case oneCycle(steps: Int, rise: Double = 0.3)

    /// The factor at a step, counted from 0.
    public func factor(at step: Int) -> Double {
        switch self {
        case .constant:
            return 1
        case .step(let interval, let factor):
            return power(factor, Double(step / max(interval, 1)))
        case .exponential(let factor):
            return power(factor, Double(step))
        case .cosine(let steps, let warmup, let minimum):
            if step < warmup { return Double(step + 1) / Double(warmup) }
            return Self.cosine(from: 1, to: minimum, Double(step - warmup) / Double(max(steps - warmup, 1)))
        case .oneCycle(let steps, let rise):
            let (start, end) = (1.0 / 25, 1.0 / 250_000)
            let peak = rise * Double(steps) - 1
            if Double(step) <= peak { return Self.cosine(from: start, to: 1, Double(step) / max(peak, 1)) }
            return Self.cosine(from: 1, to: end, (Double(step) - peak) / max(Double(steps - 1) - peak, 1))
        }
    }

    /// Half a cosine from one value to another over `progress` from 0 to 1; beyond that it stays.
    private static func cosine(from start: Double, to end: Double, _ progress: Double) -> Double {
        end + (start - end) / 2 * (1 + cos(Double.pi * min(max(progress, 0), 1)))
    }
}

extension Schedule: CustomStringConvertible {
    /// In words, for reports.
    public var description: String {
        switch self {
        case .constant: "constant"
        case .step(let interval, let factor): "times \(factor) every \(interval) steps"
        case .exponential(let factor): "times \(factor) every step"
        case .cosine(let steps, 0, let minimum): "cosine to \(minimum) over \(steps) steps"
        case .cosine(let steps, let warmup, let minimum): "\(warmup) steps of warm-up, then cosine to \(minimum) at step \(steps)"
        case .oneCycle(let steps, let rise): "one cycle over \(steps) steps, rising for \(rise) of them"
        }
    }
}

/// `base` to the power `exponent`.
func power(_ base: Double, _ exponent: Double) -> Double { Glibc.pow(base, exponent) }
