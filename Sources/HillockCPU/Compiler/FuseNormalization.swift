import HillockCore

/// Lets batch and group normalisation add a residual and rectify on the way out, and batch normalisation's gradient look through the rectifier.
///
/// Group normalisation that is differentiated is left alone.
package struct FuseNormalization: Pass {
    /// `norms`
    package static let name = "norms"
    /// Results are the same up to rounding without it.
    package static let isOptional = true
    /// For people.
    package static let summary = "batch normalisation adds a residual and rectifies on the way out"

    /// The pass has no settings.
    package init() {}

    /// The program with chains as single composites.
    package func run(_ program: Program) -> Program {
        let chains = Chain.all(in: program)
        if chains.isEmpty { return program }
        var rewriting = Rewriting(program)
        for chain in chains { rewriting.replace(chain) }
        return rewriting.ordered() ?? program
    }
}

/// A normalisation and what follows it.
private struct Chain {
    /// Value number of the normalisation.
    let norm: Int
    let composite: any Composite
    /// Its inputs.
    let operands: [Int]
    /// What is added to the normalised value.
    var residual: Int?
    /// The last value that the chain computes.
    var tail: Int
    var hasRelu = false

    /// The chains of a program, the last first.
    static func all(in program: Program) -> [Chain] {
        let uses = program.uses
        var claimed: Set<Int> = []
        var chains: [Chain] = []
        // The later of two normalisations that are added takes the sum: the other is there by then.
        for (position, instruction) in program.instructions.enumerated().reversed() {
            let value = program.inputs.count + position
            guard let norm = instruction.primitive as? any CompositeKernel, let y = normalized(norm, value, instruction, program, uses),
                norm.hasKernel(for: instruction.operands.map(program.type(of:)))
            else { continue }
            var chain = Chain(norm: value, composite: norm, operands: instruction.operands, tail: y)
            if let next = program.onlyUser(of: y, uses), next.instruction.primitive is Add, !claimed.contains(next.value),
                let other = next.instruction.operands.first(where: { $0 != y }), program.isWhole(other),
                !program.depends(other, on: chain.norm)
            {
                chain.residual = other
                chain.tail = next.value
                claimed.insert(next.value)
            }
            if let next = program.onlyUser(of: chain.tail, uses), next.instruction.primitive is Rectifier {
                chain.hasRelu = true
                chain.tail = next.value
            }
            if chain.tail != y { chains.append(chain) }
        }
        return chains
    }

    /// The normalised values that a composite computes, if it is one that can do more.
    private static func normalized(
        _ composite: any Composite, _ value: Int, _ instruction: Program.Instruction, _ program: Program, _ uses: [[Int]]
    ) -> Int? {
        if composite is BatchNormalization { return program.result(0, of: value, uses) }
        guard composite is GroupNormalization else { return nil }
        let isDifferentiated = uses[instruction.operands[0]].contains { user in
            (program.instructions[user].primitive as? CompositeGradient)?.forward.isEqual(to: composite) ?? false
        }
        return isDifferentiated ? nil : value
    }
}

extension Program {
    /// The value that stands for a result of a composite.
    fileprivate func result(_ index: Int, of composite: Int, _ uses: [[Int]]) -> Int? {
        uses[composite].first { (instructions[$0].primitive as? CompositeResult)?.index == index }.map { inputs.count + $0 }
    }

    /// Whether a value is computed or given, rather than a walk over a smaller one.
    fileprivate func isWhole(_ value: Int) -> Bool {
        guard let primitive = instruction(value)?.primitive else { return !inputs[value].isScalar }
        return !(primitive is any ViewPrimitive || primitive is Fill)
    }

    /// Whether a value is made from another.
    fileprivate func depends(_ value: Int, on other: Int) -> Bool {
        guard value > other else { return false }
        var reached: Set<Int> = [other]
        for later in other + 1...value where instruction(later)!.operands.contains(where: reached.contains) { reached.insert(later) }
        return reached.contains(value)
    }
}

/// A program whose instructions are replaced out of order; the values keep their numbers, and new ones follow.
private struct Rewriting {
    private let program: Program
    private let uses: [[Int]]
    private var instructions: [Program.Instruction]

    init(_ program: Program) {
        self.program = program
        uses = program.uses
        instructions = program.instructions
    }

    private mutating func set(_ value: Int, _ primitive: any Primitive, _ operands: [Int], _ type: TensorType) {
        instructions[value - program.inputs.count] = Program.Instruction(primitive, operands, type)
    }

