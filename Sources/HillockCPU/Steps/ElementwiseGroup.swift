import CKernels
import HillockCore

/// Element-wise operations over one iteration space, and reductions of their results, that run as one pass over memory.
///
/// It is built operation by operation; ``finish()`` allocates registers and fixes the machine's program.
final class ElementwiseGroup: Step {
    /// What an operation reads.
    enum Operand: Hashable {
        case operation(Int)
        case input(Int)
    }

    /// One instruction to be.
    struct Operation {
        let kernel: hk_op
        /// The operation, for people.
        let name: String
        let workType: DType
        let type: DType
        let operands: [Operand]
    }

    /// How memory is read.
    struct Input: Equatable {
        let buffer: BufferID
        let dtype: DType
        /// `nil` where the elements lie as the group walks them.
        let view: Strided?
        /// Whether the elements are no memory but the uniform numbers whose key the buffer holds.
        var isRandom = false
    }

    let shape: Shape
    let layout: PhysicalLayout
    private(set) var operations: [Operation] = []
    private(set) var inputs: [Input] = []
    /// Operations whose results are wanted in memory.
    private(set) var outputs: [(operation: Int, buffer: BufferID)] = []
    /// Operations whose results are folded.
    private(set) var folds: [(operation: Int, reduce: Reduce, buffer: BufferID)] = []
    private var machine: Machine?

    init(shape: Shape, layout: PhysicalLayout) {
        self.shape = shape
        self.layout = layout
    }

    // MARK: - Building

    func addInput(_ input: Input) -> Operand {
        if let known = inputs.firstIndex(of: input) { return .input(known) }
        inputs.append(input)
        return .input(inputs.count - 1)
    }

    func add(_ operation: Operation) -> Operand {
        operations.append(operation)
        return .operation(operations.count - 1)
    }

    func addOutput(_ operation: Int, _ buffer: BufferID) { outputs.append((operation, buffer)) }

    /// Folds what lies together in memory: trailing axes in the plain layout, or all axes.
    func addFold(_ operation: Int, _ reduce: Reduce, _ buffer: BufferID) { folds.append((operation, reduce, buffer)) }

    func finish() {
        if shape.count > 0 { machine = Machine(self) }
    }

    // MARK: - Step

    var reads: [BufferID] { inputs.map(\.buffer) }
    var writes: [BufferID] { outputs.map(\.buffer) + folds.map(\.buffer) }
    var scratchByteCount: Int { 0 }
    /// Inputs that are read element by element in the order of the outputs, which may be written over them.
    var contiguousReads: [BufferID] {
        let others = Set(inputs.filter { $0.view != nil || $0.isRandom }.map(\.buffer))
        return inputs.map(\.buffer).filter { !others.contains($0) }
    }

    /// Bytes of an input's or an output's element; 0 for what is not written element by element.
    func elementSize(of buffer: BufferID) -> Int {
        if let input = inputs.first(where: { $0.buffer == buffer }) { return input.dtype.byteCount }
        return outputs.first { $0.buffer == buffer }.map { operations[$0.operation].type.byteCount } ?? 0
    }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        machine?.run(pointers)
    }

    /// What is walked by strides lies row-major, everything else as the group walks memory.
    func layout(of buffer: BufferID) -> PhysicalLayout? {
        inputs.contains { $0.buffer == buffer && $0.view != nil } ? .plain : layout
    }

    var explanation: String {
        // A long chain is an optimizer's step or the like: its first operations say which.
        let drawn = inputs.contains(where: \.isRandom) ? "random, " : ""
        let names = drawn + operations.prefix(6).map(\.name).joined(separator: ", ") + (operations.count > 6 ? ", …" : "")
        let walk = layout == .plain ? "" : " \(layout)"
        let ends = folds.map { ", \($0.reduce.kind) over \($0.reduce.axes)" }.joined()
        return operations.count == 1 ? "\(names) \(shape)\(walk)\(ends)" : "\(operations.count) fused \(shape)\(walk): \(names)\(ends)"
    }

    func byteCount(_ buffers: [BufferInfo]) -> Int {
        // Of a buffer that is walked by strides no more is read than the walk meets.
        var read: [BufferID: Int] = [:]
        for input in inputs {
            let met = input.isRandom ? 0 : input.view?.elementCount ?? shape.count
            read[input.buffer] = Swift.min(buffers[input.buffer].byteCount, read[input.buffer, default: 0] + met * input.dtype.byteCount)
        }
        return Set(writes).reduce(read.values.reduce(0, +)) { $0 + buffers[$1].byteCount }
    }
}

