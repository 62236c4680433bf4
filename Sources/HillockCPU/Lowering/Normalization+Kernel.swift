import CKernels
import HillockCore

extension BatchNormalization: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { inputs.allSatisfy { $0.dtype == .float32 && $0.shape.count > 0 } }
    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool { hasKernel(for: inputs) && upstreams == [0] }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        let parts = try NormalizationOperands(call, 0, hasScale: hasScale, hasBias: hasBias, &lowering)
        let statistics = try lowering.lowerNormalization(parts, epsilon: epsilon, call)
        if lowering.isDifferentiated(call) { lowering.workspaces[call.value] = statistics }
    }

    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws {
        let upstream = call.operands[call.operands.count - 1]
        let parts = try NormalizationOperands(call, 0, hasScale: hasScale, hasBias: hasBias, beside: upstream, &lowering)
        let statistics = try lowering.statistics(of: call, parts, epsilon: epsilon)
        try lowering.lowerNormalizationGradient(parts, epsilon: epsilon, statistics, upstream, call)
    }
}

extension GroupNormalization: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { inputs.allSatisfy { $0.dtype == .float32 && $0.shape.count > 0 } }
    func hasGradientKernel(for inputs: [TensorType], upstreams: [Int]) -> Bool { hasKernel(for: inputs) }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        let parts = try NormalizationOperands(call, groups, hasScale: hasScale, hasBias: hasBias, &lowering)
        let statistics = try lowering.lowerNormalization(parts, epsilon: epsilon, call)
        if lowering.isDifferentiated(call) { lowering.workspaces[call.value] = statistics }
    }

    func lowerGradient(_ call: CompositeCall, upstreams: [Int], in lowering: inout Lowering) throws {
        let upstream = call.operands[call.operands.count - 1]
        let parts = try NormalizationOperands(call, groups, hasScale: hasScale, hasBias: hasBias, beside: upstream, &lowering)
        let statistics = try lowering.statistics(of: call, parts, epsilon: epsilon)
        try lowering.lowerNormalizationGradient(parts, epsilon: epsilon, statistics, upstream, call)
    }
}

extension FusedBatchNormalization: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { norm.hasKernel(for: inputs) }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        var parts = try NormalizationOperands(call, 0, hasScale: norm.hasScale, hasBias: norm.hasBias, &lowering)
        if hasResidual { parts.residual = try lowering.laidOut(call.operands[call.operands.count - 1], parts.layout) }
        parts.hasRelu = hasRelu
        _ = try lowering.lowerNormalization(parts, epsilon: norm.epsilon, call)
    }
}

extension FusedGroupNormalization: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { norm.hasKernel(for: inputs) }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        var parts = try NormalizationOperands(call, norm.groups, hasScale: norm.hasScale, hasBias: norm.hasBias, &lowering)
        if hasResidual { parts.residual = try lowering.laidOut(call.operands[call.operands.count - 1], parts.layout) }
        parts.hasRelu = hasRelu
        _ = try lowering.lowerNormalization(parts, epsilon: norm.epsilon, call)
    }
}

extension FusedBatchNormalizationGradient: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { norm.hasKernel(for: inputs) }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        let upstream = call.operands[normInputCount + 2]
        let parts = try NormalizationOperands(call, 0, hasScale: norm.hasScale, hasBias: norm.hasBias, beside: upstream, &lowering)
        let statistics = try call.operands[normInputCount..<normInputCount + 2].map { try lowering.plainBuffer($0) }
        let output = mask == .output ? call.operands[normInputCount + 3] : nil
        try lowering.lowerNormalizationGradient(
            parts, epsilon: norm.epsilon, statistics, upstream, call, mask: mask, output: output,
            kept: keepsUpstream ? call.results[normInputCount] : nil)
    }
}

/// What the kernels for normalisation by channel read.
private struct NormalizationOperands {
    /// Value number of x.
    let value: Int
    let shape: Shape
    let layout: PhysicalLayout
    let groups: Int
    let x: BufferID
    let scale: BufferID?
    let bias: BufferID?
    var residual: BufferID?
    var hasRelu = false

    /// The operands x, scale, bias of a call, x in the layout in which it lies; if it is in several in that of `beside`.
    init(
        _ call: CompositeCall, _ groups: Int, hasScale: Bool, hasBias: Bool, beside: Int? = nil, _ lowering: inout Lowering
    ) throws {
        value = call.operands[0]
        shape = lowering.program.type(of: value).shape
        self.groups = groups
        let known = lowering.layouts(of: lowering.resolve(value)).filter { !$0.isOpaque }
        let wanted = beside.map { lowering.layouts(of: lowering.resolve($0)) } ?? []
        layout = known.first { wanted.contains($0) } ?? known.first ?? .plain
        x = try lowering.laidOut(value, layout)
        scale = hasScale ? try lowering.plainBuffer(call.operands[1]) : nil
        bias = hasBias ? try lowering.plainBuffer(call.operands[hasScale ? 2 : 1]) : nil
    }

