/// Mean squared difference: a scalar.
public func meanSquaredError(_ prediction: Tensor, _ target: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    guard prediction.shape == target.shape else {
        return .failed(
            ShapeError("meanSquaredError", "prediction is \(prediction.shape), target is \(target.shape): shapes differ"), [prediction],
            at: SourceLocation(file: file, line: line), guess: TensorType(prediction.dtype, .scalar))
    }
    let difference = prediction - target
    return (difference * difference).mean()
}

/// Mean binary cross-entropy of `sigmoid(logits)` against targets in [0, 1], without overflow: a scalar.
///
/// `max(x, 0) − x·t + ln(1 + e^−|x|)`
public func binaryCrossEntropy(logits: Tensor, _ target: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    guard logits.shape == target.shape else {
        return .failed(
            ShapeError("binaryCrossEntropy", "logits are \(logits.shape), target is \(target.shape): shapes differ"), [logits],
            at: SourceLocation(file: file, line: line), guess: TensorType(logits.dtype, .scalar))
    }
    return (maximum(logits, 0) - logits * target + log1p(exp(-abs(logits)))).mean()
}
