import CKernels
import HillockCore

extension CTCLoss: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { inputs[0].dtype == .float32 && inputs[0].shape.count > 0 }
    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool { hasKernel(for: inputs) }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        let step = try CTCStep(self, call, in: &lowering)
        step.losses = lowering.makeBuffer(for: call.value)
        lowering.steps.append(step)
    }

    /// The losses once more and the gradient from them: they cost less than what it would take to keep the forward variables.
    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws {
        let step = try CTCStep(self, call, in: &lowering)
        let upstream = try lowering.strided(call.operands[4])
        step.upstream = (upstream.buffer, upstream.view)
        step.losses = lowering.makeTemporary(byteCount: 4 * upstream.view.shape.count)
        step.gradient = lowering.makeBuffer(for: call.value)
        lowering.steps.append(step)
    }
}

/// The losses of a batch of sequences, and the gradient.
final class CTCStep: Step {
    private let composite: CTCLoss
    private let type: TensorType
    private let view: Strided
    private let targets: TensorType
    private let inputs: [BufferID]
    var upstream: (buffer: BufferID, view: Strided)?
    var losses: BufferID = -1
    var gradient: BufferID?

    init(_ composite: CTCLoss, _ call: CompositeCall, in lowering: inout Lowering) throws {
        self.composite = composite
        type = lowering.program.type(of: call.operands[0])
        targets = lowering.program.type(of: call.operands[1])
        let source = try lowering.strided(call.operands[0])
        view = source.view
        inputs = try [source.buffer] + call.operands[1...3].map { try lowering.plainBuffer($0) }
    }

    var reads: [BufferID] { inputs + [upstream?.buffer].compactMap { $0 } }
    var writes: [BufferID] { [losses, gradient].compactMap { $0 } }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) throws {
        func floats(_ buffer: BufferID) -> UnsafeMutablePointer<Float> { pointers[buffer].assumingMemoryBound(to: Float.self) }
        var batch = hk_ctc_batch()
        (batch.time, batch.batch, batch.symbols) = (Int64(type.shape[0]), Int64(type.shape[1]), Int64(type.shape[2]))
        batch.log_probabilities = UnsafePointer(floats(inputs[0]) + view.offset)
        batch.strides = (Int64(view.strides[0]), Int64(view.strides[1]), Int64(view.strides[2]))
        (batch.target_type, batch.length_type) = (Int32(targets.dtype.rawValue), Int32(targets.dtype.rawValue))
        batch.target_width = Int64(targets.shape[1])
        batch.targets = UnsafeRawPointer(pointers[inputs[1]])
        batch.input_lengths = UnsafeRawPointer(pointers[inputs[2]])
        batch.target_lengths = UnsafeRawPointer(pointers[inputs[3]])
        batch.blank = Int64(composite.blank)
        batch.zero_infinity = composite.zeroInfinity
        let scale = upstream.map { UnsafePointer(floats($0.buffer) + $0.view.offset) }
        let bad = hk_ctc(
            &batch, scale, Int64(upstream?.view.strides[0] ?? 0), floats(losses), gradient.map(floats))
        if bad >= 0 {
            throw ShapeError(
                CTCLoss.name,
                "sample \(bad): lengths must be 0 to \(type.shape[0]) frames and 0 to \(targets.shape[1]) symbols, symbols 0 to \(type.shape[2] - 1)"
            )
        }
    }

    var explanation: String { "ctc \(gradient == nil ? "loss" : "gradient") \(type)" }
}
