import Hillock

// Workload M08: a new process up to its first result.
let x = Tensor.ones([256, 256])
print(matmul(x, x)[0, 0].item())
