import CKernels
import HillockCore

/// The layouts in which a convolution wants its two operands and leaves its result.
typealias ConvolutionLayouts = (first: PhysicalLayout, second: PhysicalLayout, result: PhysicalLayout)

/// One way of computing a ``ConvolutionCall``.
protocol ConvolutionKernel {
    /// The layouts in which it wants its two operands and leaves its result.
    var layouts: ConvolutionLayouts { get }
    /// The dtype in which it wants its operands; a kernel of f32 may round them itself.
    var operandType: DType { get }

    /// The step on these buffers. `bias` is read (forward) or written (weight gradient) where the call has one.
    func step(_ first: BufferID, _ second: BufferID, bias: BufferID?, result: BufferID) -> any Step

    /// Bytes of what a weight can be made into once for many calls; `nil` where there is nothing to prepare.
    var preparedByteCount: Int? { get }
    /// The step that prepares the weight.
    func preparation(of weight: BufferID, into prepared: BufferID) -> any Step
    /// The step on a prepared weight.
    func preparedStep(_ first: BufferID, _ prepared: BufferID, bias: BufferID?, result: BufferID) -> any Step
}

extension ConvolutionKernel {
    var operandType: DType { .float32 }
    var preparedByteCount: Int? { nil }
    func preparation(of weight: BufferID, into prepared: BufferID) -> any Step { fatalError("[cpu] nothing to prepare") }
    func preparedStep(_ first: BufferID, _ prepared: BufferID, bias: BufferID?, result: BufferID) -> any Step {
        fatalError("[cpu] nothing was prepared")
    }
}

extension ConvolutionCall {
    /// The ways there may be, the one first that a rule by shape prefers, the direct one last. `strict` leaves direct sums only, of which
    /// the shape decides. Where operands may be rounded the ways of f32 are there too: some shapes are faster in them.
    private func candidates(_ numerics: Numerics) -> [Tuner.Candidate<any ConvolutionKernel>] {
        if let own = direction == .weightGradient ? ownWeightGradients(numerics) : ownSums(numerics) { return own }
        var direct = candidate("direct") { try OneDNNConvolution($0, .direct) }
        let narrow = OwnConvolution(self, .narrow).map { _ in candidate("narrow") { OwnConvolution($0, .narrow) } }
        let isPointwise = weight.dimensions.dropFirst(2).allSatisfy { $0 == 1 }
        // On a batch, whose activations come from memory, oneDNN's kernels are faster: 455 against 500 ms a step of ResNet-50 on 8 images.
        let hasFewPixels = output[0] * output.dimensions.dropFirst(2).reduce(1, *) <= 4096
        let unfolded =
            precision == .float32 && hasFewPixels
            ? OwnConvolution(self, .unfolded).map { _ in candidate("own unfolded") { OwnConvolution($0, .unfolded) } } : nil
        if numerics == .strict { return [narrow ?? (isPointwise ? unfolded : nil) ?? direct] }
        var candidates = [narrow, isPointwise ? unfolded : nil].compactMap { $0 }
        let hasOwnWinograd = OwnConvolution(self, .winograd) != nil && !readsTooMuch && ConvolutionCosts(self).prefersWinograd
        // Where it is expected to take half the time of a direct sum, it was never seen to take more than two thirds, and won nearly all gradients of
        // weights that were timed.
        let isSettled = hasOwnWinograd && ConvolutionCosts(self).prefersWinogradByFar
        direct.isPromising = !isSettled
        if hasOwnWinograd {
            var winograd = candidate("own winograd") { OwnConvolution($0, .winograd) }
            if precision == .bfloat16 {
                candidates.append(candidate("own winograd bf16") { OwnConvolution($0, .winogradBFloat16) })
                // The same with half the traffic between the transformations and twice the rate of products.
                winograd.isPromising = false
            }
            candidates.append(winograd)
        }
        if let unfolded, !isPointwise { candidates.append(unfolded) }
        if precision == .bfloat16 {
            candidates.append(candidate("direct bf16") { try OneDNNConvolution($0, .direct, .bfloat16) })
            // At least twice as fast, forward and back, at every shape that was measured.
            direct.isPromising = false
        }
        // oneDNN divides weight gradients by images only. For many positions it does that well, and our copies of x grow large.
        if direction == .weightGradient, input[0] * output.dimensions.dropFirst(2).reduce(1, *) <= 1024,
            OwnConvolution(self, .direct) != nil
        {
            var ownDirect = candidate("own direct") { OwnConvolution($0, .direct) }
            ownDirect.isPromising = !isSettled
            candidates.append(ownDirect)
        }
        let isThreeByThree = weight.dimensions.dropFirst(2).elementsEqual([3, 3])
        let isDense = geometry.strides == [1, 1] && geometry.dilation == [1, 1] && geometry.groups == 1
        // Left to itself oneDNN takes Winograd for an input of one channel too, where it is seven times slower than the direct kernel.
        if isThreeByThree, isDense, weight[0] >= 16, weight[1] >= 16 {
            var winograd = candidate("winograd") { try OneDNNConvolution($0, .winograd) }
            // Of 189 shapes that were timed it won one, where ours spends its time on weights.
            winograd.isPromising = precision == .float32 && !(hasOwnWinograd && ConvolutionCosts(self).hasManyTiles)
            candidates.append(winograd)
        }
        return candidates + [direct]
    }

