/// Reverse-mode differentiation as a transformation of the graph: from nodes to nodes.
///
/// Walks back from `output`, and every primitive says, in tensor operations, what its gradient is. The result is a graph like any other,
/// so gradients of gradients need nothing more. (Griewank and Walther, "Evaluating Derivatives", 2008, chapter 3.)
///
/// - Parameters:
///   - output: A scalar of floating dtype.
///   - variables: Nodes to differentiate by; the walk does not go below them.
/// - Returns: For each variable, the gradient, of its shape and dtype: zeros where `output` does not depend on it.
package func gradients(of output: Tensor, withRespectTo variables: [Tensor], at location: SourceLocation? = nil) -> [Tensor] {
    guard output.count == 1, output.dtype.isFloatingPoint else {
        misuse(
            ShapeError(
                "gradient", "the function's value is \(output.type), expected a floating scalar", hint: "reduce it with sum() or mean()"),
            at: location)
        return variables.map(Tensor.zerosLike)
    }
    return vectorJacobianProduct(of: [output], with: [Tensor.ones(output.shape, dtype: output.dtype)], withRespectTo: variables)
}

/// The sum over `outputs` of the upstream gradient of each times its derivative by each variable.
///
/// - Parameters:
///   - upstreams: For each output, the gradient of some scalar with respect to it, of its type.
///   - variables: Nodes to differentiate by; the walk does not go below them.
/// - Returns: For each variable, the gradient of that scalar: zeros where no output depends on it.
package func vectorJacobianProduct(of outputs: [Tensor], with upstreams: [Tensor], withRespectTo variables: [Tensor]) -> [Tensor] {
    let wanted = Set(variables.map { ObjectIdentifier($0.node) })
    let order = dependents(of: outputs.map(\.node), on: wanted)
    let onPath = Set(order.map(ObjectIdentifier.init))
    var known: [ObjectIdentifier: Tensor] = [:]
    /// Upstream gradients of composites with several results, by result.
    var results: [ObjectIdentifier: [Tensor?]] = [:]
    func add(_ part: Tensor, to node: Node) {
        let key = ObjectIdentifier(node)
        known[key] = known[key].map { $0 + part } ?? part
    }
    for (output, upstream) in zip(outputs, upstreams) { add(upstream, to: output.node) }

    for node in order.reversed() where !wanted.contains(ObjectIdentifier(node)) {
        let inputs = Evaluator.shared.inputs(of: node)
        let parts: [Tensor?]
        if node.resultCount > 1 {
            guard let upstreams = results.removeValue(forKey: ObjectIdentifier(node)), let composite = node.primitive as? any Composite
            else { continue }
            parts = CompositeGradient.apply(composite, inputs.map { Tensor($0) }, upstreams)
        } else {
            guard let upstream = known.removeValue(forKey: ObjectIdentifier(node)) else { continue }
            if let result = node.primitive as? CompositeResult {
                let composite = inputs[0]
                results[ObjectIdentifier(composite), default: [Tensor?](repeating: nil, count: Int(composite.resultCount))][result.index] =
                    upstream
                continue
            }
            parts = node.primitive.gradient(inputs: inputs.map { Tensor($0) }, output: Tensor(node), upstream: upstream)
        }
        for (input, part) in zip(inputs, parts) {
            if let part, onPath.contains(ObjectIdentifier(input)) { add(part, to: input) }
        }
    }
    return variables.map { known[ObjectIdentifier($0.node)] ?? Tensor.zerosLike($0) }
}

/// The nodes between the outputs and the wanted ones, both included, inputs before uses; without recursion.
private func dependents(of outputs: [Node], on wanted: Set<ObjectIdentifier>) -> [Node] {
    var depends: [ObjectIdentifier: Bool] = [:]
    var order: [Node] = []
    var stack: [(node: Node, inputs: [Node], next: Int)] = []

    func enter(_ node: Node) {
        let key = ObjectIdentifier(node)
        guard depends[key] == nil else { return }
        let isWanted = wanted.contains(key)
        depends[key] = isWanted
        stack.append((node, isWanted || stopsGradients(node) ? [] : Evaluator.shared.inputs(of: node), 0))
    }

    for output in outputs {
        enter(output)
        while let top = stack.last {
            if top.next < top.inputs.count {
                stack[stack.count - 1].next += 1
                enter(top.inputs[top.next])
            } else {
                stack.removeLast()
                let key = ObjectIdentifier(top.node)
                if top.inputs.contains(where: { depends[ObjectIdentifier($0)] == true }) { depends[key] = true }
                if depends[key] == true { order.append(top.node) }
            }
        }
    }
    return order
}

/// Whether nothing behind the node is differentiated: what was taken as constant, and what an optimizer wrote, which are new variables.
/// Types are compared by identity, since a cast would cost more than all the rest of the visit.
private func stopsGradients(_ node: Node) -> Bool {
    let type = ObjectIdentifier(type(of: node.primitive))
    return type == ObjectIdentifier(StopGradient.self) || type == ObjectIdentifier(AdamStep.self) || type == ObjectIdentifier(SGDStep.self)
}

/// The value of `function` at `x` and its gradient there. The value is a floating scalar; the gradient has the shape of `x`.
///
/// Functions may themselves take gradients: `gradient(at: x) { x in gradient(at: x, of: f).sum() }` is a second derivative.
public func valueAndGradient(
    at x: Tensor, file: StaticString = #fileID, line: UInt = #line, of function: (Tensor) throws -> Tensor
) rethrows -> (value: Tensor, gradient: Tensor) {
    let (value, gradients) = try valueAndGradients(at: [x], file: file, line: line) { try function($0[0]) }
    return (value, gradients[0])
}

/// The value of `function` at several tensors and its gradients with respect to each.
public func valueAndGradients(
    at x: [Tensor], file: StaticString = #fileID, line: UInt = #line, of function: ([Tensor]) throws -> Tensor
) rethrows -> (value: Tensor, gradients: [Tensor]) {
    let variables = x.map { $0.identity() }
    return try withTape {
        let value = try function(variables)
        return (value, gradients(of: value, withRespectTo: variables, at: SourceLocation(file: file, line: line)))
    }
}

/// The gradient of `function` at `x`, of the shape of `x`.
public func gradient(
    at x: Tensor, file: StaticString = #fileID, line: UInt = #line, of function: (Tensor) throws -> Tensor
) rethrows -> Tensor {
    try valueAndGradient(at: x, file: file, line: line, of: function).gradient
}

/// Runs `body`, in which values that are computed keep the record of how, so that they can still be differentiated.
package func withTape<Result>(_ body: () throws -> Result) rethrows -> Result {
    try GradientScope.$isActive.withValue(true, operation: body)
}
