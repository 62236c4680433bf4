// Tensors, laziness, gradients.
import Hillock

let a = Tensor([[1, 2], [3, 4]] as [[Float]])
let b = a * 2 + Tensor([10, 20] as [Float])  // nothing is computed yet; rows are broadcast as in NumPy
print(b.isEvaluated)
print(b)  // now it is
print(b.isEvaluated)
print(matmul(a, b)[0, 1...])

// y = Σ x³, dy/dx = 3x², d²y/dx² = 6x
let x = Tensor([1, 2, 3] as [Float])
let (y, dy) = valueAndGradient(at: x) { pow($0, 3).sum() }
print(y, dy)
print(gradient(at: x) { x in gradient(at: x) { pow($0, 3).sum() }.sum() })
