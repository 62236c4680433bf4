import Hillock

/// One workload made ready: what a step is and what is reported of it.
public struct Workload {
    /// One step; gives what must be known before the step is over.
    public var step: () throws -> Tensor
    /// Samples in a step.
    public var samples = 0
    /// What a sample is, as the peers' reports name it: `tokens`.
    public var unit = "samples"
    /// Whether a step's result is a loss that the specification states.
    public var hasLoss = false
    /// Whether each step is waited for (latency), and the mean of |result| is stated by the specification.
    public var isInference = false
    /// Floating-point operations of a step, for a rate in GFLOP/s.
    public var flops = 0.0
    /// Bytes moved by a step, for a rate in GB/s.
    public var bytes = 0.0
    /// Operations in a step, for nanoseconds an operation.
    public var operations = 0

    /// What is trained, where its parameters may be placed on a mesh before the first step, and by whom.
    public var model: ModuleContents?
    /// Who trains it.
    public var optimizer: (any Optimizer)?

    /// A workload of this step.
    public init(step: @escaping () throws -> Tensor) { self.step = step }
}

extension Workload {
    /// A training step on one batch: loss, gradients and update in one program.
    static func training(
        _ optimizer: any Optimizer, samples: Int, unit: String = "samples", _ loss: @escaping () -> Tensor
    ) -> Workload {
        var workload = Workload {
            withTraining {
                let (value, gradients) = valueAndGradient(of: optimizer.parameters, loss)
                optimizer.update(gradients)
                return value
            }
        }
        workload.samples = samples
        workload.unit = unit
        workload.hasLoss = true
        workload.optimizer = optimizer
        return workload
    }

    /// Training of a classifier: cross entropy of a model's logits against classes drawn from stream 2.
    static func classification<Model: Layer>(
        _ model: Model, _ inputs: Tensor, classes: Int, _ makeOptimizer: (Model) -> any Optimizer
    ) -> Workload {
        PortableRandom.initialize(model)
        let labels = PortableRandom(stream: 2).integers([inputs.shape[0]], high: classes)
        var workload = training(makeOptimizer(model), samples: inputs.shape[0]) { crossEntropy(model(inputs.divided), labels.divided) }
        workload.model = model.contents()
        return workload
    }

    /// A forward pass in evaluation mode.
    static func inference(_ model: some Layer, _ inputs: Tensor) -> Workload {
        PortableRandom.initialize(model)
        // Known values, as they are when a model is loaded.
        evaluate(model.contents().buffers.map(\.buffer.value))
        var workload = Workload {
            let output = model(inputs)
            evaluate(output)
            return output
        }
        workload.samples = inputs.shape[0]
        workload.isInference = true
        return workload
    }
}

extension Workload {
    /// How the workloads' transformers are divided along a mesh's axis `model`.
    public static let shardingRules =
        ShardingRule.transformer + [
            ShardingRule("*fc1.weight", axis: 0), ShardingRule("*fc1.bias", axis: 0), ShardingRule("*fc2.weight", axis: 1),
            ShardingRule("*emb.weight", axis: 1),
        ]
}

extension Tensor {
    /// A batch as the current device wants it: on a mesh its samples are divided.
    var divided: Tensor { Device.current.mesh.map { sharded(on: $0) } ?? self }
}
