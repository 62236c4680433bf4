import HillockCore

/// Lets convolutions and matrix products add their bias and rectify on the way out, convolutions a residual too, a matrix product that is a
/// rectified value's gradient stop what the rectifier stopped, and a weight's gradient sum the bias's.
package struct FusePostOps: Pass {
    package static let name = "postops"
    package static let isOptional = true
    package static let summary =
        "biases, residuals, rectifiers and their gradients are applied by the product before them; bias gradients come with weight gradients"

    /// Whether matrix products apply the gradient of a rectifier too, as our own kernel does, which is of f32.
    private let closesGates: Bool
    /// Whether a matrix product of such a shape and depth sums what it is packing, as that kernel does.
    private let sumsLeft: @Sendable (Shape, Int) -> Bool

    package init(
        closesGates: Bool = ProductStep.closesGates,
        sumsLeft: @escaping @Sendable (Shape, Int) -> Bool = { ProductStep.sumsLeft($0, depth: $1) }
    ) {
        self.closesGates = closesGates
        self.sumsLeft = sumsLeft
    }

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
                // Where the later of them stands, the other waits for it.
                numbers.append(-1)
                guard value == pair.place else { continue }
                let types = [program.type(of: pair.weight), program.type(of: pair.bias)]
                let both = builder.append(pair.primitive, pair.operands.map { numbers[$0] }, types[0])
                for (index, result) in [pair.weight, pair.bias].enumerated() {
                    let made = builder.append(CompositeResult(index: index, type: types[index]), [both], types[index])
                    if result <= value { numbers[result] = made } else { early[result] = made }
                }
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
        if closesGates, instruction.primitive is MatrixMultiply, ProductStep.takes(instruction.type.shape),
            let next = program.onlyUser(of: tail, uses), let gradient = program.rectifierGradient(next.value), gradient.upstream == tail
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

    /// `place`: the value number where both are computed.
    private typealias GradientPair = (primitive: any Composite, operands: [Int], weight: Int, bias: Int, place: Int)

    /// Weight gradients whose upstream gradient is also summed over everything but channels; under the value numbers of both.
    private func gradientPairs(_ program: Program) -> [Int: GradientPair] {
        let uses = program.uses
        let sums = program.sumsOntoOneAxis
        var pairs: [Int: GradientPair] = [:]
        for (position, instruction) in program.instructions.enumerated() {
            let weight = program.inputs.count + position
            // A product that nobody wants, in a program with dead code, is not made for the sum's sake.
            guard let (primitive, upstream) = summing(instruction, program), chain(from: position, program, uses) == nil,
                !uses[weight].isEmpty || program.outputs.contains(weight),
                instruction.operands.allSatisfy({ program.type(of: $0).shape.count > 0 && program.type(of: $0).dtype == .float32 }),
                let candidates = program.denseRoot(of: upstream).flatMap({ sums[$0] })
            else { continue }
            let extents = program.type(of: upstream).shape.dimensions
            let bias = candidates.first { sum in
                pairs[sum.value] == nil && sum.extent == extents[1] && sum.inner == extents[2...].reduce(1, *)
            }
            guard let bias = bias?.value, let place = program.place(forBoth: weight, bias, instruction.operands, uses) else { continue }
            let pair: GradientPair = (primitive, instruction.operands, weight, bias, place)
            pairs[weight] = pair
            pairs[bias] = pair
        }
        return pairs
    }

    /// What computes a weight's gradient and a bias's, and the upstream gradient, whose second axis the bias has; `nil` for what is no weight's
    /// gradient.
    private func summing(_ instruction: Program.Instruction, _ program: Program) -> (any Composite, upstream: Int)? {
        guard instruction.type.dtype == .float32 else { return nil }
        if let gradient = instruction.primitive as? ConvolutionWeightGradient {
            return (FusedWeightGradient(gradient: gradient), instruction.operands[1])
        }
        guard let product = instruction.primitive as? MatrixMultiply, product.transposesLeft, instruction.type.shape.rank == 2,
            sumsLeft(instruction.type.shape, program.type(of: instruction.operands[0]).shape[0])
        else { return nil }
        return (FusedMatrixMultiply(product: product, sumsLeft: true), instruction.operands[0])
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

    /// A sum over all axes of its operand but one, of which each of the `extent` places is followed by `inner` elements.
    typealias SumOntoOneAxis = (value: Int, extent: Int, inner: Int)

    /// Sums over all axes but one, by the value whose memory they read.
    var sumsOntoOneAxis: [Int: [SumOntoOneAxis]] {
        var sums: [Int: [SumOntoOneAxis]] = [:]
        for (position, instruction) in instructions.enumerated() {
            guard let reduce = instruction.primitive as? Reduce, reduce.kind == .sum else { continue }
            guard let root = denseRoot(of: instruction.operands[0]) else { continue }
            let shape = type(of: instruction.operands[0]).shape
            let kept = (0..<shape.rank).filter { !reduce.axes.contains($0) }
            guard kept.count == 1 else { continue }
            let inner = shape.dimensions[(kept[0] + 1)...].reduce(1, *)
            sums[root, default: []].append((inputs.count + position, shape[kept[0]], inner))
        }
        return sums
    }

    /// The value whose memory another is, in the same order, through changes of shape.
    fileprivate func denseRoot(of value: Int) -> Int? {
        let dense = Strided(dense: type(of: value).shape)
        guard let (root, view) = viewBelow(value), view == dense, view.shape.count == type(of: root).shape.count else { return nil }
        return root
    }

    /// Where two values can be computed together of `operands`: where the earlier stands, or if the operands are not there yet the later, unless
    /// somebody needs the earlier before.
    fileprivate func place(forBoth one: Int, _ other: Int, _ operands: [Int], _ uses: [[Int]]) -> Int? {
        let (first, last) = (Swift.min(one, other), Swift.max(one, other))
        if operands.allSatisfy({ $0 < first }) { return first }
        guard operands.allSatisfy({ $0 < last }), uses[first].allSatisfy({ inputs.count + $0 > last }) else { return nil }
        return last
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
