import CKernels
import COneDNN
import HillockCore

/// LSTM and GRU over time: the products with all steps' inputs by oneDNN, the steps themselves by a kernel.
///
/// The gates are made and kept in one buffer: first the inputs' part, then, step by step, the gates in its place, and in the gradient
/// their gradients.
protocol RecurrentKernel: CompositeKernel {
    var reversed: Bool { get }
    static var cell: hk_recurrent_cell { get }
}

extension LongShortTermMemory: RecurrentKernel {
    static var cell: hk_recurrent_cell { hk_cell_lstm }
}

extension GatedRecurrentUnit: RecurrentKernel {
    static var cell: hk_recurrent_cell { hk_cell_gru }
}

/// What the forward pass leaves for the gradient.
private struct RecurrentRecord {
    /// `[B, T, G·H]`
    let gates: BufferID
    /// `[B, T, H]`: c of each step (LSTM) or the recurrent part of n (GRU).
    let kept: BufferID
    /// `[B, T, H]`: h before each step.
    let before: BufferID
}

extension RecurrentKernel {
    private var gates: Int { Self.cell == hk_cell_lstm ? 4 : 3 }
    private var stateCount: Int { Self.cell == hk_cell_lstm ? 2 : 1 }

    func hasKernel(for inputs: [TensorType]) -> Bool {
        inputs.allSatisfy { $0.dtype == .float32 && $0.shape.count > 0 }
    }

    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool { hasKernel(for: inputs) }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        let isDifferentiated = lowering.isDifferentiated(call)
        let record = try lowerForward(call.operands, call.results, isRecorded: isDifferentiated, &lowering)
        if let record { lowering.workspaces[call.value] = [record.gates, record.kept, record.before] }
    }

    /// The steps forwards; with a record for the gradient, or only for it where there are no results.
    private func lowerForward(_ operands: [Int], _ results: [Int?], isRecorded: Bool, _ lowering: inout Lowering) throws
        -> RecurrentRecord?
    {
        let extents = try extents(operands, lowering)
        let (rows, width) = (extents.batch * extents.steps, gates * extents.hidden)
        let gateBuffer = lowering.makeTemporary(byteCount: 4 * rows * width)
        let x = try Matrix(lowering.plainBuffer(operands[0]), [rows, extents.inputs])
        let weight = try Matrix(lowering.plainBuffer(operands[1]), [width, extents.inputs])
        let bias = try lowering.bufferUnlessZero(operands[3])
        try lowering.appendProduct(x, weight.transposed, bias: bias, Matrix(gateBuffer, [rows, width]))

        let step = RecurrentStep(Self.cell, extents, reversed: reversed, gates: gateBuffer)
        step.weight = try lowering.plainBuffer(operands[2])
        step.bias = try lowering.bufferUnlessZero(operands[4])
        step.h0 = try lowering.bufferUnlessZero(operands[5])
        if stateCount == 2 { step.c0 = try lowering.bufferUnlessZero(operands[6]) }
        var record: RecurrentRecord?
        if isRecorded {
            let byteCount = 4 * rows * extents.hidden
            let made = RecurrentRecord(
                gates: gateBuffer, kept: lowering.makeTemporary(byteCount: byteCount), before: lowering.makeTemporary(byteCount: byteCount))
            (step.kept, step.before) = (made.kept, made.before)
            record = made
        }
        let targets = results.map { $0.map { lowering.makeBuffer(for: $0) } }
        if !targets.isEmpty {
            (step.output, step.lastH) = (targets[0], targets[1])
            if stateCount == 2 { step.lastC = targets[2] }
        }
        lowering.steps.append(step)
        return record
    }

    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws {
        let inputCount = 5 + stateCount
        let inputs = Array(call.operands.prefix(inputCount))
        let extents = try extents(inputs, lowering)
        let (rows, width) = (extents.batch * extents.steps, gates * extents.hidden)
        // The record is written over: another gradient of the same layer makes its own.
        var found: RecurrentRecord?
        if let forward = lowering.forward(of: call), let buffers = lowering.workspaces.removeValue(forKey: forward) {
            found = RecurrentRecord(gates: buffers[0], kept: buffers[1], before: buffers[2])
        }
        guard let record = try found ?? lowerForward(inputs, [], isRecorded: true, &lowering) else { return }

        func upstream(_ result: Int) -> Int? { upstreams.firstIndex(of: result).map { call.operands[inputCount + $0] } }
        func target(_ input: Int) -> BufferID? { call.results[input].map { lowering.makeBuffer(for: $0) } }
        let step = RecurrentGradientStep(
            Self.cell, extents, reversed: reversed, gates: record.gates, kept: record.kept, before: record.before)
        step.weight = try lowering.plainBuffer(inputs[2])
        if stateCount == 2 {
            step.c0 = try lowering.bufferUnlessZero(inputs[6])
            step.upstreamC = try upstream(2).flatMap { try lowering.bufferUnlessZero($0) }
            step.gradientC = target(6)
        }
        step.upstream = try upstream(0).map { try lowering.rows($0) }
        step.upstreamH = try upstream(1).flatMap { try lowering.bufferUnlessZero($0) }
        step.gradientH = target(5)
        (step.inputBias, step.recurrentBias) = (target(3), target(4))
        lowering.steps.append(step)

        let d = Matrix(record.gates, [rows, width])
        let x = try Matrix(lowering.plainBuffer(inputs[0]), [rows, extents.inputs])
        if let dx = target(0) {
            let weight = try Matrix(lowering.plainBuffer(inputs[1]), [width, extents.inputs])
            try lowering.appendProduct(d, weight, Matrix(dx, [rows, extents.inputs]))
        }
        if let dw = target(1) { try lowering.appendProduct(d.transposed, x, Matrix(dw, [width, extents.inputs])) }
        if let du = target(2) {
            let before = Matrix(record.before, [rows, extents.hidden])
            if Self.cell == hk_cell_lstm {
                try lowering.appendProduct(d.transposed, before, Matrix(du, [width, extents.hidden]))
            } else {
                // What is added to the product of n is scaled by the reset gate, so its gradient is another.
                let split = 2 * extents.hidden
                let kept = Matrix(record.kept, [rows, extents.hidden])
                try lowering.appendProduct(d.columns(split).transposed, before, Matrix(du, [split, extents.hidden]))
                try lowering.appendProduct(
                    kept.transposed, before, Matrix(du, [extents.hidden, extents.hidden], offset: split * extents.hidden))
            }
        }
    }

    private func extents(_ operands: [Int], _ lowering: Lowering) throws -> RecurrentExtents {
        let types = operands.map { lowering.program.type(of: $0) }
        return try RecurrentExtents(Self.name, gates: gates, states: ["h0", "c0"], types)
    }
}

