// A composite: a new operation out of those that exist. It needs no gradient and no kernel.
import Hillock

/// x · tanh(ln(1 + e^x)) (Misra, "Mish: a self regularized non-monotonic activation function", 2019).
public func mish(_ x: Tensor) -> Tensor { x * tanh(softplus(x)) }

let x = Tensor([-2, 0, 2] as [Float])
let (sum, slope) = valueAndGradient(at: x) { mish($0).sum() }
print(mish(x))
print(sum, slope)
