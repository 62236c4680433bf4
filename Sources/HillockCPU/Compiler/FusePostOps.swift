import HillockCore

/// Lets convolutions and matrix products add their bias and rectify on the way out, convolutions a residual too, a matrix product that is a
/// rectified value's gradient stop what the rectifier stopped, and a convolution's weight gradient sum the bias's.
package struct FusePostOps: Pass {
    package static let name = "postops"
    package static let isOptional = true
    package static let summary =
        "biases, residuals, rectifiers and their gradients are applied by the product before them; bias gradients come with weight gradients"

    /// Whether matrix products apply the gradient of a rectifier too, as our own kernel does; where that takes all products none is in bf16.
    private let closesGates: Bool

    package init(closesGates: Bool = ProductStep.takesAll) { self.closesGates = closesGates }

    package func run(_ program: Program) -> Program {
        var replaced = chains(program)
        let pairs = gradientPairs(program)
        var builder = ProgramBuilder(inputs: program.inputs)
        var numbers = Array(program.inputs.indices)
        /// Results that were computed before their place.
        var early: [Int: Int] = [:]
        for (position, instruction) in program.instructions.enumerated() {
            let value = program.inputs.count + position
            if let known = early[value] {
                numbers.append(known)
            } else if let chain = replaced.removeValue(forKey: value) {
                numbers.append(builder.append(chain.primitive, chain.operands.map { numbers[$0] }, instruction.type))
            } else if let pair = pairs[value] {
                let types = [program.type(of: pair.weight), program.type(of: pair.bias)]
                let both = builder.append(pair.primitive, pair.operands.map { numbers[$0] }, types[0])
                for (index, result) in [pair.weight, pair.bias].enumerated() {
                    early[result] = builder.append(CompositeResult(index: index, type: types[index]), [both], types[index])
                }
                numbers.append(early[value]!)
            } else {
                numbers.append(builder.append(instruction.primitive, instruction.operands.map { numbers[$0] }, instruction.type))
            }
        }
        return RemoveDeadCode().run(builder.program(outputs: program.outputs.map { numbers[$0] }))
    }

    private typealias Chain = (primitive: any Primitive, operands: [Int])

    /// Product, bias, residual, rectifier: what replaces the last of them, by its value number.
    private func chains(_ program: Program) -> [Int: Chain] {
        let uses = program.uses
        var chains: [Int: Chain] = [:]
        var products: [Int: Int] = [:]
        for position in program.instructions.indices {
            guard let (tail, chain) = chain(from: position, program, uses) else { continue }
            // Of two convolutions that are added one adds the other, which keeps its bias.
            if let other = products[tail], let (shorter, rest) = self.chain(from: other, program, uses, addsResidual: false) {
                chains[shorter] = rest
            }
            chains[tail] = chain
            products[tail] = position
        }
        return chains
    }

    /// What a product can apply on its way out, and the value that it then computes; `nil` where that is nothing.
    private func chain(
        from position: Int, _ program: Program, _ uses: [[Int]], addsResidual: Bool = true
    ) -> (tail: Int, chain: Chain)? {
        let instruction = program.instructions[position]
        guard instruction.primitive is Convolution || instruction.primitive is MatrixMultiply, instruction.type.dtype == .float32,
            instruction.type.shape.count > 0,
            instruction.operands.allSatisfy({ program.type(of: $0).shape.count > 0 && program.type(of: $0).dtype == .float32 })
        else { return nil }
        let axis = instruction.primitive is Convolution ? 1 : instruction.type.shape.rank - 1
        var tail = program.inputs.count + position
        var bias: Int?
        if let next = program.onlyUser(of: tail, uses), next.instruction.primitive is Add,
            let other = next.instruction.operands.first(where: { $0 != tail }),
            let vector = program.repeatedVector(other, along: axis)
        {
            bias = vector
            tail = next.value
        }
        var residual: Int?
        if addsResidual, instruction.primitive is Convolution, let next = program.onlyUser(of: tail, uses),
            next.instruction.primitive is Add, let other = next.instruction.operands.first(where: { $0 != tail }),
            program.isDead(other, after: next.value, uses)
        {
            residual = other
            tail = next.value
        }
        var hasRelu = false
        if let next = program.onlyUser(of: tail, uses), next.instruction.primitive is Rectifier {
            hasRelu = true
            tail = next.value
        }
        var gate: Int?
        if closesGates, instruction.primitive is MatrixMultiply, let next = program.onlyUser(of: tail, uses),
            let gradient = program.rectifierGradient(next.value), gradient.upstream == tail,
            program.type(of: gradient.gate) == instruction.type
        {
            gate = gradient.gate
            tail = next.value
        }
        guard bias != nil || residual != nil || hasRelu || gate != nil else { return nil }
        let operands = instruction.operands + [bias, residual, gate].compactMap { $0 }
        if let convolution = instruction.primitive as? Convolution {
            let fused = FusedConvolution(
                geometry: convolution.geometry, hasBias: bias != nil, hasResidual: residual != nil, hasRelu: hasRelu)
            return (tail, (fused, operands))
        }
        guard let product = instruction.primitive as? MatrixMultiply else { return nil }
        return (tail, (FusedMatrixMultiply(product: product, hasBias: bias != nil, hasRelu: hasRelu, isGated: gate != nil), operands))
    }

    private typealias GradientPair = (primitive: FusedWeightGradient, operands: [Int], weight: Int, bias: Int)

    /// Weight gradients whose upstream gradient is also summed over everything but channels; under the value numbers of both.
    private func gradientPairs(_ program: Program) -> [Int: GradientPair] {
        let uses = program.uses
        var pairs: [Int: GradientPair] = [:]
        for (position, instruction) in program.instructions.enumerated() {
            guard let gradient = instruction.primitive as? ConvolutionWeightGradient, instruction.type.dtype == .float32,
                instruction.operands.allSatisfy({ program.type(of: $0).shape.count > 0 && program.type(of: $0).dtype == .float32 })
            else { continue }
            let upstream = instruction.operands[1]
            let rank = program.type(of: upstream).shape.rank
            let sum = uses[upstream].first { position in
                guard let reduce = program.instructions[position].primitive as? Reduce else { return false }
                return reduce.kind == .sum && reduce.axes == [0] + Array(2..<rank)
            }
            guard let sum, pairs[program.inputs.count + sum] == nil else { continue }
            // Both must be computable where the first of them stands.
            guard instruction.operands[0] < program.inputs.count + Swift.min(position, sum) else { continue }
            let pair: GradientPair = (
                FusedWeightGradient(gradient: gradient), instruction.operands, program.inputs.count + position, program.inputs.count + sum
            )
            pairs[pair.weight] = pair
            pairs[pair.bias] = pair
        }
        return pairs
    }
}

