import CKernels
import HillockCore

/// Softmax along the last axis; along others it is its body.
extension SoftmaxFunction: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool {
        let (dtype, shape) = (inputs[0].dtype, inputs[0].shape)
        return dtype == .float32 && shape.count > 0 && shape.dimensions[(axis + 1)...].allSatisfy { $0 == 1 }
    }

    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool { hasKernel(for: inputs) }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        let x = try lowering.plainBuffer(call.operands[0])
        let y = lowering.makeBuffer(for: call.value)
        appendForward(call, x, y, &lowering)
        if lowering.isDifferentiated(call) { lowering.workspaces[call.value] = [y] }
    }

    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws {
        let (rows, width) = extents(call, lowering)
        let isLogarithm = isLogarithm
        let y: BufferID
        if let forward = lowering.forward(of: call), let known = lowering.workspaces[forward] {
            y = known[0]
        } else {
            y = lowering.makeTemporary(byteCount: lowering.program.type(of: call.operands[0]).byteCount)
            appendForward(call, try lowering.plainBuffer(call.operands[0]), y, &lowering)
        }
        let dy = try lowering.plainBuffer(call.operands[1])
        let dx = lowering.makeBuffer(for: call.value)
        lowering.steps.append(
            KernelStep("gradient of \(text) [\(rows), \(width)]", reads: [y, dy], writes: [dx]) { p in
                hk_softmax_gradient(Int64(rows), Int64(width), isLogarithm, p.floats(y), p.floats(dy), p.floats(dx))
            })
    }

    private var text: String { isLogarithm ? "log softmax" : "softmax" }

    private func extents(_ call: CompositeCall, _ lowering: Lowering) -> (rows: Int, width: Int) {
        let shape = lowering.program.type(of: call.operands[0]).shape
        return (shape.dimensions[..<axis].reduce(1, *), shape[axis])
    }

    private func appendForward(_ call: CompositeCall, _ x: BufferID, _ y: BufferID, _ lowering: inout Lowering) {
        let (rows, width) = extents(call, lowering)
        let isLogarithm = isLogarithm
        lowering.steps.append(
            KernelStep("\(text) [\(rows), \(width)]", reads: [x], writes: [y]) { p in
                hk_softmax(Int64(rows), Int64(width), isLogarithm, p.floats(x), p.floats(y))
            })
    }
}
