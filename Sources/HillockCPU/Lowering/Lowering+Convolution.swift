import CKernels
import COneDNN
import HillockCore

/// A geometry's numbers as oneDNN takes them.
private struct WindowNumbers {
    let strides: [Int64]
    let dilation: [Int64]
    let low: [Int64]
    let high: [Int64]

    init(_ geometry: ConvolutionGeometry) {
        strides = geometry.strides.map(Int64.init)
        dilation = geometry.dilation.map(Int64.init)
        low = geometry.paddingBefore.map(Int64.init)
        high = geometry.paddingAfter.map(Int64.init)
    }
}

extension Lowering {
    /// Convolutions choose their layouts; the neighbours adapt. A third operand is a bias, added on the way out.
    mutating func lowerConvolution(
        _ geometry: ConvolutionGeometry, _ value: Int, _ instruction: Program.Instruction, hasRelu: Bool = false
    ) throws {
        let (x, w) = (instruction.operands[0], instruction.operands[1])
        let numbers = WindowNumbers(geometry)
        let shape = instruction.type.shape
        let bias = instruction.operands.count > 2 ? try plainBuffer(instruction.operands[2]) : nil
        let problem = ConvolutionProblem(
            direction: hk_convolution_forward, geometry: geometry, x: program.type(of: x).shape, weight: program.type(of: w).shape, y: shape
        )
        if try lowerToOwnKernel(problem, value, [x, w], bias: bias, hasRelu: hasRelu) { return }
        let src = try OneDNNLayout.any(program.type(of: x).shape.dimensions)
        let weights = try OneDNNLayout.any(weightDims(w, geometry))
        let dst = try OneDNNLayout.any(shape.dimensions)
        let biasLayout = try bias.map { _ in try OneDNNLayout.strided([shape[1]]) }
        let primitive = try OneDNNPrimitive([src, weights, biasLayout, dst]) {
            hd_convolution_forward_create(
                &$0, $1[0], $1[1], $1[2], $1[3], numbers.strides, numbers.dilation, numbers.low, numbers.high,
                algorithm(geometry, program.type(of: w).shape), Int32((hasRelu ? HD_POST_RELU : HD_POST_NONE).rawValue))
        }
        var reads = [
            (Int32(HD_CONV_SRC), try activations(x, primitive.layout(Int(HD_CONV_SRC)))),
            (Int32(HD_CONV_WEIGHTS), try weightBuffer(w, geometry, primitive.layout(Int(HD_CONV_WEIGHTS)))),
        ]
        if let bias { reads.append((Int32(HD_CONV_BIAS), bias)) }
        let text =
            "conv \(program.type(of: x).shape) ∗ \(program.type(of: w).shape)\(bias == nil ? "" : " + bias")\(hasRelu ? ", relu" : "")"
        try writeActivations(value, primitive.layout(Int(HD_CONV_DST))) { buffer in
            OneDNNStep(primitive, reads: reads, writes: [(Int32(HD_CONV_DST), buffer)], text)
        }
    }

    mutating func lowerConvolutionInputGradient(
        _ convolution: ConvolutionInputGradient, _ value: Int, _ instruction: Program.Instruction
    ) throws {
        let (dy, w) = (instruction.operands[0], instruction.operands[1])
        let problem = ConvolutionProblem(
            direction: hk_convolution_backward_data, geometry: convolution.geometry, x: instruction.type.shape,
            weight: program.type(of: w).shape, y: program.type(of: dy).shape)
        if try lowerToOwnKernel(problem, value, [dy, w]) { return }
        let numbers = WindowNumbers(convolution.geometry)
        let diffDst = try OneDNNLayout.any(program.type(of: dy).shape.dimensions)
        let weights = try OneDNNLayout.any(weightDims(w, convolution.geometry))
        let diffSrc = try OneDNNLayout.any(instruction.type.shape.dimensions)
        let primitive = try OneDNNPrimitive([diffDst, weights, diffSrc]) {
            hd_convolution_backward_data_create(
                &$0, $1[0], $1[1], $1[2], numbers.strides, numbers.dilation, numbers.low, numbers.high,
                algorithm(convolution.geometry, program.type(of: w).shape))
        }
        let reads = [
            (Int32(HD_CONV_BWD_DIFF_DST), try activations(dy, primitive.layout(Int(HD_CONV_BWD_DIFF_DST)))),
            (Int32(HD_CONV_BWD_WEIGHTS), try weightBuffer(w, convolution.geometry, primitive.layout(Int(HD_CONV_BWD_WEIGHTS)))),
        ]
        try writeActivations(value, primitive.layout(Int(HD_CONV_BWD_DIFF_SRC))) { buffer in
            OneDNNStep(
                primitive, reads: reads, writes: [(Int32(HD_CONV_BWD_DIFF_SRC), buffer)], "conv input gradient \(instruction.type.shape)")
        }
    }