/// The C structures of one element-wise program, made once.
private final class Machine {
    private let program: UnsafeMutablePointer<hk_elementwise_program>
    private let operands: UnsafeMutablePointer<hk_operand>
    private let outputRegisters: UnsafeMutablePointer<UInt16>
    private let outputTypes: UnsafeMutablePointer<UInt8>
    private let registerTypes: UnsafeMutablePointer<UInt8>
    private let code: UnsafeMutablePointer<hk_instruction>
    private let folds: UnsafeMutablePointer<hk_fold>
    private let sources: UnsafeMutablePointer<UnsafeRawPointer?>
    private let targets: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private let sourceBuffers: [(buffer: BufferID, byteOffset: Int)]
    private let targetBuffers: [BufferID]

    init(_ group: ElementwiseGroup) {
        let axes = group.layout.axes(of: group.shape)
        // Strides of each strided input over the axes as they lie, then neighbouring axes joined wherever every input allows.
        var extents = axes.map(\.extent)
        var strides: [[Int]] = group.inputs.compactMap { input in
            input.view.flatMap { view in view.strides.allSatisfy { $0 == 0 } ? nil : axes.map { view.strides[$0.axis] * $0.factor } }
        }
        var axis = extents.count - 2
        while axis >= 0 {
            let joins = strides.allSatisfy { $0[axis] == $0[axis + 1] * extents[axis + 1] || extents[axis] == 1 }
            if joins || extents[axis + 1] == 1 {
                for k in strides.indices {
                    strides[k][axis] = extents[axis + 1] == 1 ? strides[k][axis] : strides[k][axis + 1]
                    strides[k].remove(at: axis + 1)
                }
                extents[axis] *= extents[axis + 1]
                extents.remove(at: axis + 1)
            }
            axis -= 1
        }
        if extents.isEmpty { extents = [1] }

        operands = .allocate(capacity: Swift.max(group.inputs.count, 1))
        sources = .allocate(capacity: Swift.max(group.inputs.count, 1))
        var sourceBuffers: [(BufferID, Int)] = []
        var walk = 0
        for (position, input) in group.inputs.enumerated() {
            var operand = hk_operand()
            operand.type = input.dtype.rawValue
            if input.isRandom {
                operand.kind = UInt8(hk_operand_random.rawValue)
            } else if let view = input.view {
                if view.strides.allSatisfy({ $0 == 0 }) {
                    operand.kind = UInt8(hk_operand_scalar.rawValue)
                } else {
                    operand.kind = UInt8(hk_operand_strided.rawValue)
                    withUnsafeMutableBytes(of: &operand.strides) { bytes in
                        let target = bytes.bindMemory(to: Int64.self)
                        for (k, stride) in strides[walk].enumerated() { target[k] = Int64(stride) }
                    }
                    walk += 1
                }
            } else {
                operand.kind = UInt8(hk_operand_contiguous.rawValue)
            }
            (operands + position).initialize(to: operand)
            sourceBuffers.append((input.buffer, (input.view?.offset ?? 0) * input.dtype.byteCount))
        }
        self.sourceBuffers = sourceBuffers
        targetBuffers = group.writes

        let allocation = RegisterAllocation(group)
        registerTypes = .allocate(capacity: allocation.types.count)
        registerTypes.initialize(from: allocation.types.map(\.rawValue), count: allocation.types.count)
        code = .allocate(capacity: allocation.code.count)
        code.initialize(from: allocation.code, count: allocation.code.count)
        outputRegisters = .allocate(capacity: group.outputs.count)
        outputTypes = .allocate(capacity: group.outputs.count)
        for (position, output) in group.outputs.enumerated() {
            (outputRegisters + position).initialize(to: allocation.registers[output.operation])
            (outputTypes + position).initialize(to: group.operations[output.operation].type.rawValue)
        }
        targets = .allocate(capacity: targetBuffers.count)
        targets.initialize(repeating: nil, count: targetBuffers.count)
        folds = .allocate(capacity: group.folds.count)
        for (position, fold) in group.folds.enumerated() {
            let run = fold.reduce.axes.reduce(1) { $0 * group.shape[$1] }
            (folds + position).initialize(
                to: hk_fold(
                    reduction: UInt8(fold.reduce.reduction), source: allocation.registers[fold.operation], run: Int64(run)))
        }
        var header = hk_elementwise_program()
        header.rank = Int32(extents.count)
        withUnsafeMutableBytes(of: &header.extents) { bytes in
            let target = bytes.bindMemory(to: Int64.self)
            for (k, extent) in extents.enumerated() { target[k] = Int64(extent) }
        }
        header.input_count = Int32(group.inputs.count)
        header.output_count = Int32(group.outputs.count)
        header.register_count = Int32(allocation.types.count)
        header.instruction_count = Int32(allocation.code.count)
        header.inputs = UnsafePointer(operands)
        header.output_registers = UnsafePointer(outputRegisters)
        header.output_types = UnsafePointer(outputTypes)
        header.register_types = UnsafePointer(registerTypes)
        header.code = UnsafePointer(code)
        header.fold_count = Int32(group.folds.count)
        header.folds = UnsafePointer(folds)
        program = .allocate(capacity: 1)
        program.initialize(to: header)
    }

