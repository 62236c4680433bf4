import HillockCore

extension OperationCase {
    /// Normalisation.
    static let normalization: [OperationCase] = {
        let layer = "layerNorm(Tensor, scale: Tensor, bias: Tensor?, epsilon: Double)"
        let batch = "batchNorm(Tensor, mean: Tensor, variance: Tensor, scale: Tensor?, bias: Tensor?, epsilon: Double)"
        let training = "batchNorm(Tensor, scale: Tensor?, bias: Tensor?, epsilon: Double)"
        let group = "groupNorm(Tensor, groups: Int, scale: Tensor?, bias: Tensor?, epsilon: Double)"
        let instance = "instanceNorm(Tensor, scale: Tensor?, bias: Tensor?, epsilon: Double)"
        let epsilons = ["epsilon": 0.1, "one": 0.1, "single": 0.1]
        let layers = ["last", "two", "withoutBias", "epsilon", "one", "emptyBatch", "long"]
        let batches = ["images", "rows", "plain", "scaleOnly", "epsilon", "emptyBatch"]
        let trainings = ["images", "rows", "plain", "scaleOnly", "epsilon", "single", "offset", "long", "special", "emptyBatch"]
        let groups = ["pairs": 3, "all": 1, "each": 3, "rows": 2, "plain": 2, "scaleOnly": 2, "emptyBatch": 2]
        var cases = trainings.map { variant in
            OperationCase(name: "batchNormTraining/\(variant)", covers: [training]) { inputs, _ in
                let results = batchNorm(
                    inputs[0], scale: inputs.count > 1 ? inputs[1] : nil, bias: inputs.count > 2 ? inputs[2] : nil,
                    epsilon: epsilons[variant] ?? 1e-5)
                return [results.output, results.mean, results.variance]
            }
        }
        for (variant, count) in groups {
            cases.append(
                OperationCase("groupNorm/\(variant)", group) {
                    groupNorm($0[0], groups: count, scale: $0.count > 1 ? $0[1] : nil, bias: $0.count > 2 ? $0[2] : nil)
                })
        }
        for variant in ["images", "plain", "long"] {
            cases.append(
                OperationCase("instanceNorm/\(variant)", instance) {
                    instanceNorm($0[0], scale: $0.count > 1 ? $0[1] : nil, bias: $0.count > 2 ? $0[2] : nil)
                })
        }
        cases += layers.map { variant in
            OperationCase("layerNorm/\(variant)", layer) {
                layerNorm($0[0], scale: $0[1], bias: $0.count > 2 ? $0[2] : nil, epsilon: epsilons[variant] ?? 1e-5)
            }
        }
        cases += batches.map { variant in
            OperationCase("batchNorm/\(variant)", batch) {
                batchNorm(
                    $0[0], mean: $0[1], variance: $0[2], scale: $0.count > 3 ? $0[3] : nil, bias: $0.count > 4 ? $0[4] : nil,
                    epsilon: epsilons[variant] ?? 1e-5)
            }
        }
        return cases
    }()
}