    /// The value of a composite's result, made if nobody used it.
    private mutating func result(_ index: Int, of composite: Int, _ type: TensorType) -> Int {
        if let known = program.result(index, of: composite, uses) { return known }
        instructions.append(Program.Instruction(CompositeResult(index: index, type: type), [composite], type))
        return program.inputs.count + instructions.count - 1
    }

    mutating func replace(_ chain: Chain) {
        let type = program.type(of: chain.norm)
        let operands = chain.operands + [chain.residual].compactMap { $0 }
        let hasResidual = chain.residual != nil
        if let norm = chain.composite as? GroupNormalization {
            set(chain.tail, FusedGroupNormalization(norm: norm, hasResidual: hasResidual, hasRelu: chain.hasRelu), operands, type)
        } else if let norm = chain.composite as? BatchNormalization {
            set(chain.norm, FusedBatchNormalization(norm: norm, hasResidual: hasResidual, hasRelu: chain.hasRelu), operands, type)
            set(chain.tail, CompositeResult(index: 0, type: type), [chain.norm], type)
            replaceGradients(chain, norm)
        }
    }

    private mutating func replaceGradients(_ chain: Chain, _ norm: BatchNormalization) {
        let type = program.type(of: chain.norm)
        let statistics = TensorType(type.dtype, [type.shape[1]])
        for position in uses[chain.operands[0]] {
            guard let gradient = program.instructions[position].primitive as? CompositeGradient, gradient.upstreams == [0],
                gradient.forward.isEqual(to: norm),
                program.instructions[position].operands.dropLast().elementsEqual(chain.operands)
            else { continue }
            let mean = result(1, of: chain.norm, statistics)
            replaceGradient(program.inputs.count + position, chain, norm, [mean, result(2, of: chain.norm, statistics)])
        }
    }

    private mutating func replaceGradient(_ value: Int, _ chain: Chain, _ norm: BatchNormalization, _ statistics: [Int]) {
        let type = program.type(of: chain.operands[0])
        var upstream = program.instruction(value)!.operands.last!
        let masked = upstream
        var mask = FusedBatchNormalizationGradient.Mask.none
        var keepsUpstream = false
        if chain.hasRelu, let passed = program.passed(masked, where: chain.tail) {
            upstream = passed
            keepsUpstream = uses[masked].count > 1 || program.outputs.contains(masked)
            mask = chain.residual == nil && !keepsUpstream ? .again : .output
        }
        let gradient = FusedBatchNormalizationGradient(norm: norm, mask: mask, keepsUpstream: keepsUpstream)
        let operands = chain.operands + statistics + [upstream] + (mask == .output ? [chain.tail] : [])
        let count = chain.operands.count
        if keepsUpstream, count == 1 {
            // One result became two.
            instructions.append(Program.Instruction(gradient, operands, type))
            let composite = program.inputs.count + instructions.count - 1
            set(value, CompositeResult(index: 0, type: type), [composite], type)
            set(masked, CompositeResult(index: 1, type: type), [composite], type)
        } else {
            set(value, gradient, operands, type)
            if keepsUpstream { set(masked, CompositeResult(index: count, type: type), [value], type) }
        }
    }

    /// The instructions that the outputs need, operands before uses and else in the order in which they were; `nil` if there is no such order,
    /// since two chains waited for each other.
    func ordered() -> Program? {
        let offset = program.inputs.count
        var isNeeded = [Bool](repeating: false, count: instructions.count)
        var stack = program.outputs
        while let value = stack.popLast() {
            guard value >= offset, !isNeeded[value - offset] else { continue }
            isNeeded[value - offset] = true
            stack += instructions[value - offset].operands
        }
        var builder = ProgramBuilder(inputs: program.inputs)
        var numbers = Array(program.inputs.indices).map(Optional.some) + [Int?](repeating: nil, count: instructions.count)
        var isWaiting = [Bool](repeating: false, count: instructions.count)
        for position in instructions.indices where isNeeded[position] {
            stack = [offset + position]
            while let value = stack.last {
                let missing = numbers[value] == nil ? instructions[value - offset].operands.filter { numbers[$0] == nil } : []
                if missing.isEmpty {
                    stack.removeLast()
                    if numbers[value] != nil { continue }
                    let instruction = instructions[value - offset]
                    numbers[value] = builder.append(instruction.primitive, instruction.operands.map { numbers[$0]! }, instruction.type)
                } else {
                    if isWaiting[value - offset] { return nil }
                    isWaiting[value - offset] = true
                    stack += missing
                }
            }
        }
        return builder.program(outputs: program.outputs.map { numbers[$0]! })
    }
}
