import CKernels
import HillockCore

extension Lowering {
    /// Lowers one instruction.
    mutating func lower(_ position: Int) throws {
        let instruction = program.instructions[position]
        let value = program.inputs.count + position
        switch instruction.primitive {
        case let fill as Fill:
            let cell = HostArray([fill.value], as: TensorType(fill.type.dtype, .scalar))
            places[value] = .splat(makeConstant(cell))
        case let iota as Iota:
            places[value] = .buffers([.plain: makeConstant(iota.evaluate([], as: iota.type))])
        case is StopGradient, is Identity, is Shard:
            forward(instruction.operands[0], to: value)
        case is CompositeResult:
            break  // Placed by its composite.
        case is Convert where program.isRoundedForConvolutions(value, uses):
            places[value] = .rounded(instruction.operands[0])
        case let kernel as any KernelOperation where kernel.isSupported(for: operandTypes(instruction)):
            try lowerElementwise(instruction, value)
        case let composite as any Composite:
            try lowerComposite(composite, value, instruction)
        case let view as any ViewPrimitive:
            try lowerView(view, value, instruction)
        case let reduce as Reduce:
            try lowerReduce(reduce, value, instruction)
        case let search as ArgReduce:
            try lowerArgReduce(search, value, instruction)
        case let product as MatrixMultiply:
            try lowerMatrixMultiply(product, value, instruction)
        case let convolution as Convolution where hasConvolutionKernel(instruction):
            try lowerConvolution(convolution.geometry, value, instruction)
        case let convolution as ConvolutionInputGradient where hasConvolutionKernel(instruction):
            try lowerConvolutionInputGradient(convolution, value, instruction)
        case let convolution as ConvolutionWeightGradient where hasConvolutionKernel(instruction):
            try lowerConvolutionWeightGradient(convolution, value, instruction)
        case let pool as MaxPool:
            try lowerMaxPool(pool, value, instruction)
        case let pool as MaxPoolScatter:
            try lowerMaxPoolGradient(pool.geometry, isRectified: false, value, instruction.operands)
        case let pool as MaxPoolSelect:
            try lowerMaxPoolSelect(pool, value, instruction)
        case let pool as AveragePool:
            try lowerAveragePool(pool, value, instruction)
        case let pool as AveragePoolGradient:
            try lowerAveragePoolGradient(pool, value, instruction)
        case let concatenate as Concatenate:
            try lowerConcatenate(concatenate, value, instruction)
        case let pad as Pad:
            try lowerPad(pad, value, instruction)
        case is Gather:
            try lowerGather(value, instruction)
        case is ScatterAdd:
            try lowerScatterAdd(value, instruction)
        case let random as RandomNumbers:
            try lowerRandom(random, value, instruction)
        default:
            try lowerByDefinition(value, instruction)
        }
    }

    /// Makes a value another name of its operand.
    private mutating func forward(_ operand: Int, to value: Int) {
        switch places[operand] {
        case .buffers: places[value] = .view(of: operand, Strided(dense: program.type(of: value).shape))
        case let place: places[value] = place
        }
    }

    /// Whether a convolution gives f32, of operands in f32 or of such that are rounded for it.
    private func hasConvolutionKernel(_ instruction: Program.Instruction) -> Bool {
        instruction.type.dtype == .float32 && hasElements(instruction)
            && instruction.operands.allSatisfy { program.type(of: $0).dtype == .float32 || program.isRoundedForConvolutions($0, uses) }
    }

    private func operandTypes(_ instruction: Program.Instruction) -> [DType] {
        instruction.operands.map { program.type(of: $0).dtype }
    }

    /// Whether nothing in an instruction is empty.
    func hasElements(_ instruction: Program.Instruction) -> Bool {
        instruction.type.shape.count > 0 && instruction.operands.allSatisfy { program.type(of: $0).shape.count > 0 }
    }

    /// Runs the primitive's own definition, slow but always right: for what has no kernel, such as a convolution in f64.
    mutating func lowerByDefinition(_ value: Int, _ instruction: Program.Instruction) throws {
        let inputs = try instruction.operands.map { try plainBuffer($0) }
        let types = instruction.operands.map { program.type(of: $0) }
        steps.append(DefinitionStep(instruction, inputs, types, makeBuffer(for: value)))
    }

    private mutating func lowerReduce(_ reduce: Reduce, _ value: Int, _ instruction: Program.Instruction) throws {
        // Who wrote what is summed wrote the sum too.
        if places[value] != nil { return }
        let operand = instruction.operands[0]
        let type = program.type(of: operand)
        // Walk the operand in the order in which it lies.
        if let layout = layouts(of: operand).first, layout != .plain, !isView(operand), canReduce(reduce, type.shape, in: layout) {
            let source = try buffer(operand, in: layout)
            try append(ReduceStep(reduce, type, source, layout, makeBuffer(for: value)))
            return
        }
        let (source, view) = try strided(operand)
        let flags = (0..<type.shape.rank).map { reduce.axes.contains($0) }
        try append(ReduceStep(reduce.kind, type.dtype, source, view, flags, makeBuffer(for: value)))
    }

