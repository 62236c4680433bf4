import CKernels
import HillockCore

extension CrossEntropy: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { inputs[0].dtype == .float32 && inputs[0].shape.count > 0 }

    /// Not for the gradient by class weights, which nobody trains: with them the gradient is the body's.
    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool { inputs.count == 2 && hasKernel(for: inputs) }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        // The gradient came first and computed the loss too.
        if lowering.places[call.value] != nil { return }
        let inputs = try call.operands.map { try lowering.plainBuffer($0) }
        var logSums: BufferID?
        if lowering.isDifferentiated(call) {
            let rows = lowering.program.type(of: call.operands[1]).shape.count
            logSums = lowering.makeTemporary(byteCount: 8 * rows)
            lowering.workspaces[call.value] = [logSums!]
        }
        let step = CrossEntropyStep(
            self, .loss, lowering.program.type(of: call.operands[0]), lowering.program.type(of: call.operands[1]).dtype, inputs)
        step.logSums = logSums
        step.loss = lowering.makeBuffer(for: call.value)
        lowering.steps.append(step)
    }

    /// With the loss at once where the program wants that later on; else from the sums that the loss left behind.
    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws {
        let inputs = try call.operands.prefix(2).map { try lowering.plainBuffer($0) }
        let forward = lowering.forward(of: call)
        let logSums = forward.flatMap { lowering.workspaces[$0]?.first }
        let step = CrossEntropyStep(
            self, logSums == nil ? .both : .gradient, lowering.program.type(of: call.operands[0]),
            lowering.program.type(of: call.operands[1]).dtype, inputs)
        step.logSums = logSums
        step.upstream = try lowering.cell(call.operands[2])
        step.gradient = lowering.makeBuffer(for: call.value)
        if logSums == nil {
            let later = lowering.laterForward(of: call)
            step.loss = later.map { lowering.makeBuffer(for: $0) } ?? lowering.makeTemporary(byteCount: 4)
        }
        lowering.steps.append(step)
    }
}

extension Lowering {
    /// The value number of the forward composite that a gradient belongs to, where that comes after the gradient.
    fileprivate func laterForward(of call: CompositeCall) -> Int? {
        guard let gradient = program.instruction(call.value)?.primitive as? CompositeGradient else { return nil }
        let operands = call.operands.prefix(gradient.inputCount)
        return uses[operands[0]].map { program.inputs.count + $0 }.first { value in
            guard value > call.value, let candidate = program.instruction(value) else { return false }
            return candidate.operands.elementsEqual(operands) && candidate.primitive.isEqual(to: gradient.forward)
        }
    }
}

/// Softmax cross-entropy, its gradient, or both.
final class CrossEntropyStep: Step {
    enum Kind { case loss, gradient, both }

    private let composite: CrossEntropy
    private let kind: Kind
    private let logits: TensorType
    private let labelType: DType
    private let inputs: [BufferID]
    var logSums: BufferID?
    var upstream: BufferID?
    var loss: BufferID?
    var gradient: BufferID?

    init(_ composite: CrossEntropy, _ kind: Kind, _ logits: TensorType, _ labelType: DType, _ inputs: [BufferID]) {
        self.composite = composite
        self.kind = kind
        self.logits = logits
        self.labelType = labelType
        self.inputs = inputs
    }

    var reads: [BufferID] { inputs + [upstream, kind == .gradient ? logSums : nil].compactMap { $0 } }
    var writes: [BufferID] { [loss, gradient, kind == .loss ? logSums : nil].compactMap { $0 } }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        func floats(_ buffer: BufferID?) -> UnsafeMutablePointer<Float>? { buffer.map { pointers[$0].assumingMemoryBound(to: Float.self) } }
        let classes = logits.shape[-1]
        var rows = hk_cross_entropy_rows(
            rows: Int64(logits.shape.count / classes), classes: Int64(classes), logits: UnsafePointer(floats(inputs[0])),
            label_type: Int32(labelType.rawValue), labels: UnsafeRawPointer(pointers[inputs[1]]),
            class_weights: inputs.count > 2 ? UnsafePointer(floats(inputs[2])) : nil, smoothing: composite.labelSmoothing)
        switch kind {
        case .loss: hk_cross_entropy(&rows, floats(logSums), floats(loss))
        case .gradient: hk_cross_entropy_gradient(&rows, floats(logSums), floats(upstream)!.pointee, floats(gradient))
        case .both: hk_cross_entropy_with_gradient(&rows, floats(upstream)!.pointee, floats(gradient), floats(loss))
        }
    }

    var explanation: String { "cross-entropy \(kind) \(logits), reads \(reads), writes \(writes)" }
}
