import CKernels
import HillockCore

extension Lowering {
    /// One pass over memory for a single element-wise operation.
    mutating func lowerElementwise(_ instruction: Program.Instruction, _ value: Int) throws {
        let inputs = instruction.operands.map { Program.Input(type: program.type(of: $0), isScalar: false) }
        let operation = Program.Instruction(instruction.primitive, Array(inputs.indices), instruction.type)
        let piece = Program(inputs: inputs, instructions: [operation], outputs: [inputs.count])
        try lowerGroup(piece, instruction.operands, results: [value])
    }

    /// One pass over memory for a fused piece of the program.
    ///
    /// It walks memory in the layout of the first operand that is not plain; the others adapt.
    fileprivate mutating func lowerGroup(_ piece: Program, _ operands: [Int], results: [Int]) throws {
        let operands = operands.map(resolve)
        let layout = groupLayout(operands, piece)
        let shape = piece.instructions[0].type.shape
        let group = ElementwiseGroup(shape: shape, layout: layout)
        var values: [ElementwiseGroup.Operand] = []
        // Keys of random numbers are read by who draws.
        let read = Set(piece.instructions.filter { !($0.primitive is RandomNumbers) }.flatMap(\.operands))
        for (position, operand) in operands.enumerated() {
            values.append(read.contains(position) ? group.addInput(try input(operand, in: layout)) : .input(-1))
        }
        for instruction in piece.instructions where !(instruction.primitive is Reduce) {
            if instruction.primitive is RandomNumbers {
                let key = try cell(operands[instruction.operands[0]])
                values.append(group.addInput(.init(buffer: key, dtype: .float32, view: nil, isRandom: true)))
                continue
            }
            guard let kernel = instruction.primitive as? any KernelOperation else {
                throw CPUEngineError(description: "[cpu] \(type(of: instruction.primitive).name) is not element-wise")
            }
            let workType = piece.type(of: instruction.operands[type(of: kernel).typeOperand]).dtype
            values.append(
                group.add(
                    .init(
                        kernel: kernel.kernel, name: type(of: kernel).name, workType: workType, type: instruction.type.dtype,
                        operands: instruction.operands.map { values[$0] })))
        }
        func operation(_ value: Int) -> Int {
            if case .operation(let operation) = values[value] { return operation }
            // Numbers that are drawn here and wanted elsewhere too, or folded.
            let dtype = piece.type(of: value).dtype
            values[value] = group.add(.init(kernel: hk_op_copy, name: "copy", workType: dtype, type: dtype, operands: [values[value]]))
            return operation(value)
        }
        var reductions: [ReduceStep] = []
        for (output, value) in zip(piece.outputs, results) {
            let instruction = piece.instruction(output)!
            guard let reduce = instruction.primitive as? Reduce else {
                group.addOutput(operation(output), makeBuffer(for: value, layout: layout))
                continue
            }
            let source = operation(instruction.operands[0])
            if layout == .plain || reduce.axes.count == shape.rank {
                group.addFold(source, reduce, makeBuffer(for: value))
            } else {
                // Neighbours along the axes do not lie together: folded once the values are in memory.
                let type = piece.type(of: instruction.operands[0])
                let whole = makeTemporary(byteCount: type.byteCount)
                group.addOutput(source, whole)
                reductions.append(ReduceStep(reduce, type, whole, layout, makeBuffer(for: value)))
            }
        }
        group.finish()
        steps.append(group)
        for reduction in reductions { try append(reduction) }
    }

    /// The layout in which a group reading these values walks memory.
    private func groupLayout(_ operands: [Int], _ piece: Program) -> PhysicalLayout {
        // Random numbers are numbered in the order of the plain layout.
        if piece.instructions.contains(where: { $0.primitive is RandomNumbers }) { return .plain }
        guard let layout = operands.map({ layouts(of: $0)[0] }).first(where: { $0 != .plain }) else { return .plain }
        let shape = piece.instructions[0].type.shape
        for case let reduce as Reduce in piece.instructions.map(\.primitive) where !canReduce(reduce, shape, in: layout) { return .plain }
        guard case .opaque(let opaque) = layout else { return layout }
        // Only what lies alike, and single numbers, can be read along an opaque layout.
        let isAlike = operands.allSatisfy { operand in
            switch places[operand] {
            case .view(_, let view): view.strides.allSatisfy { $0 == 0 }
            case .splat: true
            default: program.type(of: operand).shape == opaque.shape && program.type(of: operand).dtype == .float32
            }
        }
        // oneDNN alone can copy what lies so, and knows no masks.
        let isReal = piece.outputs.allSatisfy { piece.type(of: $0).dtype == .float32 }
        return opaque.isDense && isAlike && isReal ? layout : .plain
    }

    /// Whether a reduction can walk values as they lie in a layout: results are row-major over the axes that are kept.
    func canReduce(_ reduce: Reduce, _ shape: Shape, in layout: PhysicalLayout) -> Bool {
        guard !layout.isOpaque else { return false }
        let kept = layout.axes(of: shape).map(\.axis).filter { !reduce.axes.contains($0) }
        return kept == kept.sorted()
    }

    /// The value that another is merely a name of.
    func resolve(_ value: Int) -> Int {
        guard case .view(let root, let view)? = places[value], view == Strided(dense: program.type(of: root).shape) else { return value }
        return resolve(root)
    }

    /// How a group that walks memory in a layout reads a value.
    private mutating func input(_ operand: Int, in layout: PhysicalLayout) throws -> ElementwiseGroup.Input {
        let dtype = program.type(of: operand).dtype
        switch places[operand] {
        case .view, .splat:
            let (buffer, view) = try strided(operand)
            let isFlat = layout == .plain && view.offset == 0 && view.isDense && view.shape.count > 1
            return .init(buffer: buffer, dtype: dtype, view: isFlat ? nil : view)
        default:
            return .init(buffer: try buffer(operand, in: layout), dtype: dtype, view: nil)
        }
    }
}

extension Fusion: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { true }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        // A result that nobody uses is left out of the machine's program with all that only it needs.
        let wanted = call.results.indices.filter { call.results[$0] != nil }
        let piece = Program(inputs: program.inputs, instructions: program.instructions, outputs: wanted.map { program.outputs[$0] })
        try lowering.lowerGroup(piece, call.operands, results: wanted.map { call.results[$0]! })
    }
}