    func geometry(epsilon: Double) -> hk_norm {
        let block =
            switch layout {
            case .plain, .opaque: 1
            case .blocked(let size): size
            case .channelsLast: shape[1]
            }
        return hk_norm(
            images: Int64(shape[0]), channels: Int64(shape[1]), positions: Int64(shape.dimensions.dropFirst(2).reduce(1, *)),
            block: Int64(block), groups: Int64(groups), epsilon: Float(epsilon))
    }

    /// How many means there are.
    var setCount: Int { groups > 0 ? shape[0] * groups : shape[1] }

    var text: String { "\(groups == 0 ? "batch" : "group") norm \(shape) \(layout)" }
}

extension Lowering {
    /// Appends the step that normalises; gives the buffers of mean and variance.
    fileprivate mutating func lowerNormalization(_ parts: NormalizationOperands, epsilon: Double, _ call: CompositeCall) throws
        -> [BufferID]
    {
        var norm = parts.geometry(epsilon: epsilon)
        let statistics = (1...2).map { index in
            (index < call.results.count ? call.results[index] : nil).map { makeBuffer(for: $0) }
                ?? makeTemporary(byteCount: parts.setCount * 4)
        }
        let (mean, variance) = (statistics[0], statistics[1])
        guard let result = call.results[0] else {
            appendStatistics(parts, epsilon: epsilon, mean, variance)
            return statistics
        }
        let y = makeBuffer(for: result, layout: parts.layout)
        let text = parts.text + (parts.residual == nil ? "" : " + residual") + (parts.hasRelu ? " relu" : "")
        steps.append(
            KernelStep(
                text, reads: [parts.x, parts.scale, parts.bias, parts.residual], writes: [y, mean, variance], layout: parts.layout,
                of: [parts.x, parts.residual, y]
            ) { p in
                hk_norm_forward(
                    &norm, p.floats(parts.x), p.floats(parts.scale), p.floats(parts.bias), p.floats(parts.residual), parts.hasRelu,
                    p.floats(y), p.floats(mean), p.floats(variance))
            })
        return statistics
    }

    private mutating func appendStatistics(_ parts: NormalizationOperands, epsilon: Double, _ mean: BufferID, _ variance: BufferID) {
        var norm = parts.geometry(epsilon: epsilon)
        steps.append(
            KernelStep(
                "statistics of \(parts.text)", reads: [parts.x], writes: [mean, variance], layout: parts.layout, of: [parts.x]
            ) { p in
                hk_norm_statistics(&norm, p.floats(parts.x), p.floats(mean), p.floats(variance))
            })
    }

    /// Mean and variance that the forward pass left; else computed again.
    fileprivate mutating func statistics(of call: CompositeCall, _ parts: NormalizationOperands, epsilon: Double) throws -> [BufferID] {
        if let forward = forward(of: call), let known = workspaces[forward] { return known }
        let statistics = (0..<2).map { _ in makeTemporary(byteCount: parts.setCount * 4) }
        appendStatistics(parts, epsilon: epsilon, statistics[0], statistics[1])
        return statistics
    }

    /// Appends the step that computes those gradients that are used.
    fileprivate mutating func lowerNormalizationGradient(
        _ parts: NormalizationOperands, epsilon: Double, _ statistics: [BufferID], _ upstream: Int, _ call: CompositeCall,
        mask: FusedBatchNormalizationGradient.Mask = .none, output: Int? = nil, kept: Int? = nil
    ) throws {
        var norm = parts.geometry(epsilon: epsilon)
        let (mean, variance) = (statistics[0], statistics[1])
        let dy = try laidOut(upstream, parts.layout)
        let y = try output.map { try laidOut($0, parts.layout) }
        let dx = call.results[0].map { makeBuffer(for: $0, layout: parts.layout) }
        let dscale = parts.scale == nil ? nil : call.results[1].map { makeBuffer(for: $0) }
        let dbias = parts.bias == nil ? nil : call.results[parts.scale == nil ? 1 : 2].map { makeBuffer(for: $0) }
        let passed = kept.map { makeBuffer(for: $0, layout: parts.layout) }
        let kind =
            switch mask {
            case .none: hk_norm_mask_none
            case .output: hk_norm_mask_output
            case .again: hk_norm_mask_again
            }
        steps.append(
            KernelStep(
                "gradient of \(parts.text)\(mask == .none ? "" : " relu")",
                reads: [parts.x, parts.scale, parts.bias, mean, variance, dy, y], writes: [dx, dscale, dbias, passed],
                layout: parts.layout, of: [parts.x, dy, y, dx, passed]
            ) { p in
                hk_norm_gradient(
                    &norm, p.floats(parts.x), p.floats(dy), Int32(kind.rawValue), p.floats(y), p.floats(mean), p.floats(variance),
                    p.floats(parts.scale), p.floats(parts.bias), p.floats(dx), p.floats(passed), p.floats(dscale), p.floats(dbias))
            })
    }
}
