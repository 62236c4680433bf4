import CKernels
import HillockCore

/// `[batch, head, row, column]` with dense columns, somewhere in a buffer.
struct AttentionRows {
    let buffer: BufferID
    /// In elements, as the strides.
    let offset: Int
    let batch: Int
    let head: Int
    let row: Int

    func at(_ pointers: UnsafePointer<UnsafeMutableRawPointer>) -> hk_attention_rows {
        let start = pointers[buffer].assumingMemoryBound(to: Float.self) + offset
        return hk_attention_rows(data: start, batch: Int64(batch), head: Int64(head), row: Int64(row))
    }
}

/// What attention reads, forward and backward.
struct AttentionInputs {
    let q: AttentionRows
    let k: AttentionRows
    let v: AttentionRows
    let mask: (rows: AttentionRows, dtype: DType)?
    /// Batch, heads, queries, keys.
    let scores: Shape
    let width: Int
    let valueWidth: Int
    let attention: ScaledDotProductAttention

    var reads: [BufferID] { [q.buffer, k.buffer, v.buffer] + (mask.map { [$0.rows.buffer] } ?? []) }
    /// Bytes of the logarithms of the sums of exponentials, one for each query.
    var sumsByteCount: Int { scores.dimensions.dropLast().reduce(4, *) }
    var description: String { "\(scores)\(attention.isCausal ? " causal" : ""), width \(width)" }

    func call(_ pointers: UnsafePointer<UnsafeMutableRawPointer>) -> hk_attention {
        var call = hk_attention()
        (call.batches, call.heads) = (Int64(scores[0]), Int64(scores[1]))
        (call.queries, call.keys) = (Int64(scores[2]), Int64(scores[3]))
        (call.width, call.value_width) = (Int64(width), Int64(valueWidth))
        call.scale = Float(attention.scale)
        call.causal = attention.isCausal
        (call.q, call.k, call.v) = (q.at(pointers), k.at(pointers), v.at(pointers))
        if let (rows, dtype) = mask {
            call.mask = UnsafeRawPointer(pointers[rows.buffer] + rows.offset * dtype.byteCount)
            call.mask_type = Int32(dtype.rawValue)
            (call.mask_batch, call.mask_head, call.mask_row) = (Int64(rows.batch), Int64(rows.head), Int64(rows.row))
        }
        return call
    }
}

/// Attention in blocks.
final class AttentionStep: Step {
    private let inputs: AttentionInputs
    private let o: AttentionRows
    private let sums: BufferID?

    init(_ inputs: AttentionInputs, _ o: AttentionRows, sums: BufferID?) {
        self.inputs = inputs
        self.o = o
        self.sums = sums
    }

    var reads: [BufferID] { inputs.reads }
    var writes: [BufferID] { [o.buffer] + (sums.map { [$0] } ?? []) }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        var call = inputs.call(pointers)
        hk_attention_forward(&call, o.at(pointers), sums.map { pointers[$0].assumingMemoryBound(to: Float.self) })
    }

    var explanation: String { "attention \(inputs.description)" }
}

/// The gradients of attention's inputs.
final class AttentionGradientStep: Step {
    private let inputs: AttentionInputs
    private let o: AttentionRows
    private let sums: BufferID
    private let upstream: AttentionRows
    private let gradients: (q: AttentionRows, k: AttentionRows, v: AttentionRows)
    private let scoreGradient: BufferID?

    init(
        _ inputs: AttentionInputs, o: AttentionRows, sums: BufferID, upstream: AttentionRows,
        gradients: (q: AttentionRows, k: AttentionRows, v: AttentionRows), scoreGradient: BufferID?
    ) {
        self.inputs = inputs
        self.o = o
        self.sums = sums
        self.upstream = upstream
        self.gradients = gradients
        self.scoreGradient = scoreGradient
    }

    var reads: [BufferID] { inputs.reads + [o.buffer, sums, upstream.buffer] }
    var writes: [BufferID] {
        [gradients.q.buffer, gradients.k.buffer, gradients.v.buffer] + (scoreGradient.map { [$0] } ?? [])
    }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        var call = inputs.call(pointers)
        hk_attention_gradient(
            &call, o.at(pointers), pointers[sums].assumingMemoryBound(to: Float.self), upstream.at(pointers), gradients.q.at(pointers),
            gradients.k.at(pointers), gradients.v.at(pointers), scoreGradient.map { pointers[$0].assumingMemoryBound(to: Float.self) })
    }

    var explanation: String { "attention gradient \(inputs.description)" }
}
