/// e^x / Σ e^x along an axis, without overflow: the shape of `x`, which may be empty.
public func softmax(_ x: Tensor, axis: Int = -1, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    let location = SourceLocation(file: file, line: line)
    let axis = x.checkedAxis(axis, "softmax", at: location)
    if x.count == 0 { return x }
    return Tensor.composite(SoftmaxFunction(axis: axis, isLogarithm: false), [x], at: location)[0]
}

/// x − ln Σ e^x along an axis, without overflow: the shape of `x`, which may be empty.
public func logSoftmax(_ x: Tensor, axis: Int = -1, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    let location = SourceLocation(file: file, line: line)
    let axis = x.checkedAxis(axis, "logSoftmax", at: location)
    if x.count == 0 { return x }
    return Tensor.composite(SoftmaxFunction(axis: axis, isLogarithm: true), [x], at: location)[0]
}

/// Softmax or its logarithm along an axis, as one node.
package struct SoftmaxFunction: Composite {
    /// `softmax`
    package static let name = "softmax"
    /// What is summed over.
    package let axis: Int
    /// Whether it is the logarithm that is wanted.
    package let isLogarithm: Bool

    /// The type of x, which has to be real.
    package func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let operation = isLogarithm ? "logSoftmax" : "softmax"
        guard inputs[0].shape.rank > axis else { throw ShapeError(operation, "axis \(axis) is out of range for shape \(inputs[0].shape)") }
        try checkNormalized(operation, inputs[0], [], want: .scalar)
        return inputs
    }

    /// The greatest is subtracted first, which changes nothing but what can overflow.
    package func body(_ inputs: [Tensor]) -> [Tensor] {
        let x = inputs[0]
        let shifted = x - x.max(axes: axis, keepingAxes: true).stoppingGradient()
        let powers = exp(shifted)
        let sum = powers.sum(axes: axis, keepingAxes: true)
        return [isLogarithm ? shifted - log(sum) : powers / sum]
    }
}
