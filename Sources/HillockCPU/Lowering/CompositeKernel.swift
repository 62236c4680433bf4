import HillockCore

/// A composite that this engine has kernels for: it stays whole in programs, and is lowered by itself.
///
/// What has no kernel for some types says so and is replaced by its body. Kernels are tested against the body.
protocol CompositeKernel: Composite {
    /// Whether there is a kernel for inputs of these types.
    func hasKernel(for inputs: [TensorType]) -> Bool

    /// Appends the steps that compute the results that are used.
    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws

    /// Whether there is a kernel for the gradient, given upstream gradients for these results.
    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool

    /// Appends the steps that compute those gradients that are used. The call's operands are the composite's inputs, then the upstream
    /// gradients of the results in `upstreams`; its results are the gradients of the floating inputs.
    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws
}

/// What makes its gradient of other operations, or has none, as what the passes fuse and an optimizer's step.
extension CompositeKernel {
    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool { false }

    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws {
        throw CPUEngineError(description: "[cpu] the gradient of \(Self.name) has no kernel and was not expanded")
    }
}

/// One use of a composite in a program.
struct CompositeCall {
    /// The composite's value number.
    let value: Int
    /// Value numbers of the inputs.
    let operands: [Int]
    /// For each result the number of the value that stands for it; `nil` where nobody uses it.
    let results: [Int?]
}

extension CPUEngine {
    /// Composites that stay.
    static let kernels = ExpandComposites { composite, types in
        if let gradient = composite as? CompositeGradient {
            guard let forward = gradient.forward as? any CompositeKernel else { return false }
            return forward.hasGradientKernel(for: Array(types.prefix(gradient.inputCount)), upstreams: gradient.upstreams)
        }
        if let operation = composite as? any KernelOperation { return operation.isSupported(for: types.map(\.dtype)) }
        return (composite as? any CompositeKernel)?.hasKernel(for: types) ?? false
    }
}

extension Lowering {
    /// Lowers a composite that was kept.
    mutating func lowerComposite(_ composite: any Composite, _ value: Int, _ instruction: Program.Instruction) throws {
        let call = CompositeCall(value: value, operands: instruction.operands, results: results(of: value, composite))
        if let gradient = composite as? CompositeGradient, let forward = gradient.forward as? any CompositeKernel {
            try forward.lowerGradient(call, upstreams: gradient.upstreams, in: &self)
        } else if let kernel = composite as? any CompositeKernel {
            try kernel.lower(call, in: &self)
        } else {
            throw CPUEngineError(description: "[cpu] \(type(of: composite).name) has no kernel and was not expanded")
        }
    }

    private func results(of value: Int, _ composite: any Composite) -> [Int?] {
        let instruction = program.instructions[value - program.inputs.count]
        let count = (try? composite.outputTypes(for: instruction.operands.map(program.type(of:))).count) ?? 1
        if count == 1 { return [value] }
        var results = [Int?](repeating: nil, count: count)
        for position in uses[value] {
            if let result = program.instructions[position].primitive as? CompositeResult {
                results[result.index] = program.inputs.count + position
            }
        }
        return results
    }

    /// The value number of the forward composite that a gradient belongs to, where the program computes that too: what it saved under
    /// ``workspaces`` need not be computed again.
    func forward(of call: CompositeCall) -> Int? {
        guard let gradient = program.instruction(call.value)?.primitive as? CompositeGradient else { return nil }
        let operands = call.operands.prefix(gradient.inputCount)
        guard let first = operands.first else { return nil }
        for position in uses[first] where program.inputs.count + position < call.value {
            let candidate = program.instructions[position]
            if candidate.operands.elementsEqual(operands), candidate.primitive.isEqual(to: gradient.forward) {
                return program.inputs.count + position
            }
        }
        return nil
    }

    /// Whether the program contains the gradient of this composite on the same operands, which will look for its workspace.
    func isDifferentiated(_ call: CompositeCall) -> Bool {
        guard let composite = program.instruction(call.value)?.primitive, let first = call.operands.first else { return false }
        return uses[first].contains { position in
            let candidate = program.instructions[position]
            guard let gradient = candidate.primitive as? CompositeGradient else { return false }
            return gradient.forward.isEqual(to: composite) && candidate.operands.prefix(gradient.inputCount).elementsEqual(call.operands)
        }
    }
}
