// Train one model on several devices: here on eight virtual ones, which XLA's plugin makes of this machine's cores.
import Hillock

let mesh = Mesh(data: 4, model: 2)
let devices = try Device.mesh(mesh, of: "xla-cpu")  // "cuda": the first eight GPUs

let model = withSeed(1) { TransformerEncoderLayer(64, heads: 4, feedForward: 256, dropout: 0) }
model.place(on: mesh, .tensorParallel())  // or .dataParallel, .fullySharded
let optimizer = AdamW(model, learningRate: 1e-3)
let (inputs, targets) = withSeed(2) { (Tensor.normal([16, 10, 64]), Tensor.normal([16, 10, 64])) }

try Device.$current.withValue(devices) {
    for step in 1...5 {
        let (loss, gradients) = valueAndGradient(of: optimizer.parameters) {
            let difference = model(inputs.sharded(on: mesh)) - targets.sharded(on: mesh)
            return (difference * difference).mean()
        }
        optimizer.update(gradients)
        print("step \(step): \(loss.item())")
    }
    let weight = model.linear1.weight.value
    print(try weight.currentSharding() ?? .replicated, try weight.byteCounts())  // [model] [32768, 32768, …]: half on each device
    print(weight[0, ..<4])  // put together where it is read
}
