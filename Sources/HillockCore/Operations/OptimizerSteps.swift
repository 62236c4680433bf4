// Steps of optimizers over many parameters at once, kept whole so that an engine can make them one pass over memory. Gradients end at
// them: what an optimizer wrote are new variables, not functions of the old ones.

/// A step over many parameters: scalars, then for each parameter its value, its gradient and its slots; results are for each parameter its
/// value and its slots.
package protocol OptimizerStep: Composite {
    /// Scalars before the parameters.
    static var scalarCount: Int { get }
    /// How many parameters there are.
    var parameterCount: Int { get }
    /// How many tensors are remembered of each.
    var slotCount: Int { get }
}

extension OptimizerStep {
    /// The positions of a parameter's operands: its value, its gradient, its slots.
    package func operands(of parameter: Int) -> Range<Int> {
        let start = Self.scalarCount + (2 + slotCount) * parameter
        return start..<start + 2 + slotCount
    }
}

/// Gradient descent, with or without momentum; formulas are PyTorch's.
///
///     g ← g + decay · p;  v ← momentum · v + share · g;  p ← p − rate · v      (nesterov: rate · (g + momentum · v))
///
/// Inputs: rate, decay, momentum, share (scalars), then for each parameter p, g and with momentum v. Results: for each parameter p and with
/// momentum v.
package struct SGDStep: OptimizerStep {
    /// `sgd`
    package static let name = "sgd"
    /// Whether there are velocities.
    package let hasMomentum: Bool
    /// Whether the step looks ahead along the velocity.
    package let isNesterov: Bool
    /// Which parameters decay.
    package let decays: [Bool]

    /// Scalars before the parameters.
    package static let scalarCount = 4

    /// As many as `decays` has entries.
    package var parameterCount: Int { decays.count }
    /// The velocity.
    package var slotCount: Int { hasMomentum ? 1 : 0 }

    /// A step over as many parameters as `decays` has entries.
    package init(hasMomentum: Bool, isNesterov: Bool, decays: [Bool]) {
        self.hasMomentum = hasMomentum
        self.isNesterov = isNesterov
        self.decays = decays
    }

    /// The types of the parameters and velocities.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        try parameterTypes(Self.name, inputs, scalars: Self.scalarCount, parameters: decays.count, slots: hasMomentum ? 1 : 0)
    }

    /// The formulas, parameter by parameter.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        let (rate, decay, momentum, share) = (inputs[0], inputs[1], inputs[2], inputs[3])
        let each = hasMomentum ? 3 : 2
        return decays.indices.flatMap { position in
            let operands = inputs.dropFirst(Self.scalarCount + each * position)
            let p = operands[operands.startIndex]
            var g = operands[operands.startIndex + 1]
            if decays[position] { g += p * decay }
            guard hasMomentum else { return [p - g * rate] }
            let v = operands[operands.startIndex + 2] * momentum + g * share
            return [p - (isNesterov ? g + v * momentum : v) * rate, v]
        }
    }
}

/// Adam and AdamW; formulas are PyTorch's.
///
///     g ← g + decay · p;  p ← p · keep
///     m ← m + share₁ · (g − m);  v ← β₂ · v + share₂ · g²
///     p ← p − rate · m / (√v · correction + ε)
///
/// Inputs: rate, correction, ε, share₁, β₂, share₂, decay, keep (scalars), then for each parameter p, g, m, v. Results: for each parameter
/// p, m, v.
package struct AdamStep: OptimizerStep {
    /// `adam`
    package static let name = "adam"
    /// Which parameters decay.
    package let decays: [Bool]
    /// Of which only the rows are changed whose gradient is not all zeros, with their moments: those of PyTorch's `SparseAdam`.
    package let areSparse: [Bool]

    /// Scalars before the parameters.
    package static let scalarCount = 8

    /// As many as `decays` has entries.
    package var parameterCount: Int { decays.count }
    /// Both moments.
    package var slotCount: Int { 2 }

    /// A step over as many parameters as `decays` has entries.
    package init(decays: [Bool], areSparse: [Bool]) {
        self.decays = decays
        self.areSparse = areSparse
    }

    /// The types of the parameters and moments.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        try parameterTypes(Self.name, inputs, scalars: Self.scalarCount, parameters: decays.count, slots: 2)
    }

    /// The formulas, parameter by parameter.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        let (rate, correction, epsilon, share1) = (inputs[0], inputs[1], inputs[2], inputs[3])
        let (beta2, share2, decay, keep) = (inputs[4], inputs[5], inputs[6], inputs[7])
        return decays.indices.flatMap { position in
            let start = Self.scalarCount + 4 * position
            let (p, gradient, m, v) = (inputs[start], inputs[start + 1], inputs[start + 2], inputs[start + 3])
            let g = decays[position] ? gradient + p * decay : gradient
            let first = m + (g - m) * share1
            let second = v * beta2 + g * g * share2
            let kept = decays[position] ? p * keep : p
            let results = [kept - first * rate / (sqrt(second) * correction + epsilon), first, second]
            guard areSparse[position] else { return results }
            let isTouched = (gradient .!= 0).converted(to: .int32).reduced(.maximum, axes: Array(1..<gradient.rank)) .> 0
            let mask = isTouched.reshaped(to: Shape([p.shape[0]] + [Int](repeating: 1, count: p.rank - 1))).broadcast(to: p.shape)
            return zip(results, [p, m, v]).map { `where`(mask, $0, $1) }
        }
    }
}

/// The types of each parameter and its slots, once gradients are of the same types.
private func parameterTypes(
    _ name: String, _ inputs: [TensorType], scalars: Int, parameters: Int, slots: Int
) throws(ShapeError) -> [TensorType] {
    guard inputs.count == scalars + parameters * (2 + slots), parameters > 0 else {
        throw ShapeError(name, "\(inputs.count) inputs, expected \(scalars + parameters * (2 + slots))")
    }
    var types: [TensorType] = []
    for position in 0..<parameters {
        let start = scalars + position * (2 + slots)
        for other in inputs[start..<start + 2 + slots] where other != inputs[start] {
            throw ShapeError(name, "parameter \(position) is \(inputs[start]), its gradient or state \(other)")
        }
        types += [TensorType](repeating: inputs[start], count: 1 + slots)
    }
    return types
}