    /// Takes a reduction, which reads much memory in the way that is the faster one on this machine.
    mutating func append(_ reduction: ReduceStep) throws {
        if reduction.readsMuch { reduction.reading = try tuner.choose("reduction of much memory", ReduceStep.readings) }
        steps.append(reduction)
    }

    func isView(_ value: Int) -> Bool {
        if case .view? = places[value] { true } else { false }
    }

    private mutating func lowerArgReduce(_ search: ArgReduce, _ value: Int, _ instruction: Program.Instruction) throws {
        let operand = instruction.operands[0]
        let source = try plainBuffer(operand)
        let type = program.type(of: operand)
        steps.append(ArgReduceStep(search, type, source, makeBuffer(for: value)))
    }

    private mutating func lowerConcatenate(_ concatenate: Concatenate, _ value: Int, _ instruction: Program.Instruction) throws {
        let sources = try instruction.operands.map { try strided($0) }
        let target = makeBuffer(for: value)
        let strides = instruction.type.shape.strides
        var start = 0
        for (operand, (source, view)) in zip(instruction.operands, sources) {
            let place = Strided(offset: start * strides[concatenate.axis], strides: strides, shape: view.shape)
            if !gather(operand, of: instruction, source, into: target, at: place) {
                steps.append(CopyStep(instruction.type.dtype, source, view, target, place))
            }
            start += view.shape[concatenate.axis]
        }
    }

    /// Lets a value whose rows were gathered for one use be gathered where it is used.
    private mutating func gather(
        _ value: Int, of user: Program.Instruction, _ source: BufferID, into target: BufferID, at place: Strided
    ) -> Bool {
        guard program.instruction(value)?.primitive is Gather, uses[value].count == 1, !program.outputs.contains(value),
            user.operands.count(where: { $0 == value }) == 1,
            case .buffers(let known)? = places[value], known == [.plain: source],
            let position = steps.lastIndex(where: { $0.writes.contains(source) }),
            let step = (steps[position] as? RowsStep)?.gathering(into: target, at: place)
        else { return false }
        steps[position] = step
        return true
    }

    private mutating func lowerPad(_ pad: Pad, _ value: Int, _ instruction: Program.Instruction) throws {
        let (source, start) = try strided(instruction.operands[0])
        var view = start
        let target = makeBuffer(for: value)
        let type = instruction.type
        steps.append(ZeroStep(target, byteCount: type.byteCount))
        guard view.shape.count > 0, type.shape.count > 0 else { return }
        // The part of the input that is inside, and where its first element goes.
        var place = Strided(offset: 0, strides: type.shape.strides, shape: view.shape)
        var extents = view.shape.dimensions
        for axis in extents.indices {
            let step = pad.interior[axis] + 1
            let skipped = pad.low[axis] < 0 ? (-pad.low[axis] + step - 1) / step : 0
            let first = pad.low[axis] + skipped * step
            let room = type.shape[axis] - first
            extents[axis] = Swift.max(0, Swift.min(extents[axis] - skipped, room <= 0 ? 0 : (room + step - 1) / step))
            view.offset += skipped * view.strides[axis]
            place.offset += first * place.strides[axis]
            place.strides[axis] *= step
        }
        guard !extents.contains(0) else { return }
        view.shape = Shape(extents)
        place.shape = Shape(extents)
        steps.append(CopyStep(type.dtype, source, view, target, place))
    }

    private mutating func lowerGather(_ value: Int, _ instruction: Program.Instruction) throws {
        let table = program.type(of: instruction.operands[0])
        let indices = program.type(of: instruction.operands[1])
        let sources = (try plainBuffer(instruction.operands[0]), try plainBuffer(instruction.operands[1]))
        steps.append(RowsStep(.gather, table, indices, sources.0, sources.1, makeBuffer(for: value)))
    }

    /// Nothing yet: who changes a table by rows need not see them added up.
    private mutating func lowerScatterAdd(_ value: Int, _ instruction: Program.Instruction) throws {
        guard instruction.type.dtype != .uint8 else { return try lowerByDefinition(value, instruction) }
        places[value] = .scattered(updates: instruction.operands[0], indices: instruction.operands[1])
    }

    /// Adds rows up in memory of their own.
    mutating func addUp(_ value: Int, _ updates: Int, _ indices: Int) throws -> BufferID {
        let sources = (try plainBuffer(updates), try plainBuffer(indices))
        places[value] = nil
        let target = makeBuffer(for: value)
        steps.append(RowsStep(.scatterAdd, program.type(of: value), program.type(of: indices), sources.0, sources.1, target))
        return target
    }

    private mutating func lowerRandom(_ random: RandomNumbers, _ value: Int, _ instruction: Program.Instruction) throws {
        let key = try strided(instruction.operands[0]).buffer
        steps.append(RandomStep(random, key, makeBuffer(for: value)))
    }
}