    /// The ways where there are vectors of eight lanes and no more. There oneDNN's kernels take blocks of eight channels, so that what lies in
    /// ours of sixteen has to be reordered, and reach less of the peak. `nil` elsewhere.
    private func ownSums(_ numerics: Numerics) -> [Tuner.Candidate<any ConvolutionKernel>]? {
        guard precision == .float32, InstructionSet.current == .avx2, OwnConvolution(self, .taps) != nil else { return nil }
        var taps = candidate("own taps") { OwnConvolution($0, .taps) }
        guard numerics != .strict, !readsTooMuch, OwnConvolution(self, .winograd) != nil else { return [taps] }
        let costs = ConvolutionCosts(self)
        guard costs.prefersWinograd else { return [taps] }
        taps.isPromising = !costs.prefersWinogradByFar
        return [candidate("own winograd") { OwnConvolution($0, .winograd) }, taps]
    }

    /// The way of a weight gradient on AVX2, by shape alone; `nil` elsewhere, and where our direct sum does not take the call.
    private func ownWeightGradients(_ numerics: Numerics) -> [Tuner.Candidate<any ConvolutionKernel>]? {
        guard precision == .float32, InstructionSet.current == .avx2, OwnConvolution(self, .correlated) != nil else { return nil }
        // Three taps at stride 2 leave Winograd two thirds of the products, which its transformations eat up: 1.03 to 1.9 times the time of
        // direct sums. Four, which leave it a third, took 0.7 to 0.98 of it wherever the rule prefers Winograd, and more where it does not.
        let savesLittle = geometry.strides[0] == 2 && weight[2] == 3
        guard numerics != .strict, ConvolutionCosts(self).prefersWinograd, !savesLittle, OwnConvolution(self, .winograd) != nil else {
            return [candidate("own correlated") { OwnConvolution($0, .correlated) }]
        }
        return [candidate("own winograd") { OwnConvolution($0, .winograd) }]
    }

    /// Whether Winograd's weights, prepared once for a model that is applied, are more than caches hold: by the next run they are gone, and have
    /// to come from memory, which a trial of this call alone does not see.
    private var readsTooMuch: Bool {
        isApplied && OwnConvolution(self, .winograd)?.preparedByteCount ?? 0 > 16 << 20
    }

    /// A way of computing this call, tried on a piece of it.
    private func candidate(
        _ name: String, _ make: @escaping (ConvolutionCall) throws -> (any ConvolutionKernel)?
    ) -> Tuner.Candidate<any ConvolutionKernel> {
        func kernel(_ call: ConvolutionCall) throws -> any ConvolutionKernel {
            guard let kernel = try make(call) else { throw CPUEngineError(description: "[cpu] \(call.title) has no kernel \(name)") }
            return kernel
        }
        return .init(name: name, make: { try kernel(self) }, trial: { try piece.trial(of: kernel(piece)) })
    }