extension Program {
    /// Whether a value is computed, and its memory nobody else's, so that what is computed at `user` may take the place of it.
    fileprivate func isDead(_ value: Int, after user: Int, _ uses: [[Int]]) -> Bool {
        guard let producer = instruction(value), !(producer.primitive is any ViewPrimitive), !(producer.primitive is Identity),
            !outputs.contains(value), producer.operands.count > 0
        else { return false }
        return uses[value].allSatisfy { position in
            inputs.count + position <= user && !(instructions[position].primitive is any ViewPrimitive)
                && !(instructions[position].primitive is Identity)
        }
    }

    /// The vector that a value repeats along every axis but one; `nil` if it is anything else.
    ///
    /// Found through changes of shape: a bias is reshaped and broadcast before it is added.
    func repeatedVector(_ value: Int, along axis: Int) -> Int? {
        let shape = type(of: value).shape
        guard let (root, view) = viewBelow(value), view.offset == 0, type(of: root).shape.count == shape[axis] else { return nil }
        for k in 0..<shape.rank where view.strides[k] != (k == axis && shape[axis] > 1 ? 1 : 0) && view.shape[k] != 1 { return nil }
        return root
    }

    /// A value as a walk over the dense memory of another, through changes of shape.
    private func viewBelow(_ value: Int) -> (root: Int, view: Strided)? {
        guard let instruction = instruction(value), let primitive = instruction.primitive as? any ViewPrimitive,
            let (root, view) = viewBelow(instruction.operands[0])
        else { return (value, Strided(dense: type(of: value).shape)) }
        return primitive.view(of: view, as: type(of: value).shape).map { (root, $0) } ?? (value, Strided(dense: type(of: value).shape))
    }
}
