// Train a small network on the digits that are built in.
import Hillock

let digits = try ImageDataset.load("mnist-5k")  // 4,000 images to learn from, 1,000 to test on
let scale = Normalization(of: digits.train.images)
let training = ImageBatches(digits.train, normalization: scale)
let test = ImageBatches(digits.test, normalization: scale).batch(Array(0..<1000)[...], epoch: nil)

let model = withSeed(1) { Sequential(Flatten(), Linear(784, 128), ReLU(), Linear(128, 10)) }
let optimizer = Adam(model, learningRate: 2e-3)
let sampler = Sampler(count: training.sampleCount, seed: 1)

for epoch in 0..<5 {
    let order = sampler.order(epoch: epoch)
    for start in stride(from: 0, to: order.count, by: 50) {
        let batch = training.batch(order[start..<start + 50], epoch: epoch)
        let (_, gradients) = valueAndGradient(of: optimizer.parameters) { crossEntropy(model(batch.inputs), batch.targets) }
        optimizer.update(gradients)
    }
    let right = (model(test.inputs).argmax() .== test.targets).converted(to: .int64).sum()
    print("epoch \(epoch + 1): \(right) of 1000 test images")
}