    /// The kernel for this call: the fastest by timing, where decisions can be kept.
    func chosenKernel(_ tuner: inout Tuner) throws -> any ConvolutionKernel {
        try tuner.choose(description, candidates(Numerics.current))
    }

    /// The call on the upper rows of the images, where all of them are more work than it takes to tell a faster kernel from a slower one:
    /// every kernel's work goes by rows, but for what it does to the weights.
    private var piece: ConvolutionCall {
        let work = 1_500_000_000, rows = output.rank == 4 ? output[2] : 0
        // A multiple of the rows of Winograd's tiles.
        let kept = Swift.max(12, (rows * work / Swift.max(floatingPointOperations, 1) + 11) / 12 * 12)
        guard floatingPointOperations > work, kept < rows else { return self }
        let reach = (kept - 1) * geometry.strides[0] + (weight[2] - 1) * geometry.dilation[0] + 1
        let height = reach - geometry.paddingBefore[0] - geometry.paddingAfter[0]
        guard height > 0, height < input[2] else { return self }
        var piece = ConvolutionCall(
            direction: direction, geometry: geometry, input: [input[0], input[1], height, input[3]], weight: weight,
            output: [output[0], output[1], kept, output[3]])
        (piece.hasBias, piece.hasResidual, piece.hasRelu) = (hasBias, hasResidual, hasRelu)
        (piece.precision, piece.isApplied) = (precision, isApplied)
        return piece
    }

    /// The kernel's step, and the sizes of its buffers. Where it wants its operands rounded, so are they: a weight every time, an activation
    /// once for all that reads it, which is by the forward pass and by the input's gradient, whose weight gradient then finds both.
    private func trial(of kernel: any ConvolutionKernel) throws -> (step: any Step, byteCounts: [Int]) {
        let bias = hasBias ? 3 : nil
        let (layouts, shapes) = (kernel.layouts, shapes)
        var byteCounts = [
            layouts.first.byteCount(of: shapes.first), layouts.second.byteCount(of: shapes.second),
            layouts.result.byteCount(of: shapes.result), 4 * weight[0],
        ]
        if isApplied, let prepared = kernel.preparedByteCount {
            byteCounts[1] = prepared
            return (kernel.preparedStep(0, 1, bias: bias, result: 2), byteCounts)
        }
        let step = kernel.step(0, 1, bias: bias, result: 2)
        guard kernel.operandType != .float32, direction != .weightGradient else { return (step, byteCounts) }
        let dtypes = (from: DType.float32, to: kernel.operandType)
        let activation: PhysicalLayout = shapes.first[1] % 16 == 0 ? .blocked(16) : .plain
        let rounding = [
            try ReorderStep(shapes.first, 4, activation, 0, layouts.first, dtypes: dtypes),
            try ReorderStep(shapes.second, 5, .plain, 1, layouts.second, dtypes: dtypes),
        ]
        return (StepSequence(rounding + [step]), byteCounts + [4 * shapes.first.count, 4 * shapes.second.count])
    }
}

/// Steps that are timed as one.
private final class StepSequence: Step {
    private let steps: [any Step]

    init(_ steps: [any Step]) { self.steps = steps }

    var reads: [BufferID] { steps.flatMap(\.reads) }
    var writes: [BufferID] { steps.flatMap(\.writes) }
    var scratchByteCount: Int { steps.map(\.scratchByteCount).max() ?? 0 }
    var explanation: String { steps.map(\.explanation).joined(separator: ", ") }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) throws {
        for step in steps { try step.run(pointers, scratch: scratch) }
    }
}

extension PhysicalLayout {
    /// Bytes that an f32 value of this shape takes.
    func byteCount(of shape: Shape) -> Int {
        if case .opaque(let opaque) = self { opaque.layout.byteCount } else { shape.count * 4 }
    }
}