    /// Writes the gradient of the weight, and that of the bias where `bias` is its value number.
    mutating func lowerConvolutionWeightGradient(
        _ convolution: ConvolutionWeightGradient, _ value: Int, _ instruction: Program.Instruction, bias: Int? = nil
    ) throws {
        let (x, dy) = (instruction.operands[0], instruction.operands[1])
        let problem = ConvolutionProblem(
            direction: hk_convolution_backward_weights, geometry: convolution.geometry, x: program.type(of: x).shape,
            weight: convolution.weightShape, y: program.type(of: dy).shape)
        if try lowerToOwnKernel(problem, value, [x, dy], biasGradient: bias) { return }
        let numbers = WindowNumbers(convolution.geometry)
        let dims = groupedDims(convolution.weightShape, convolution.geometry)
        let src = try OneDNNLayout.any(program.type(of: x).shape.dimensions)
        let diffDst = try OneDNNLayout.any(program.type(of: dy).shape.dimensions)
        let diffWeights = try OneDNNLayout.any(dims)
        let diffBias = try bias.map { _ in try OneDNNLayout.strided([convolution.weightShape[0]]) }
        let primitive = try OneDNNPrimitive([src, diffDst, diffWeights, diffBias]) {
            hd_convolution_backward_weights_create(
                &$0, $1[0], $1[1], $1[2], $1[3], numbers.strides, numbers.dilation, numbers.low, numbers.high,
                algorithm(convolution.geometry, convolution.weightShape))
        }
        let reads = [
            (Int32(HD_CONV_BWD_W_SRC), try activations(x, primitive.layout(Int(HD_CONV_BWD_W_SRC)))),
            (Int32(HD_CONV_BWD_W_DIFF_DST), try activations(dy, primitive.layout(Int(HD_CONV_BWD_W_DIFF_DST)))),
        ]
        let chosen = primitive.layout(Int(HD_CONV_BWD_W_DIFF_WEIGHTS))
        let plain = try OneDNNLayout.strided(dims)
        let isPlain = chosen.isEqual(to: plain)
        let result = isPlain ? makeBuffer(for: value) : makeTemporary(byteCount: chosen.byteCount)
        var writes = [(Int32(HD_CONV_BWD_W_DIFF_WEIGHTS), result)]
        if let bias { writes.append((Int32(HD_CONV_BWD_W_DIFF_BIAS), makeBuffer(for: bias))) }
        let text = "conv weight gradient \(convolution.weightShape)\(bias == nil ? "" : ", bias")"
        steps.append(OneDNNStep(primitive, reads: reads, writes: writes, text))
        if !isPlain {
            steps.append(try OneDNNStep.reorder(result, chosen, makeBuffer(for: value), plain, "\(convolution.weightShape) to plain"))
        }
    }

    /// Winograd where it pays, by the shape alone, so that the same program gives the same bits everywhere.
    ///
    /// Left to itself oneDNN takes Winograd for an input of one channel too, where it is seven times slower than the direct kernel.
    private func algorithm(_ geometry: ConvolutionGeometry, _ weight: Shape) -> hd_algorithm {
        let isThreeByThree = weight.dimensions.dropFirst(2).elementsEqual([3, 3])
        let isDense = geometry.strides == [1, 1] && geometry.dilation == [1, 1] && geometry.groups == 1
        return isThreeByThree && isDense && weight[0] >= 16 && weight[1] >= 16 ? HD_ALGORITHM_AUTO : HD_ALGORITHM_DIRECT
    }

