extension Program {
    /// How a program's inputs and outputs lie on the devices of a mesh.
    package struct Placement: Hashable, Sendable {
        /// Among which devices.
        package let mesh: Mesh
        /// Of each input.
        package let inputs: [Sharding]
        /// Of each output.
        package let outputs: [Sharding]
    }

    /// Decides how those inputs and outputs lie that nobody placed; what lies between them, XLA's partitioner decides.
    ///
    /// Values that are combined element by element lie alike, and so do a parameter, its gradient and what an optimizer remembers of it: an
    /// updated parameter lies as it did, and moments as their parameter. An input that the program only divides comes divided. All else is
    /// whole on every device.
    ///
    /// - Parameters:
    ///   - known: For each input how it lies, where it was placed.
    ///   - wanted: For each output how it shall lie, where that was said.
    package func placement(on mesh: Mesh, inputs known: [Sharding?], outputs wanted: [Sharding?]) -> Placement {
        var alike = ValuesAlike(count: inputs.count + instructions.count)
        let uses = uses
        for (position, instruction) in instructions.enumerated() {
            let value = inputs.count + position
            if instruction.primitive is any ElementByElement {
                for operand in instruction.operands where type(of: operand).shape == instruction.type.shape { alike.join(operand, value) }
            } else if let step = instruction.primitive as? any OptimizerStep {
                for parameter in 0..<step.parameterCount {
                    let operands = step.operands(of: parameter).map { instruction.operands[$0] }
                    for other in operands.dropFirst() { alike.join(operands[0], other) }
                }
                // Several results are values of their own; a single one is the step's.
                if step.parameterCount == 1, step.slotCount == 0 {
                    alike.join(value, instruction.operands[step.operands(of: 0).lowerBound])
                }
            } else if let result = instruction.primitive as? CompositeResult,
                let source = self.instruction(instruction.operands[0]), let step = source.primitive as? any OptimizerStep
            {
                let parameter = result.index / (1 + step.slotCount)
                alike.join(value, source.operands[step.operands(of: parameter).lowerBound])
            }
        }
        var decided: [Int: Sharding] = [:]
        func decide(_ value: Int, _ sharding: Sharding?) {
            let root = alike.root(of: value)
            decided[root] = decided[root] ?? sharding
        }
        for (output, sharding) in zip(outputs, wanted) { decide(output, sharding) }
        for (input, sharding) in known.enumerated() { decide(input, sharding) }
        for (position, instruction) in instructions.enumerated() {
            if let shard = instruction.primitive as? Shard, !shard.isOpen { decide(inputs.count + position, shard.sharding) }
        }
        func sharding(of value: Int) -> Sharding {
            let type = type(of: value)
            if let sharding = decided[alike.root(of: value)], sharding.fault(for: type, on: mesh) == nil { return sharding }
            return .replicated
        }
        let placed = inputs.indices.map { input -> Sharding in
            if let sharding = known[input] { return sharding }
            if inputs[input].isScalar { return .replicated }
            let shards = uses[input].map { instructions[$0].primitive as? Shard }
            if let shard = shards.first ?? nil, !shard.isOpen, shards.allSatisfy({ $0 == shard }) { return shard.sharding }
            return sharding(of: input)
        }
        return Placement(
            mesh: mesh, inputs: placed,
            outputs: outputs.indices.map { wanted[$0] ?? (outputs[$0] < inputs.count ? placed[outputs[$0]] : sharding(of: outputs[$0])) })
    }
}

/// Sets of values that lie alike (union and find).
private struct ValuesAlike {
    private var parents: [Int]

    init(count: Int) { parents = Array(0..<count) }

    mutating func root(of value: Int) -> Int {
        var root = value
        while parents[root] != root { root = parents[root] }
        var at = value
        while parents[at] != root { (at, parents[at]) = (parents[at], root) }
        return root
    }

    mutating func join(_ a: Int, _ b: Int) { parents[root(of: a)] = root(of: b) }
}
