import CKernels
import HillockCore

extension CrossEntropy: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { inputs[0].dtype == .float32 && inputs[0].shape.count > 0 }

    /// Not for the gradient by class weights, which nobody trains: with them the gradient is the body's.
    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool { inputs.count == 2 && hasKernel(for: inputs) }

    /// With the gradient at once, where what is upstream of it is known by now, as it is where the loss is what is differentiated.
    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        // The gradient came first and computed the loss too.
        if lowering.places[call.value] != nil { return }
        let step = try CrossEntropyStep(self, call, in: &lowering)
        if let gradient = lowering.gradient(of: call) {
            let upstream = lowering.program.instruction(gradient)!.operands[2]
            if try lowering.isKnown(upstream) {
                step.upstream = try lowering.cell(upstream)
                step.write(gradient, in: &lowering)
            } else {
                let rows = lowering.program.type(of: call.operands[1]).shape.count
                step.logSums = lowering.makeTemporary(byteCount: 8 * rows)
                lowering.workspaces[call.value] = [step.logSums!]
            }
        }
        step.loss = lowering.makeBuffer(for: call.value)
        lowering.steps.append(step)
    }

    /// With the loss at once where the program wants that later on; else from the sums that the loss left behind.
    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws {
        if lowering.places[call.value] != nil { return }
        let step = try CrossEntropyStep(self, call, in: &lowering)
        step.logSums = lowering.forward(of: call).flatMap { lowering.workspaces[$0]?.first }
        step.upstream = try lowering.cell(call.operands[2])
        step.write(call.value, in: &lowering)
        if step.logSums == nil {
            step.loss = lowering.laterForward(of: call).map { lowering.makeBuffer(for: $0) } ?? lowering.makeTemporary(byteCount: 4)
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

    /// The value number of the gradient of a composite on the same operands.
    fileprivate func gradient(of call: CompositeCall) -> Int? {
        guard let composite = program.instruction(call.value)?.primitive else { return nil }
        return uses[call.operands[0]].map { program.inputs.count + $0 }.first { value in
            guard let candidate = program.instruction(value), let gradient = candidate.primitive as? CompositeGradient else { return false }
            return gradient.forward.isEqual(to: composite) && candidate.operands.prefix(gradient.inputCount).elementsEqual(call.operands)
        }
    }

    /// Whether a value can be read here: it was lowered, or is a constant, which can be at once.
    fileprivate mutating func isKnown(_ value: Int) throws -> Bool {
        if places[value] == nil, program.instruction(value)?.primitive is Fill { try lower(value - program.inputs.count) }
        return places[value] != nil
    }
}

/// Softmax cross-entropy, its gradient, or both.
final class CrossEntropyStep: Step {
    private let composite: CrossEntropy
    private let logits: TensorType
    private let labelType: DType
    private let inputs: [BufferID]
    /// Written with the loss alone, read with the gradient alone.
    var logSums: BufferID?
    var upstream: BufferID?
    var loss: BufferID?
    private(set) var gradient: BufferID?
    /// The gradient's sum over the rows.
    private var gradientSums: BufferID?

    init(_ composite: CrossEntropy, _ call: CompositeCall, in lowering: inout Lowering) throws {
        self.composite = composite
        let inputCount = (lowering.program.instruction(call.value)?.primitive as? CompositeGradient)?.inputCount ?? call.operands.count
        logits = lowering.program.type(of: call.operands[0])
        labelType = lowering.program.type(of: call.operands[1]).dtype
        inputs = try call.operands.prefix(inputCount).map { try lowering.plainBuffer($0) }
    }

    /// Writes the gradient, and what a bias before the logits has for one: a pass over it less.
    func write(_ value: Int, in lowering: inout Lowering) {
        gradient = lowering.makeBuffer(for: value)
        gradientSums = lowering.sumOfRows(of: value).map { lowering.makeBuffer(for: $0) }
    }

    var reads: [BufferID] { inputs + [upstream, loss == nil ? logSums : nil].compactMap { $0 } }
    var writes: [BufferID] { [loss, gradient, gradientSums, loss == nil ? nil : logSums].compactMap { $0 } }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        func floats(_ buffer: BufferID?) -> UnsafeMutablePointer<Float>? { buffer.map { pointers[$0].assumingMemoryBound(to: Float.self) } }
        let classes = logits.shape[-1]
        var rows = hk_cross_entropy_rows(
            rows: Int64(logits.shape.count / classes), classes: Int64(classes), logits: UnsafePointer(floats(inputs[0])),
            label_type: Int32(labelType.rawValue), labels: UnsafeRawPointer(pointers[inputs[1]]),
            class_weights: inputs.count > 2 ? UnsafePointer(floats(inputs[2])) : nil, smoothing: composite.labelSmoothing)
        if let gradient = floats(gradient), let upstream = floats(upstream) {
            if let loss = floats(loss) {
                hk_cross_entropy_with_gradient(&rows, upstream.pointee, gradient, floats(gradientSums), loss)
            } else {
                hk_cross_entropy_gradient(&rows, floats(logSums), upstream.pointee, gradient, floats(gradientSums))
            }
        } else {
            hk_cross_entropy(&rows, floats(logSums), floats(loss))
        }
    }

    var explanation: String {
        let what = [loss == nil ? nil : "loss", gradient == nil ? nil : "gradient"].compactMap { $0 }.joined(separator: " and ")
        return "cross-entropy \(what) \(logits)\(gradientSums == nil ? "" : ", sum over its rows")"
    }
}
