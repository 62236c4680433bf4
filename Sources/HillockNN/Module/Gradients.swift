import HillockCore
import Synchronization

/// Gradients by parameter, as ``valueAndGradient(of:file:line:_:)`` returns them and optimizers take them.
///
/// A box that an optimizer's update empties: a gradient that nobody holds need never be written to memory. Read ``values`` before the
/// update if you want to keep them.
public final class Gradients: Sendable {
    /// What was differentiated by.
    public let parameters: [Parameter]
    private let state: Mutex<(values: [Tensor], loss: Tensor?)>

    /// Gradients of these parameters; `loss` is what was differentiated, if an update shall compute it too.
    public init(parameters: [Parameter], values: [Tensor], loss: Tensor? = nil) {
        self.parameters = parameters
        state = Mutex((values, loss))
    }

    /// One gradient for each parameter, of its shape and dtype; empty after an update.
    public var values: [Tensor] {
        get { state.withLock { $0.values } }
        set { state.withLock { $0.values = newValue } }
    }

    /// The gradient for a parameter; `nil` for one that is not among ``parameters``, and after an update.
    public subscript(_ parameter: Parameter) -> Tensor? {
        let values = values
        return parameters.firstIndex { $0 === parameter }.flatMap { $0 < values.count ? values[$0] : nil }
    }

    /// Empties the box.
    package func take() -> (values: [Tensor], loss: Tensor?) {
        state.withLock { state in
            defer { state = ([], nil) }
            return state
        }
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
        let value = try phase("forward") { try loss() }
        let values = phase("backward") {
            gradients(of: value, withRespectTo: variables, at: SourceLocation(file: file, line: line))
        }
        // The gradients need all that the loss was made from, but not the loss itself: computed on its own it would cost a second forward pass.
        return (value, Gradients(parameters: parameters, values: values, loss: value))
    }
}
