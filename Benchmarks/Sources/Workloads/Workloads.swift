import Hillock

/// The workloads by their names.
public enum Workloads {
    /// Names in the order of the specification.
    public static let names = ["T01", "T02", "T03", "M01", "M03"]

    /// A workload made ready; `nil` if there is none of this name.
    public static func make(_ name: String) -> Workload? {
        switch name {
        case "T01": classifier(Sequential(Linear(784, 10)), input: [128, 784]) { SGD($0, learningRate: 0.01) }
        case "T02":
            classifier(
                Sequential(Linear(784, 512), ReLU(), Linear(512, 512), ReLU(), Linear(512, 10)), input: [128, 784]
            ) { Adam($0, learningRate: 1e-3) }
        case "T03":
            classifier(
                Sequential(
                    Conv2d(1, 32, kernel: 3), ReLU(), Conv2d(32, 64, kernel: 3), ReLU(), MaxPool2d(kernel: 2), Flatten(), Linear(9216, 128),
                    ReLU(),
                    Linear(128, 10)), input: [128, 1, 28, 28]
            ) { Adam($0, learningRate: 1e-3) }
        case "M01": chain()
        case "M03": matrixProduct()
        default: nil
        }
    }

    /// Training of a classifier of ten classes on one batch.
    private static func classifier(_ model: Sequential, input: Shape, _ makeOptimizer: (Sequential) -> any Optimizer) -> Workload {
        let optimizer = makeOptimizer(model)
        PortableRandom.initialize(optimizer.parameters)
        let images = PortableRandom(stream: 1).normal(input)
        let labels = PortableRandom(stream: 2).integers([input[0]], high: 10)
        evaluate(images, labels)
        var workload = Workload {
            withTraining {
                let (loss, gradients) = valueAndGradient(of: optimizer.parameters) { crossEntropy(model(images), labels) }
                optimizer.update(gradients)
                return loss
            }
        }
        workload.samples = input[0]
        workload.hasLoss = true
        return workload
    }

    /// x = x + y a thousand times on 16 elements, one operator call each.
    private static func chain() -> Workload {
        let start = PortableRandom(stream: 1).normal([16])
        let y = PortableRandom(stream: 2).normal([16])
        var workload = Workload {
            var x = start
            for _ in 0..<1000 { x = x + y }
            evaluate(x)
            return x
        }
        workload.operations = 1000
        return workload
    }

    private static func matrixProduct() -> Workload {
        let a = PortableRandom(stream: 1).normal([2048, 2048])
        let b = PortableRandom(stream: 2).normal([2048, 2048])
        var workload = Workload {
            let c = matmul(a, b)
            evaluate(c)
            return c
        }
        workload.flops = 2 * 2048 * 2048 * 2048
        return workload
    }
}
