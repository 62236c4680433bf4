import HillockCore

/// Gradients by parameter, as ``valueAndGradient(of:file:line:_:)`` returns them and optimizers take them.
public struct Gradients: Sendable {
    /// What was differentiated by.
    public let parameters: [Parameter]
    /// One gradient for each parameter, of its shape and dtype.
    public var values: [Tensor]
    /// What was differentiated, if an update shall compute it too.
    package var loss: Tensor?

    /// Gradients of these parameters.
    public init(parameters: [Parameter], values: [Tensor]) {
        self.parameters = parameters
        self.values = values
    }

    /// The gradient for a parameter; `nil` for one that is not among ``parameters``.
    public subscript(_ parameter: Parameter) -> Tensor? {
        parameters.firstIndex { $0 === parameter }.map { values[$0] }
    }
}

/// The value of `loss` and its gradients with respect to the parameters, which it may use as it likes.
///
/// - Parameters:
///   - parameters: usually the optimizer's, or `model.parameters()` asked for once.
///   - loss: gives a floating scalar.
public func valueAndGradient(
    of parameters: [Parameter], file: StaticString = #fileID, line: UInt = #line, _ loss: () throws -> Tensor
) rethrows -> (value: Tensor, gradients: Gradients) {
    let variables = parameters.map(\.value)
    return try withTape {
        let value = try loss()
        let values = gradients(of: value, withRespectTo: variables, at: SourceLocation(file: file, line: line))
        var result = Gradients(parameters: parameters, values: values)
        // The gradients need all that the loss was made from, but not the loss itself: computed on its own it would cost a second forward pass.
        result.loss = value
        return (value, result)
    }
}
