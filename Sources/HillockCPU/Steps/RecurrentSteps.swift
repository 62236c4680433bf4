import CKernels
import HillockCore

/// What both directions of time need to know of a recurrent layer.
private struct RecurrentPlace {
    let cell: hk_recurrent_cell
    let extents: RecurrentExtents
    let reversed: Bool

    /// A `[B, T, width]` buffer in the order of the steps.
    func sequence(_ data: UnsafeMutableRawPointer?, width: Int) -> hk_sequence {
        sequence(data, Strided(dense: [extents.batch, extents.steps, width]))
    }

    /// The same for any strides along the first two axes.
    func sequence(_ data: UnsafeMutableRawPointer?, _ view: Strided) -> hk_sequence {
        guard let data else { return hk_sequence() }
        let first = view.offset + (reversed ? (extents.steps - 1) * view.strides[1] : 0)
        return hk_sequence(
            data: data.assumingMemoryBound(to: Float.self) + first, step: Int64(reversed ? -view.strides[1] : view.strides[1]),
            row: Int64(view.strides[0]))
    }

    var gates: Int { (cell == hk_cell_lstm ? 4 : 3) * extents.hidden }
    /// Of the products with the recurrent weight in all steps.
    var floatingPointOperations: Int { 2 * extents.batch * extents.steps * extents.hidden * gates }
    var text: String { "\(cell == hk_cell_lstm ? "lstm" : "gru") \(extents.batch)×\(extents.steps)×\(extents.hidden)" }
}

/// Pointers by buffers that may not be there.
private struct OptionalPointers {
    let pointers: UnsafePointer<UnsafeMutableRawPointer>

    subscript(buffer: BufferID?) -> UnsafeMutableRawPointer? { buffer.map { pointers[$0] } }

    func floats(_ buffer: BufferID?) -> UnsafeMutablePointer<Float>? { self[buffer]?.assumingMemoryBound(to: Float.self) }
}

/// LSTM or GRU over time.
final class RecurrentStep: Step {
    private let place: RecurrentPlace
    /// The inputs' part of the gates; where a record is kept, the gates afterwards.
    private let gates: BufferID
    var weight: BufferID?
    var bias: BufferID?
    var h0: BufferID?
    var c0: BufferID?
    var kept: BufferID?
    var before: BufferID?
    var output: BufferID?
    var lastH: BufferID?
    var lastC: BufferID?

    init(_ cell: hk_recurrent_cell, _ extents: RecurrentExtents, reversed: Bool, gates: BufferID) {
        place = RecurrentPlace(cell: cell, extents: extents, reversed: reversed)
        self.gates = gates
    }

    var reads: [BufferID] { [gates, weight, bias, h0, c0].compactMap { $0 } }
    var writes: [BufferID] { [kept == nil ? nil : gates, kept, before, output, lastH, lastC].compactMap { $0 } }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        let memory = OptionalPointers(pointers: pointers)
        let hidden = place.extents.hidden
        var operands = hk_recurrent()
        operands.cell = Int32(place.cell.rawValue)
        (operands.steps, operands.batch, operands.hidden) = (Int64(place.extents.steps), Int64(place.extents.batch), Int64(hidden))
        operands.u = UnsafePointer(memory.floats(weight))
        operands.bias = UnsafePointer(memory.floats(bias))
        operands.h0 = UnsafePointer(memory.floats(h0))
        operands.c0 = UnsafePointer(memory.floats(c0))
        operands.gates_x = place.sequence(memory[gates], width: place.gates)
        if kept != nil { operands.gates = operands.gates_x }
        operands.kept = place.sequence(memory[kept], width: hidden)
        operands.before = place.sequence(memory[before], width: hidden)
        operands.y = place.sequence(memory[output], width: hidden)
        (operands.h_last, operands.c_last) = (memory.floats(lastH), memory.floats(lastC))
        hk_recurrent_forward(&operands)
    }

    var floatingPointOperations: Int? { place.floatingPointOperations }
    var explanation: String { "\(place.text)\(kept == nil ? "" : ", recorded")" }
}

/// The gradient of LSTM or GRU over time, up to the products with weights. The gates become their gradients in place, and so does what
/// was kept of a GRU.
final class RecurrentGradientStep: Step {
    private let place: RecurrentPlace
    private let gates: BufferID
    private let kept: BufferID
    private let before: BufferID
    var weight: BufferID?
    var c0: BufferID?
    var upstream: (buffer: BufferID, view: Strided)?
    var upstreamH: BufferID?
    var upstreamC: BufferID?
    var gradientH: BufferID?
    var gradientC: BufferID?
    var inputBias: BufferID?
    var recurrentBias: BufferID?

    init(
        _ cell: hk_recurrent_cell, _ extents: RecurrentExtents, reversed: Bool, gates: BufferID, kept: BufferID, before: BufferID
    ) {
        place = RecurrentPlace(cell: cell, extents: extents, reversed: reversed)
        self.gates = gates
        self.kept = kept
        self.before = before
    }

    var reads: [BufferID] { [gates, kept, before, weight, c0, upstream?.buffer, upstreamH, upstreamC].compactMap { $0 } }
    var writes: [BufferID] { [gates, kept, gradientH, gradientC, inputBias, recurrentBias].compactMap { $0 } }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        let memory = OptionalPointers(pointers: pointers)
        let hidden = place.extents.hidden
        var operands = hk_recurrent_gradient()
        operands.cell = Int32(place.cell.rawValue)
        (operands.steps, operands.batch, operands.hidden) = (Int64(place.extents.steps), Int64(place.extents.batch), Int64(hidden))
        operands.u = UnsafePointer(memory.floats(weight))
        operands.c0 = UnsafePointer(memory.floats(c0))
        operands.gates = place.sequence(memory[gates], width: place.gates)
        operands.kept = place.sequence(memory[kept], width: hidden)
        operands.before = place.sequence(memory[before], width: hidden)
        if let upstream { operands.dy = place.sequence(pointers[upstream.buffer], upstream.view) }
        operands.dh_last = UnsafePointer(memory.floats(upstreamH))
        operands.dc_last = UnsafePointer(memory.floats(upstreamC))
        operands.dgates = operands.gates
        if place.cell == hk_cell_gru { operands.dkept = operands.kept }
        (operands.dh0, operands.dc0) = (memory.floats(gradientH), memory.floats(gradientC))
        (operands.dbias_x, operands.dbias_u) = (memory.floats(inputBias), memory.floats(recurrentBias))
        hk_recurrent_backward(&operands)
    }

    var floatingPointOperations: Int? { place.floatingPointOperations }
    var explanation: String { "\(place.text) gradient" }
}
