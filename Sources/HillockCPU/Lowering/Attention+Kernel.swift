import CKernels
import HillockCore

extension ScaledDotProductAttention: CompositeKernel {
    /// f32, nothing empty, and a mask that has all keys.
    func hasKernel(for inputs: [TensorType]) -> Bool {
        let isMaskDense = inputs.count < 4 || inputs[3].shape.rank > 0 && inputs[3].shape[-1] == inputs[1].shape[2]
        return inputs.prefix(3).allSatisfy { $0.dtype == .float32 && $0.shape.count > 0 } && isMaskDense
    }

    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool { hasKernel(for: inputs) }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        let inputs = try lowering.attentionInputs(self, call.operands)
        try lowering.lowerAttention(inputs, call, o: lowering.makeHeads(for: call.value))
    }

    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws {
        let count = call.operands.count - 1
        let inputs = try lowering.attentionInputs(self, Array(call.operands.prefix(count)))
        let (o, sums) = try lowering.attentionResults(of: call, inputs) { lowering, forward in try lowering.heads(forward) }
        let upstream = try lowering.heads(call.operands[count])
        let gradients = (0..<3).map { lowering.makeHeads(for: call.results[$0], like: call.operands[$0]) }
        let scores =
            call.results.count > 3 && call.results[3] != nil
            ? lowering.makeTemporary(byteCount: inputs.scores.count * 4) : nil
        lowering.steps.append(
            AttentionGradientStep(
                inputs, o: o, sums: sums, upstream: upstream, gradients: (gradients[0], gradients[1], gradients[2]), scoreGradient: scores))
        if let scores, let mask = call.results[3] { try lowering.lowerMaskGradient(mask, inputs.scores, scores) }
    }
}

extension SelfAttention: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool {
        let length = inputs[0].shape[1]
        let isMaskDense = inputs.count < 2 || inputs[1].shape.rank > 0 && inputs[1].shape[-1] == length
        return inputs[0].dtype == .float32 && inputs[0].shape.count > 0 && isMaskDense
    }

    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool { hasKernel(for: inputs) }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        let inputs = try lowering.attentionInputs(self, call.operands)
        let buffer = lowering.makeBuffer(for: call.value)
        try lowering.lowerAttention(inputs, call, o: parts(1, of: buffer, lowering.program.type(of: call.value).shape)[0])
    }

    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws {
        let count = call.operands.count - 1
        let inputs = try lowering.attentionInputs(self, Array(call.operands.prefix(count)))
        let (o, sums) = try lowering.attentionResults(of: call, inputs) { lowering, forward in
            let (buffer, view) = try lowering.denseRows(forward)
            return parts(1, of: buffer, view)[0]
        }
        let (buffer, view) = try lowering.denseRows(call.operands[count])
        let x = lowering.program.type(of: call.operands[0])
        let target = call.results[0].map { lowering.makeBuffer(for: $0) } ?? lowering.makeTemporary(byteCount: x.byteCount)
        let gradients = parts(3, of: target, x.shape)
        let scores =
            call.results.count > 1 && call.results[1] != nil
            ? lowering.makeTemporary(byteCount: inputs.scores.count * 4) : nil
        lowering.steps.append(
            AttentionGradientStep(
                inputs, o: o, sums: sums, upstream: parts(1, of: buffer, view)[0], gradients: (gradients[0], gradients[1], gradients[2]),
                scoreGradient: scores))
        if let scores, let mask = call.results[1] { try lowering.lowerMaskGradient(mask, inputs.scores, scores) }
    }

    /// The `count` tensors that lie beside each other in `[batch, length, count · heads · width]`.
    func parts(_ count: Int, of buffer: BufferID, _ view: Strided) -> [AttentionRows] {
        let columns = view.shape[2] / count
        return (0..<count).map {
            AttentionRows(
                buffer: buffer, offset: view.offset + $0 * columns, batch: view.strides[0], head: columns / heads, row: view.strides[1])
        }
    }

    func parts(_ count: Int, of buffer: BufferID, _ shape: Shape) -> [AttentionRows] { parts(count, of: buffer, Strided(dense: shape)) }
}

extension Lowering {
    fileprivate mutating func attentionInputs(_ attention: ScaledDotProductAttention, _ operands: [Int]) throws -> AttentionInputs {
        let (q, k, v) = (program.type(of: operands[0]).shape, program.type(of: operands[1]).shape, program.type(of: operands[2]).shape)
        return AttentionInputs(
            q: try heads(operands[0]), k: try heads(operands[1]), v: try heads(operands[2]),
            mask: operands.count > 3 ? try attentionMask(operands[3]) : nil, scores: Shape([q[0], q[1], q[2], k[2]]), width: q[3],
            valueWidth: v[3], attention: attention)
    }