    deinit {
        program.deallocate()
        operands.deallocate()
        outputRegisters.deallocate()
        outputTypes.deallocate()
        registerTypes.deallocate()
        code.deallocate()
        folds.deallocate()
        sources.deallocate()
        targets.deallocate()
    }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>) {
        for (position, source) in sourceBuffers.enumerated() {
            sources[position] = UnsafeRawPointer(pointers[source.buffer] + source.byteOffset)
        }
        for (position, target) in targetBuffers.enumerated() { targets[position] = pointers[target] }
        hk_elementwise(program, sources, targets)
    }
}

/// Registers for a group's operations: few, since the fewer there are the larger the tiles; freed at a value's last use.
private struct RegisterAllocation {
    private(set) var types: [DType]
    private(set) var code: [hk_instruction] = []
    /// Register of each operation's result.
    private(set) var registers: [UInt16] = []

    init(_ group: ElementwiseGroup) {
        types = group.inputs.map(\.dtype)
        // Operations that no output needs are left out.
        var isNeeded = [Bool](repeating: false, count: group.operations.count)
        let results = group.outputs.map(\.operation) + group.folds.map(\.operation)
        for result in results { isNeeded[result] = true }
        for position in group.operations.indices.reversed() where isNeeded[position] {
            for case .operation(let operand) in group.operations[position].operands { isNeeded[operand] = true }
        }
        var lastUse = [Int](repeating: -1, count: group.operations.count)
        for (position, operation) in group.operations.enumerated() where isNeeded[position] {
            for case .operation(let operand) in operation.operands { lastUse[operand] = position }
        }
        for result in results { lastUse[result] = .max }

        var free: [DType: [UInt16]] = [:]
        for (position, operation) in group.operations.enumerated() {
            guard isNeeded[position] else {
                registers.append(0)
                continue
            }
            let sources = operation.operands.map { operand -> UInt16 in
                switch operand {
                case .input(let input): UInt16(input)
                case .operation(let source): registers[source]
                }
            }
            for operand in Set(operation.operands) {
                if case .operation(let source) = operand, lastUse[source] == position {
                    free[group.operations[source].type, default: []].append(registers[source])
                }
            }
            let target: UInt16
            if let reused = free[operation.type]?.popLast() {
                target = reused
            } else {
                target = UInt16(types.count)
                types.append(operation.type)
            }
            registers.append(target)
            code.append(
                hk_instruction(
                    op: UInt8(operation.kernel.rawValue), type: operation.workType.rawValue, dst: target, a: sources[0],
                    b: sources.count > 1 ? sources[1] : 0,
                    c: operation.kernel == hk_op_convert ? UInt16(operation.type.rawValue) : sources.count > 2 ? sources[2] : 0))
        }
    }
}
