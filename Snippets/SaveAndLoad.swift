// Weights to a safetensors file and back.
import Foundation
import Hillock

/// Your own module: a struct whose properties are layers and parameters; their names become the names in the file.
struct Network: Layer {
    let hidden = Linear(4, 8)
    let output = Linear(8, 2)
    func callAsFunction(_ x: Tensor) -> Tensor { output(relu(hidden(x))) }
}

let path = FileManager.default.temporaryDirectory.appendingPathComponent("network.safetensors").path
let trained = withSeed(1) { Network() }
let tensors = try trained.stateTensors().map { ($0.name, try $0.tensor.hostArray()) }
try Safetensors.write(Dictionary(uniqueKeysWithValues: tensors), to: path)
print(tensors.map { "\($0.0) \($0.1.shape)" }.joined(separator: ", "))

let loaded = withSeed(2) { Network() }
try loaded.load(SafetensorsFile(path: path).arrays())
let x = Tensor.ones([1, 4])
print((trained(x) .== loaded(x)).elements(as: Bool.self))

// Weights of another architecture: nothing is taken, and all that does not fit is named.
do {
    try Linear(4, 8).load(SafetensorsFile(path: path).arrays())
} catch {
    print(error)
}