    fileprivate mutating func attentionInputs(_ attention: SelfAttention, _ operands: [Int]) throws -> AttentionInputs {
        let type = program.type(of: operands[0])
        let (buffer, view) = try denseRows(operands[0])
        let parts = attention.parts(3, of: buffer, view)
        let width = attention.width(of: type)
        return AttentionInputs(
            q: parts[0], k: parts[1], v: parts[2], mask: operands.count > 1 ? try attentionMask(operands[1]) : nil,
            scores: Shape([type.shape[0], attention.heads, type.shape[1], type.shape[1]]), width: width, valueWidth: width,
            attention: attention.attention(of: type))
    }

    /// The forward step; what the gradient wants besides is kept only if there is one.
    fileprivate mutating func lowerAttention(_ inputs: AttentionInputs, _ call: CompositeCall, o: AttentionRows) throws {
        let sums = isDifferentiated(call) ? makeTemporary(byteCount: inputs.sumsByteCount) : nil
        if let sums { workspaces[call.value] = [sums] }
        steps.append(AttentionStep(inputs, o, sums: sums))
    }

    /// The forward pass' result and sums: those of the forward step where the program has one, else computed again.
    fileprivate mutating func attentionResults(
        of call: CompositeCall, _ inputs: AttentionInputs, rows: (inout Lowering, Int) throws -> AttentionRows
    ) throws -> (o: AttentionRows, sums: BufferID) {
        if let forward = forward(of: call), let sums = workspaces[forward]?.first { return (try rows(&self, forward), sums) }
        let (length, width) = (inputs.scores[2], inputs.valueWidth)
        let buffer = makeTemporary(byteCount: inputs.sumsByteCount * width)
        let o = AttentionRows(buffer: buffer, offset: 0, batch: inputs.scores[1] * length * width, head: length * width, row: width)
        let sums = makeTemporary(byteCount: inputs.sumsByteCount)
        steps.append(AttentionStep(inputs, o, sums: sums))
        return (o, sums)
    }

    /// How to walk a value whose last axis is dense; copied if it is not.
    fileprivate mutating func denseRows(_ value: Int) throws -> (buffer: BufferID, view: Strided) {
        let (buffer, view) = try strided(value)
        if view.strides.last == 1 { return (buffer, view) }
        return (try plainBuffer(value), Strided(dense: program.type(of: value).shape))
    }

    /// `[batch, heads, length, width]`
    fileprivate mutating func heads(_ value: Int) throws -> AttentionRows {
        let (buffer, view) = try denseRows(value)
        return AttentionRows(
            buffer: buffer, offset: view.offset, batch: view.strides[0], head: view.strides[1], row: view.strides[2])
    }

    private mutating func attentionMask(_ value: Int) throws -> (rows: AttentionRows, dtype: DType) {
        let (buffer, view) = try denseRows(value)
        let missing = 4 - view.shape.rank
        func stride(_ axis: Int) -> Int { axis < missing || view.shape[axis - missing] == 1 ? 0 : view.strides[axis - missing] }
        let rows = AttentionRows(buffer: buffer, offset: view.offset, batch: stride(0), head: stride(1), row: stride(2))
        return (rows, program.type(of: value).dtype)
    }

    /// Memory for `[batch, heads, length, width]`. Where the program asks for `[batch, length, heads, width]` it is laid out so, and the
    /// transposition costs nothing.
    fileprivate mutating func makeHeads(for value: Int) -> AttentionRows {
        let exchanged = [0, 2, 1, 3]
        let transposition = uses[value].first { (program.instructions[$0].primitive as? Transpose)?.permutation == exchanged }
        guard let transposition, !program.outputs.contains(value) else {
            let strides = program.type(of: value).shape.strides
            return AttentionRows(buffer: makeBuffer(for: value), offset: 0, batch: strides[0], head: strides[1], row: strides[2])
        }
        let transposed = program.inputs.count + transposition
        let buffer = makeBuffer(for: transposed)
        let strides = program.type(of: transposed).shape.strides
        let view = Strided(offset: 0, strides: exchanged.map { strides[$0] }, shape: program.type(of: value).shape)
        places[value] = .view(of: transposed, view)
        return AttentionRows(buffer: buffer, offset: 0, batch: view.strides[0], head: view.strides[1], row: view.strides[2])
    }

    /// The same for a result that may be unused; `operand` has its shape.
    fileprivate mutating func makeHeads(for result: Int?, like operand: Int) -> AttentionRows {
        if let result { return makeHeads(for: result) }
        let type = program.type(of: operand)
        let strides = type.shape.strides
        return AttentionRows(
            buffer: makeTemporary(byteCount: type.byteCount), offset: 0, batch: strides[0], head: strides[1], row: strides[2])
    }

    /// Sums the gradient of the scores over the axes that the mask was broadcast along.
    fileprivate mutating func lowerMaskGradient(_ mask: Int, _ scores: Shape, _ gradient: BufferID) throws {
        let shape = program.type(of: mask).shape
        let missing = scores.rank - shape.rank
        let flags = (0..<scores.rank).map { $0 < missing || (shape[$0 - missing] == 1 && scores[$0] != 1) }
        try append(ReduceStep(.sum, .float32, gradient, Strided(dense: scores), flags, makeBuffer(for: mask)))
    }
}
