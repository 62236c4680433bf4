import HillockCore

extension Lowering {
    /// Convolutions choose their layouts; the neighbours adapt. Further operands are a bias and a residual, added on the way out.
    mutating func lowerConvolution(
        _ geometry: ConvolutionGeometry, _ value: Int, _ instruction: Program.Instruction, fused: FusedConvolution? = nil
    ) throws {
        let shapes = instruction.operands.map { program.type(of: $0).shape }
        var call = ConvolutionCall(
            direction: .forward, geometry: geometry, input: shapes[0], weight: shapes[1], output: instruction.type.shape,
            hasBias: fused?.hasBias ?? false, hasResidual: fused?.hasResidual ?? false, hasRelu: fused?.hasRelu ?? false)
        call.precision = program.type(of: instruction.operands[0]).dtype
        let bias = call.hasBias ? try plainBuffer(instruction.operands[2]) : nil
        try lower(call, instruction.operands, bias: bias, residual: call.hasResidual ? instruction.operands.last : nil, value)
    }

    mutating func lowerConvolutionInputGradient(
        _ convolution: ConvolutionInputGradient, _ value: Int, _ instruction: Program.Instruction
    ) throws {
        let shapes = instruction.operands.map { program.type(of: $0).shape }
        var call = ConvolutionCall(
            direction: .inputGradient, geometry: convolution.geometry, input: instruction.type.shape, weight: shapes[1], output: shapes[0])
        call.precision = program.type(of: instruction.operands[0]).dtype
        try lower(call, instruction.operands, bias: nil, value)
    }

    /// Writes the gradient of the weight, and that of the bias where `bias` is its value number.
    mutating func lowerConvolutionWeightGradient(
        _ convolution: ConvolutionWeightGradient, _ value: Int, _ instruction: Program.Instruction, bias: Int? = nil
    ) throws {
        let shapes = instruction.operands.map { program.type(of: $0).shape }
        var call = ConvolutionCall(
            direction: .weightGradient, geometry: convolution.geometry, input: shapes[0], weight: convolution.weightShape,
            output: shapes[1], hasBias: bias != nil)
        call.precision = program.type(of: instruction.operands[0]).dtype
        try lower(call, instruction.operands, bias: bias.map { makeBuffer(for: $0) }, value)
    }

    private mutating func lower(_ call: ConvolutionCall, _ operands: [Int], bias: BufferID?, residual: Int? = nil, _ value: Int) throws {
        var call = call
        call.isApplied = call.direction != .weightGradient && isApplied(operands[1])
        let kernel = try convolutions[call] ?? call.chosenKernel(&tuner)
        convolutions[call] = kernel
        let isRounded = kernel.operandType == call.precision
        let factors = operands.prefix(2).map { isRounded ? $0 : program.instruction($0)!.operands[0] }
        let first = try laidOut(factors[0], kernel.layouts.first)
        let second = try laidOut(factors[1], kernel.layouts.second)
        let result: BufferID
        if let residual {
            let layout = kernel.layouts.result
            let held = try laidOut(residual, layout)
            result = makeBuffer(for: value, layout: layout)
            // Where nobody reads the residual later, the stage `inplace` takes the copy away.
            steps.append(DuplicateStep(call.output, layout, held, result))
        } else {
            result = makeBuffer(for: value, layout: kernel.layouts.result)
        }
        if call.isApplied, let byteCount = kernel.preparedByteCount {
            let prepared = makeTemporary(byteCount: byteCount)
            steps.append(kernel.preparation(of: second, into: prepared))
            steps.append(kernel.preparedStep(first, prepared, bias: bias, result: result))
        } else {
            steps.append(kernel.step(first, second, bias: bias, result: result))
        }
    }

    /// Whether a weight comes from parameters alone in a program that computes no gradient of a convolution: it will stay what it is.
    private mutating func isApplied(_ weight: Int) -> Bool { isOfParameters[weight] && !hasWeightGradients }

    /// A value's buffer in the layout that a kernel wants.
    mutating func laidOut(_ value: Int, _ layout: PhysicalLayout) throws -> BufferID {
        layout == .plain ? try plainBuffer(value) : try buffer(resolve(value), in: layout)
    }
}

extension FusedConvolution: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { true }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        try lowering.lowerConvolution(geometry, call.value, lowering.program.instruction(call.value)!, fused: self)
    }
}

extension FusedWeightGradient: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { true }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        guard let weight = call.results[0] else { fatalError("[cpu] a weight gradient that nobody uses") }
        let instruction = lowering.program.instruction(call.value)!
        try lowering.lowerConvolutionWeightGradient(gradient, weight, instruction, bias: call.results[1])
    }
}
