import CKernels
import HillockCore

extension LayerNormalization: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { inputs.allSatisfy { $0.dtype == .float32 && $0.shape.count > 0 } }
    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool { hasKernel(for: inputs) }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        let (rows, width) = extents(lowering.program.type(of: call.operands[0]).shape)
        let operands = try call.operands.map { try lowering.plainBuffer($0) }
        let bias = operands.count > 2 ? operands[2] : nil
        var statistics: [BufferID?] = [nil, nil]
        if lowering.isDifferentiated(call) {
            statistics = (0..<2).map { _ in lowering.makeTemporary(byteCount: rows * 4) }
            lowering.workspaces[call.value] = statistics.compactMap { $0 }
        }
        let y = lowering.makeBuffer(for: call.value)
        let (mean, variance, epsilon) = (statistics[0], statistics[1], Float(epsilon))
        lowering.steps.append(
            KernelStep("layer norm [\(rows), \(width)]", reads: operands, writes: [y, mean, variance]) { p in
                hk_layer_norm(
                    Int64(rows), Int64(width), epsilon, p.floats(operands[0]), p.floats(operands[1]), p.floats(bias), p.floats(y),
                    p.floats(mean), p.floats(variance))
            })
    }

    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws {
        let (rows, width) = extents(lowering.program.type(of: call.operands[0]).shape)
        let (x, scale) = (try lowering.plainBuffer(call.operands[0]), try lowering.plainBuffer(call.operands[1]))
        let dy = try lowering.plainBuffer(call.operands[call.operands.count - 1])
        let epsilon = Float(epsilon)
        let statistics: [BufferID]
        if let forward = lowering.forward(of: call), let known = lowering.workspaces[forward] {
            statistics = known
        } else {
            statistics = (0..<2).map { _ in lowering.makeTemporary(byteCount: rows * 4) }
            let (mean, variance) = (statistics[0], statistics[1])
            lowering.steps.append(
                KernelStep("statistics of layer norm [\(rows), \(width)]", reads: [x], writes: [mean, variance]) { p in
                    hk_layer_norm(
                        Int64(rows), Int64(width), epsilon, p.floats(x), nil, nil, nil, p.floats(mean), p.floats(variance))
                })
        }
        let (mean, variance) = (statistics[0], statistics[1])
        let results = call.results.map { $0.map { lowering.makeBuffer(for: $0) } }
        let dbias = results.count > 2 ? results[2] : nil
        lowering.steps.append(
            KernelStep("gradient of layer norm [\(rows), \(width)]", reads: [x, scale, dy, mean, variance], writes: results) { p in
                hk_layer_norm_gradient(
                    Int64(rows), Int64(width), epsilon, p.floats(x), p.floats(dy), p.floats(mean), p.floats(variance), p.floats(scale),
                    p.floats(results[0]), p.floats(results[1]), p.floats(dbias))
            })
    }

    /// Rows, and how many neighbours are normalised together.
    private func extents(_ shape: Shape) -> (rows: Int, width: Int) {
        (shape.dimensions.dropLast(axisCount).reduce(1, *), shape.dimensions.suffix(axisCount).reduce(1, *))
    }
}
