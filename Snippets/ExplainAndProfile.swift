// What is made of a program, and where its time goes.
import Hillock

let model = Sequential(Linear(784, 128), ReLU(), Linear(128, 10))
let optimizer = Adam(model, learningRate: 1e-3)
let images = Tensor([Float](repeating: 0.5, count: 64 * 784), shape: [64, 784])
let labels = Tensor([Int64](repeating: 3, count: 64))

func trainingStep() {
    let (_, gradients) = valueAndGradient(of: optimizer.parameters) { crossEntropy(model(images), labels) }
    optimizer.update(gradients)
}

print(explain { evaluate(model(images)) })
print(profile(warmUp: 3, steps: 100) { trainingStep() })
