/// Mean over all rows of −log softmax at the row's class.
///
/// - Parameters:
///   - logits: `[…, classes]`, unnormalised.
///   - labels: class indices, `i32` or `i64`, of the shape of `logits` without its last axis.
/// - Returns: a scalar.
public func crossEntropy(_ logits: Tensor, _ labels: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    guard logits.rank > 0, Array(logits.shape.dimensions.dropLast()) == labels.shape.dimensions else {
        return .failed(
            ShapeError("crossEntropy", "logits are \(logits.type), labels are \(labels.type): labels must have the logits' shape without its last axis"),
            [logits], at: SourceLocation(file: file, line: line), guess: TensorType(logits.dtype, .scalar))
    }
    guard labels.dtype == .int32 || labels.dtype == .int64 else {
        return .failed(
            ShapeError(
                "crossEntropy", "labels are \(labels.dtype), expected class indices as i32 or i64",
                hint: "convert them with converted(to: .int64), or argmax one-hot rows"), [logits],
            at: SourceLocation(file: file, line: line), guess: TensorType(logits.dtype, .scalar))
    }
    // Chosen, not multiplied by a one-hot row: −∞ for another class must not spoil the sum.
    let chosen = oneHot(labels, depth: logits.shape[-1], dtype: .bool)
    return `where`(chosen, logSoftmax(logits), Tensor.zerosLike(logits)).sum() * (-1 / Double(Swift.max(labels.count, 1)))
}

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
