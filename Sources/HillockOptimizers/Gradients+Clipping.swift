import HillockCore
import HillockNN

extension Gradients {
    /// The length of all gradients taken as one vector, √Σg²: a scalar.
    public var globalNorm: Tensor {
        let squares = values.map { ($0 * $0).sum() }
        guard let first = squares.first else { return Tensor(0) }
        return sqrt(squares.dropFirst().reduce(first) { $0 + $1.converted(to: first.dtype) })
    }

    /// Scales the gradients down by one factor so that their ``globalNorm`` is at most `limit`; shorter ones stay as they are
    /// (Pascanu, Mikolov, Bengio 2013). As PyTorch's `clip_grad_norm_`: the factor is min(1, limit / (norm + 10⁻⁶)).
    ///
    /// - Returns: The norm before; to read it, let the update compute it too: `update(gradients, evaluating: [norm])`.
    @discardableResult
    public func clip(toNorm limit: Double) -> Tensor {
        let norm = globalNorm
        let factor = minimum(limit / (norm + 1e-6), 1)
        values = values.map { $0 * factor.converted(to: $0.dtype) }
        return norm
    }

    /// Brings each element of the gradients into ±`limit`, as PyTorch's `clip_grad_value_`.
    public func clip(toValue limit: Double) {
        values = values.map { minimum(maximum($0, -limit), limit) }
    }
}
