/// Lets products multiply in bf16: their operands are converted, each value once, and they add up in f32.
///
/// The last step of what ``Precision`` `bfloat16` asks for; programs come in f32. A value that several products read is converted once, before
/// changes of its shape where the products walk strides, so that the conversion is the last operation of what computes the value.
package struct LowerPrecision: Pass {
    /// `precision`
    package static let name = "precision"
    /// Results are the same without it, up to the rounding of operands.
    package static let isOptional = true
    /// For people.
    package static let summary = "operands of products are rounded to bf16, each value once"

    /// What products give.
    package enum Results: Hashable, Sendable {
        /// f32, as they add up.
        case wide
        /// bf16, converted back, where another product is computed from it; f32 where none is, as for weight gradients, which only
        /// optimizers read, and for what a model gives in the end.
        ///
        /// Half the memory traffic, at the price of one more rounding: what `torch.autocast` does.
        case narrowBetweenProducts
    }
    package let results: Results
    /// Whether a product of operands of these types is worth it.
    package let covers: @Sendable (any Product, [TensorType]) -> Bool

    /// All products that `covers` says.
    package init(_ results: Results, where covers: @escaping @Sendable (any Product, [TensorType]) -> Bool = { _, _ in true }) {
        self.results = results
        self.covers = covers
    }

    /// The program with products of bf16.
    package func run(_ program: Program) -> Program {
        guard program.instructions.contains(where: { isCovered($0, in: program) }) else { return program }
        let reachesProduct = results == .narrowBetweenProducts ? program.valuesThatReachProducts : []
        var conversions = Conversions()
        var builder = ProgramBuilder(inputs: program.inputs)
        var numbers = Array(program.inputs.indices)
        for (position, instruction) in program.instructions.enumerated() {
            var operands = instruction.operands.map { numbers[$0] }
            guard let product = instruction.primitive as? any Product, isCovered(instruction, in: program) else {
                numbers.append(builder.append(instruction.primitive, operands, instruction.type))
                continue
            }
            for index in 0..<2 {
                operands[index] = conversions.narrow(operands[index], throughViews: type(of: product).readsViews, &builder)
            }
            if results == .narrowBetweenProducts, reachesProduct[program.inputs.count + position] {
                let type = TensorType(.bfloat16, instruction.type.shape)
                let result = builder.append(product.inBFloat16(giving: .bfloat16), operands, type)
                numbers.append(builder.append(Convert(to: .float32), [result], instruction.type))
            } else {
                numbers.append(builder.append(product.inBFloat16(giving: .float32), operands, instruction.type))
            }
        }
        return RemoveDeadCode().run(builder.program(outputs: program.outputs.map { numbers[$0] }))
    }

    private func isCovered(_ instruction: Program.Instruction, in program: Program) -> Bool {
        guard let product = instruction.primitive as? any Product, instruction.type.dtype == .float32 else { return false }
        let types = instruction.operands.map { program.type(of: $0) }
        return types.prefix(2).allSatisfy { $0.dtype == .float32 && $0.shape.count > 0 } && covers(product, types)
    }
}

/// The values that were converted to bf16 so far.
private struct Conversions {
    /// By the number of the f32 value, and whether views were looked through.
    private var known: [Int: Int] = [:]
    private var knownBelowViews: [Int: Int] = [:]

    /// The value in bf16.
    mutating func narrow(_ value: Int, throughViews: Bool, _ builder: inout ProgramBuilder) -> Int {
        let instruction = builder.instruction(value)
        if throughViews, instruction?.primitive is Convert, let source = instruction?.operands[0],
            builder.type(of: source).dtype == .bfloat16
        {
            return source
        }
        let type = TensorType(.bfloat16, builder.type(of: value).shape)
        if throughViews, let view = instruction, view.primitive is Reshape || view.primitive is Transpose || view.primitive is Broadcast {
            if let result = knownBelowViews[value] { return result }
            let source = narrow(view.operands[0], throughViews: true, &builder)
            let result = builder.append(view.primitive, [source], type)
            knownBelowViews[value] = result
            return result
        }
        if let result = known[value] { return result }
        let result = builder.append(Convert(to: .bfloat16), [value], type)
        known[value] = result
        return result
    }
}

extension Program {
    /// For each value whether a product is computed from it, at whatever distance. A composite that was kept may hold one.
    fileprivate var valuesThatReachProducts: [Bool] {
        var reaches = [Bool](repeating: false, count: inputs.count + instructions.count)
        for (position, instruction) in instructions.enumerated().reversed() {
            let value = inputs.count + position
            guard reaches[value] || instruction.primitive is any Product || instruction.primitive is any Composite else { continue }
            for operand in instruction.operands { reaches[operand] = true }
        }
        return reaches
    }
}
