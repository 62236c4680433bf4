// What a wrong shape says, caught before anything is computed.
import Hillock

let model = Sequential(Conv2d(1, 8, kernel: 3), ReLU(), Flatten(), Linear(8 * 26 * 26, 10))
for shape in [[1, 28, 28], [3, 28, 28], [1, 32, 32]] as [[Int]] {
    do {
        try model.validate(inputs: TensorType(.float32, Shape([16] + shape)))
        print("\(shape) fits")
    } catch {
        print("\(shape): \(error)")
    }
}
print(model.summary(input: [1, 28, 28]))
