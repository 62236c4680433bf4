/// Records what a function of tensors does as a program, without computing anything.
///
/// The nodes of a trace are seen by nobody else, so that none of it waits for the evaluator, which may be planning the program that the
/// traced composite is part of.
enum Trace {
    /// Whether nodes are being made that only this task knows.
    @TaskLocal static var isActive = false

    /// The body of a composite for inputs of these types, which the program's inputs are, in order.
    static func program(of composite: any Composite, for inputs: [TensorType]) -> Program {
        program(of: composite.body, for: inputs)
    }

    /// What `body` does with inputs of these types.
    static func program(of body: ([Tensor]) -> [Tensor], for inputs: [TensorType]) -> Program {
        $isActive.withValue(true) {
            let placeholders = inputs.map { Node(Leaf(), $0) }
            let outputs = body(placeholders.map { Tensor($0) }).map(\.node)
            return Evaluator.trace(outputs, from: placeholders)
        }
    }
}
