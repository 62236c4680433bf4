import Hillock

/// A small training to look at: a model, its data and its optimizer.
struct TrainingCase {
    let parameterCount: Int
    let makeStep: () -> () -> Void

    private init(_ model: Sequential, _ input: Shape, classes: Int, _ makeOptimizer: @escaping (Sequential) -> any Optimizer) {
        parameterCount = model.parameters().count
        makeStep = {
            let optimizer = makeOptimizer(model)
            let x = Tensor.normal(input)
            let labels = Tensor(HostArray((0..<input[0]).map { Int32($0 % classes) }))
            evaluate(x)
            return {
                let (_, gradients) = valueAndGradient(of: optimizer.parameters) { crossEntropy(model(x), labels) }
                optimizer.update(gradients)
            }
        }
    }

    /// A perceptron of two layers, batch 16.
    static var small: TrainingCase {
        TrainingCase(Sequential(Linear(32, 16), ReLU(), Linear(16, 4)), [16, 32], classes: 4) { SGD($0, learningRate: 0.01, momentum: 0.9) }
    }

    static func named(_ name: String) -> TrainingCase? {
        switch name {
        case "small": small
        case "mlp":
            // Workload T02.
            TrainingCase(Sequential(Linear(784, 512), ReLU(), Linear(512, 512), ReLU(), Linear(512, 10)), [128, 784], classes: 10) {
                Adam($0, learningRate: 1e-3)
            }
        case "deep":
            TrainingCase(
                Sequential((0..<32).flatMap { _ -> [any Layer] in [Linear(64, 64), ReLU()] } + [Linear(64, 10)]), [8, 64], classes: 10
            ) {
                Adam($0, learningRate: 1e-3)
            }
        case "convolution":
            TrainingCase(
                Sequential(
                    Conv2d(3, 16, kernel: 3, padding: 1), BatchNorm2d(16), ReLU(), MaxPool2d(kernel: 2),
                    Conv2d(16, 32, kernel: 3, padding: 1), BatchNorm2d(32), ReLU(), Flatten(), Linear(8192, 10)), [16, 3, 32, 32],
                classes: 10
            ) { SGD($0, learningRate: 0.01, momentum: 0.9) }
        default: nil
        }
    }
}
