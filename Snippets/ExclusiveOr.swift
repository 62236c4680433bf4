// The network of ScalarEngine.swift with Hillock: the same weights, the same steps.
import Hillock

let x = Tensor([[0, 0], [0, 1], [1, 0], [1, 1]] as [[Double]])
let y = Tensor([[0], [1], [1], [0]] as [[Double]])
let hidden = Parameter(Tensor([[0.8, -0.6], [-0.7, 0.9], [0.5, 0.4]]))
let hiddenBias = Parameter(Tensor([0.1, -0.2, 0.3]))
let output = Parameter(Tensor([[0.6, 0.7, -0.5]]))
let outputBias = Parameter(Tensor([0.0]))

func network(_ x: Tensor) -> Tensor {
    let h = tanh(matmul(x, hidden.value, transposingRight: true) + hiddenBias.value)
    return matmul(h, output.value, transposingRight: true) + outputBias.value
}

let optimizer = SGD([hidden, hiddenBias, output, outputBias], learningRate: 0.1)
for step in 0...100 {
    let (loss, gradients) = valueAndGradient(of: optimizer.parameters) {
        let error = network(x) - y
        return (error * error).sum()
    }
    if step % 25 == 0 { print("step \(step): loss \((loss.item() * 10_000).rounded() / 10_000)") }
    optimizer.update(gradients)
}
print(round(abs(network(x))).transposed())
