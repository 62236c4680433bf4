/// Mean over all rows of −log softmax at the row's class.
///
/// With class weights w the mean is weighted: Σ wᵧ · loss / Σ wᵧ. With label smoothing ε the wanted distribution is
/// `(1 − ε) · one-hot + ε / classes` (Szegedy et al. 2016). Both as PyTorch's `cross_entropy`.
///
/// - Parameters:
///   - logits: `[…, classes]`, unnormalised.
///   - labels: class indices, `i32` or `i64`, of the shape of `logits` without its last axis.
///   - classWeights: `[classes]`, of the logits' dtype.
///   - labelSmoothing: ε, from 0 to 1.
/// - Returns: a scalar.
public func crossEntropy(
    _ logits: Tensor, _ labels: Tensor, classWeights: Tensor? = nil, labelSmoothing: Double = 0, file: StaticString = #fileID,
    line: UInt = #line
) -> Tensor {
    func failed(_ message: String, hint: String? = nil) -> Tensor {
        .failed(
            ShapeError("crossEntropy", message, hint: hint), [logits], at: SourceLocation(file: file, line: line),
            guess: TensorType(logits.dtype, .scalar))
    }
    guard logits.rank > 0, Array(logits.shape.dimensions.dropLast()) == labels.shape.dimensions else {
        return failed("logits are \(logits.type), labels are \(labels.type): labels must have the logits' shape without its last axis")
    }
    guard labels.dtype == .int32 || labels.dtype == .int64 else {
        return failed(
            "labels are \(labels.dtype), expected class indices as i32 or i64",
            hint: "convert them with converted(to: .int64), or argmax one-hot rows")
    }
    let classes = logits.shape[-1]
    if let classWeights, classWeights.type != TensorType(logits.dtype, [classes]) {
        return failed("class weights are \(classWeights.type), expected \(TensorType(logits.dtype, [classes]))")
    }
    guard labelSmoothing >= 0, labelSmoothing <= 1 else { return failed("label smoothing is \(labelSmoothing), expected 0 to 1") }

    let inputs = [logits, labels] + [classWeights].compactMap { $0 }
    return Tensor.composite(CrossEntropy(labelSmoothing: labelSmoothing), inputs, at: SourceLocation(file: file, line: line))[0]
}

/// Softmax cross-entropy, whole: engines need not write the softmax down.
///
/// Inputs: logits `[…, classes]`, labels `[…]`, and if there are any the class weights `[classes]`; the result is a scalar. A label that is
/// no class counts as none: its row has no wanted class, but still its smoothed part.
public struct CrossEntropy: Composite {
    /// `crossentropy`
    public static let name = "crossentropy"
    /// The part of the wanted distribution that is spread over all classes, from 0 to 1.
    public let labelSmoothing: Double

    /// Cross-entropy with this label smoothing.
    package init(labelSmoothing: Double) { self.labelSmoothing = labelSmoothing }

    /// A scalar of the logits' dtype.
    public func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        guard inputs.count >= 2, inputs[0].shape.rank > 0, Array(inputs[0].shape.dimensions.dropLast()) == inputs[1].shape.dimensions else {
            throw ShapeError(Self.name, "logits and labels are \(inputs.map(\.description).joined(separator: ", "))")
        }
        return [TensorType(inputs[0].dtype, .scalar)]
    }

    /// −log softmax at the labels, averaged.
    public func body(_ inputs: [Tensor]) -> [Tensor] {
        let (logits, labels) = (inputs[0], inputs[1])
        let classes = logits.shape[-1]
        // Chosen, not multiplied by a one-hot row: −∞ for another class must not spoil the sum.
        let chosen = oneHot(labels, depth: classes, dtype: .bool)
        let zeros = Tensor.zerosLike(logits)
        let logProbabilities = logSoftmax(logits)
        let weights = inputs.count > 2 ? inputs[2].broadcast(to: logits.shape) : nil
        let weighted = weights.map { logProbabilities * $0 } ?? logProbabilities
        let sum = `where`(chosen, weighted, zeros).sum()
        let total = weights.map { `where`(chosen, $0, zeros).sum() }
        func mean(_ sum: Tensor, _ factor: Double) -> Tensor {
            total.map { sum / $0 * -factor } ?? sum * (-factor / Double(Swift.max(labels.count, 1)))
        }
        if labelSmoothing == 0 { return [mean(sum, 1)] }
        return [mean(sum, 1 - labelSmoothing) + mean(weighted.sum(), labelSmoothing / Double(classes))]
    }
}