    // MARK: - Operands in a primitive's layout

    /// `[G, O / G, I / G, kernel…]` where there are groups.
    private func groupedDims(_ shape: Shape, _ geometry: ConvolutionGeometry) -> [Int] {
        geometry.groups == 1 ? shape.dimensions : [geometry.groups, shape[0] / geometry.groups] + shape.dimensions.dropFirst()
    }

    private func weightDims(_ value: Int, _ geometry: ConvolutionGeometry) -> [Int] {
        groupedDims(program.type(of: value).shape, geometry)
    }

    /// The engine's name for a layout, if it has one for activations of this shape.
    func known(_ layout: OneDNNLayout, _ shape: Shape) throws -> PhysicalLayout? {
        var candidates: [PhysicalLayout] = [.plain]
        if shape.rank >= 3, shape.rank <= 5 {
            candidates.append(.channelsLast)
            if shape[1] % 16 == 0 { candidates.append(.blocked(16)) }
            if shape[1] % 8 == 0 { candidates.append(.blocked(8)) }
        }
        for candidate in candidates where try OneDNNLayout.activations(shape, candidate).isEqual(to: layout) { return candidate }
        return nil
    }

    /// A value's buffer in the layout that a primitive wants.
    mutating func activations(_ value: Int, _ wanted: OneDNNLayout) throws -> BufferID {
        let shape = program.type(of: value).shape
        let value = resolve(value)
        if let layout = try known(wanted, shape) {
            return layout == .plain ? try plainBuffer(value) : try buffer(value, in: layout)
        }
        let source = try plainBuffer(value)
        let target = makeTemporary(byteCount: wanted.byteCount)
        steps.append(try OneDNNStep.reorder(source, try .strided(shape.dimensions), target, wanted, "\(shape) for a primitive"))
        return target
    }

    /// A weight's buffer in the layout that a primitive wants.
    private mutating func weightBuffer(_ value: Int, _ geometry: ConvolutionGeometry, _ wanted: OneDNNLayout) throws -> BufferID {
        let source = try plainBuffer(value)
        let plain = try OneDNNLayout.strided(weightDims(value, geometry))
        if plain.isEqual(to: wanted) { return source }
        let target = makeTemporary(byteCount: wanted.byteCount)
        steps.append(try OneDNNStep.reorder(source, plain, target, wanted, "weight \(program.type(of: value).shape)"))
        return target
    }

    /// Appends a step that writes a value in the layout that its primitive chose; what only oneDNN can walk is made plain at once.
    mutating func writeActivations(_ value: Int, _ chosen: OneDNNLayout, _ makeStep: (BufferID) -> any Step) throws {
        let shape = program.type(of: value).shape
        if let layout = try known(chosen, shape) {
            steps.append(makeStep(makeBuffer(for: value, layout: layout)))
            return
        }
        let temporary = makeTemporary(byteCount: chosen.byteCount)
        steps.append(makeStep(temporary))
        steps.append(try OneDNNStep.reorder(temporary, chosen, makeBuffer(for: value), try .strided(shape.dimensions), "\(shape) to plain"))
    }
}

extension FusedConvolution: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { true }
    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool { false }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        try lowering.lowerConvolution(geometry, call.value, lowering.program.instruction(call.value)!, hasRelu: hasRelu)
    }

    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws {}
}

extension FusedWeightGradient: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { true }
    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool { false }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        guard let weight = call.results[0] else { fatalError("[cpu] a weight gradient that nobody uses") }
        let instruction = lowering.program.instruction(call.value)!
        try lowering.lowerConvolutionWeightGradient(gradient, weight, instruction, bias: call.results[1])
    }

    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws {}
}