/// A matrix in a buffer, for products of the engine's own making.
private struct Matrix {
    let buffer: BufferID
    let extents: [Int]
    let strides: [Int]
    /// Elements before the first.
    let offset: Int

    init(_ buffer: BufferID, _ extents: [Int], strides: [Int]? = nil, offset: Int = 0) {
        self.buffer = buffer
        self.extents = extents
        self.strides = strides ?? [extents[1], 1]
        self.offset = offset
    }

    var view: Strided { Strided(offset: offset, strides: strides, shape: Shape(extents)) }

    var transposed: Matrix { Matrix(buffer, extents.reversed(), strides: strides.reversed(), offset: offset) }

    /// The first `count` columns.
    func columns(_ count: Int) -> Matrix { Matrix(buffer, [extents[0], count], strides: strides, offset: offset) }
}

extension Lowering {
    /// Appends target = a · b + bias.
    fileprivate mutating func appendProduct(_ a: Matrix, _ b: Matrix, bias: BufferID? = nil, _ target: Matrix) throws {
        let shape = Shape(target.extents)
        let operations = 2 * a.extents[0] * a.extents[1] * b.extents[1]
        if ProductStep.isFaster(shape, a.view, b.view) {
            steps.append(
                ProductStep(
                    shape, (a.buffer, a.view), (b.buffer, b.view), bias: bias, target.buffer, targetOffset: target.offset,
                    floatingPointOperations: operations))
            return
        }
        let layouts = try [a, b, target].map { try OneDNNLayout.strided($0.extents, strides: $0.strides) }
        let biasLayout = try bias.map { _ in try OneDNNLayout.strided([1, target.extents[1]]) }
        let primitive = try OneDNNPrimitive([layouts[0], layouts[1], biasLayout, layouts[2]]) {
            hd_matmul_create(&$0, $1[0], $1[1], $1[2], nil, $1[3], Int32(HD_POST_NONE.rawValue))
        }
        var reads = [(Int32(HD_MATMUL_SRC), a.buffer), (Int32(HD_MATMUL_WEIGHTS), b.buffer)]
        if let bias { reads.append((Int32(HD_MATMUL_BIAS), bias)) }
        steps.append(
            OneDNNStep(
                primitive, reads: reads, writes: [(Int32(HD_MATMUL_DST), target.buffer)],
                offsets: [Int32(HD_MATMUL_DST): 4 * target.offset], "matmul \(a.extents) × \(b.extents)\(bias == nil ? "" : " + bias")",
                floatingPointOperations: operations))
    }

    /// A value's row-major buffer, or nothing where it is known to be zero everywhere.
    fileprivate mutating func bufferUnlessZero(_ value: Int) throws -> BufferID? {
        if let fill = program.instruction(value)?.primitive as? Fill, fill.value == 0 { return nil }
        return try plainBuffer(value)
    }

    /// How to walk a value whose rows along the last axis are dense; copied where they are not.
    fileprivate mutating func rows(_ value: Int) throws -> (buffer: BufferID, view: Strided) {
        let (buffer, view) = try strided(value)
        if view.shape[-1] == 1 || view.strides.last == 1 { return (buffer, view) }
        return (try plainBuffer(value), Strided(dense: program.type(of: value).shape))
    }
}
