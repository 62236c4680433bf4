import HillockCore

/// Multiplies the weights of a convolution by what its result is multiplied by, channel by channel, and adds what is added as a bias.
///
/// This is how batch normalisation with given statistics disappears from a model that is applied. Only where weights and factors come from
/// parameters alone: then the plan computes the folded weights once, not in every run.
package struct FoldScaling: Pass {
    package static let name = "scaling"
    package static let isOptional = true
    package static let summary = "scales and shifts of a convolution's channels go into its weights, where they depend on parameters alone"

    package init() {}

    package func run(_ program: Program) -> Program {
        let chains = Chain.all(in: program)
        if chains.isEmpty { return program }
        var builder = ProgramBuilder(inputs: program.inputs)
        var numbers = Array(program.inputs.indices)
        for (position, instruction) in program.instructions.enumerated() {
            if let chain = chains[program.inputs.count + position] {
                numbers.append(chain.append(to: &builder, numbers, program))
            } else {
                numbers.append(builder.append(instruction.primitive, instruction.operands.map { numbers[$0] }, instruction.type))
            }
        }
        return RemoveDeadCode().run(builder.program(outputs: program.outputs.map { numbers[$0] }))
    }
}

/// A convolution and the per-channel operations on its result, a factor among them.
private struct Chain {
    enum Link {
        case multiply(Int)
        case add(Int)
        case subtract(Int)
    }

    let convolution: Program.Instruction
    /// In order, each with the value number of a vector of the channels.
    let links: [Link]

    /// The chains with a factor among their links, by the value number of the last link.
    static func all(in program: Program) -> [Int: Chain] {
        let uses = program.uses
        let isFrozen = program.valuesOfParameters
        /// What happens to a value next, if it happens by channel and to nobody else's eyes.
        func link(after value: Int) -> (link: Link, value: Int)? {
            guard let (tail, next) = program.onlyUser(of: value, uses), next.operands.count == 2,
                let other = next.operands.first(where: { $0 != value }),
                let vector = program.repeatedVector(other, along: 1), isFrozen[vector]
            else { return nil }
            let link: Link
            switch next.primitive {
            case is Multiply: link = .multiply(vector)
            case is Add: link = .add(vector)
            case is Subtract where next.operands[0] == value: link = .subtract(vector)
            default: return nil
            }
            return (link, tail)
        }
        var chains: [Int: Chain] = [:]
        for (position, instruction) in program.instructions.enumerated() {
            guard instruction.primitive is Convolution, instruction.type.dtype == .float32, isFrozen[instruction.operands[1]],
                !isFrozen[instruction.operands[0]]
            else { continue }
            var value = program.inputs.count + position
            var links: [Link] = []
            // Without a factor there is nothing to fold: a bias is added on the way out anyway.
            var hasFactor = false
            while let next = link(after: value) {
                links.append(next.link)
                value = next.value
                if case .multiply = next.link { hasFactor = true }
            }
            if hasFactor { chains[value] = Chain(convolution: instruction, links: links) }
        }
        return chains
    }

    /// Appends the convolution with folded weights and its bias; gives the number of the sum.
    func append(to builder: inout ProgramBuilder, _ numbers: [Int], _ program: Program) -> Int {
        let type = convolution.type
        let vector = TensorType(.float32, [type.shape[1]])
        var scale: Int?
        var shift: Int?
        for link in links {
            switch link {
            case .multiply(let factor):
                let factor = builder.append(Reshape(to: vector.shape), [numbers[factor]], vector)
                scale = scale.map { builder.append(Multiply(), [$0, factor], vector) } ?? factor
                shift = shift.map { builder.append(Multiply(), [$0, factor], vector) }
            case .add(let term):
                let term = builder.append(Reshape(to: vector.shape), [numbers[term]], vector)
                shift = shift.map { builder.append(Add(), [$0, term], vector) } ?? term
            case .subtract(let term):
                let term = builder.append(Reshape(to: vector.shape), [numbers[term]], vector)
                shift = shift.map { builder.append(Subtract(), [$0, term], vector) } ?? builder.append(Negate(), [term], vector)
            }
        }
        /// A vector along the first axis (`leading`) or axis 1 of a shape.
        func spread(_ value: Int, _ column: Shape, over shape: Shape) -> Int {
            let narrow = builder.append(Reshape(to: column), [value], TensorType(.float32, column))
            return builder.append(Broadcast(to: shape), [narrow], TensorType(.float32, shape))
        }
        let weight = program.type(of: convolution.operands[1])
        let ones = [Int](repeating: 1, count: weight.shape.rank - 1)
        let factors = spread(scale!, Shape([weight.shape[0]] + ones), over: weight.shape)
        let folded = builder.append(Multiply(), [numbers[convolution.operands[1]], factors], weight)
        let result = builder.append(convolution.primitive, [numbers[convolution.operands[0]], folded], type)
        guard let shift else { return result }
        let terms = spread(shift, Shape([type.shape[1]] + ones.dropFirst()), over: type.shape)
        return builder.append(Add(), [result, terms], type)
    }
}

extension Program {
    /// For each value whether it depends on the values of parameters alone (and on at least one).
    package var valuesOfParameters: [Bool] {
        var isFrozen = inputs.map(\.isParameter)
        // Numbers and constants go along with parameters, but are none by themselves.
        var isNeutral = inputs.map(\.isScalar)
        for instruction in instructions {
            let neutral = instruction.operands.allSatisfy { isNeutral[$0] }
            isNeutral.append(neutral)
            isFrozen.append(!neutral && instruction.operands.allSatisfy { isFrozen[$0] || isNeutral[$0] })
        }
        return isFrozen
    }
}
