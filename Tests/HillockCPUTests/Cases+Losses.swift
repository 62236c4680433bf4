import HillockCore

extension OperationCase {
    /// Softmax and losses.
    static let losses: [OperationCase] = {
        var cases: [OperationCase] = []
        let functions: [(String, @Sendable (Tensor, Int) -> Tensor)] = [
            ("softmax", { softmax($0, axis: $1) }), ("logSoftmax", { logSoftmax($0, axis: $1) }),
        ]
        for (name, function) in functions {
            let axes = [
                "last": -1, "first": 0, "middle": 1, "one": 1, "vector": 0, "empty": 1, "long": 1, "large": -1, "masked": -1, "special": -1,
                "emptyAxis": -1,
            ]
            for (variant, axis) in axes {
                cases.append(OperationCase("\(name)/\(variant)", "\(name)(Tensor, axis: Int)") { function($0[0], axis) })
            }
        }
        let entropy = "crossEntropy(Tensor, Tensor, classWeights: Tensor?, labelSmoothing: Double)"
        for variant in ["batch", "sequence", "single", "large", "oneClass", "masked"] {
            cases.append(OperationCase("crossEntropy/\(variant)", entropy) { crossEntropy($0[0], $0[1]) })
        }
        cases += [
            OperationCase("crossEntropy/weighted", entropy) { crossEntropy($0[0], $0[1], classWeights: $0[2]) },
            OperationCase("crossEntropy/smoothed", entropy) { crossEntropy($0[0], $0[1], labelSmoothing: 0.1) },
            OperationCase("crossEntropy/weightedAndSmoothed", entropy) {
                crossEntropy($0[0], $0[1], classWeights: $0[2], labelSmoothing: 0.2)
            },
        ]
        let ctc = "ctcLoss(Tensor, Tensor, inputLengths: Tensor, targetLengths: Tensor, blank: Int, zeroInfinity: Bool)"
        for variant in ["batch", "lengths", "blank", "impossible", "infinite"] {
            cases.append(
                OperationCase("ctcLoss/\(variant)", ctc) {
                    ctcLoss(
                        logSoftmax($0[0]), $0[1], inputLengths: $0[2], targetLengths: $0[3], blank: variant == "blank" ? 2 : 0,
                        zeroInfinity: variant == "impossible")
                })
        }
        for variant in ["matrix", "scalar", "empty"] {
            cases.append(
                OperationCase("meanSquaredError/\(variant)", "meanSquaredError(Tensor, Tensor)") { meanSquaredError($0[0], $0[1]) })
        }
        for variant in ["soft", "large", "zeroLogits"] {
            cases.append(
                OperationCase("binaryCrossEntropy/\(variant)", "binaryCrossEntropy(logits: Tensor, Tensor)") {
                    binaryCrossEntropy(logits: $0[0], $0[1])
                })
        }
        return cases
    }()
}
