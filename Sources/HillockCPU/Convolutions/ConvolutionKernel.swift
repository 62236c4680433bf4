import HillockCore

/// The layouts in which a convolution wants its two operands and leaves its result.
typealias ConvolutionLayouts = (first: PhysicalLayout, second: PhysicalLayout, result: PhysicalLayout)

/// One way of computing a ``ConvolutionCall``.
protocol ConvolutionKernel {
    /// The layouts in which it wants its two operands and leaves its result.
    var layouts: ConvolutionLayouts { get }

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
    var preparedByteCount: Int? { nil }
    func preparation(of weight: BufferID, into prepared: BufferID) -> any Step { fatalError("[cpu] nothing to prepare") }
    func preparedStep(_ first: BufferID, _ prepared: BufferID, bias: BufferID?, result: BufferID) -> any Step {
        fatalError("[cpu] nothing was prepared")
    }
}

extension ConvolutionCall {
    /// The ways there may be, the one first that a rule by shape prefers, the direct one last. `strict` leaves direct sums only, of which
    /// the shape decides.
    private func candidates(_ numerics: Numerics) -> [Tuner.Candidate<any ConvolutionKernel>] {
        typealias Candidate = Tuner.Candidate<any ConvolutionKernel>
        let direct = Candidate(name: "direct") { try OneDNNConvolution(self, .direct) }
        let narrow = OwnConvolution(self, .narrow).map { kernel in Candidate(name: "narrow") { kernel } }
        if numerics == .strict { return [narrow ?? direct] }
        var candidates = [narrow].compactMap { $0 }
        let winograd = OwnConvolution(self, .winograd).map { kernel in Candidate(name: "own winograd") { kernel } }
        if let winograd, prefersWinograd { candidates.append(winograd) }
        // oneDNN divides weight gradients by images only. For many positions it does that well, and our copies of x grow large.
        if direction == .weightGradient, input[0] * output.dimensions.dropFirst(2).reduce(1, *) <= 1024,
            let kernel = OwnConvolution(self, .direct)
        {
            candidates.append(Candidate(name: "own direct") { kernel })
        }
        let isThreeByThree = weight.dimensions.dropFirst(2).elementsEqual([3, 3])
        let isDense = geometry.strides == [1, 1] && geometry.dilation == [1, 1] && geometry.groups == 1
        // Left to itself oneDNN takes Winograd for an input of one channel too, where it is seven times slower than the direct kernel.
        if isThreeByThree, isDense, weight[0] >= 16, weight[1] >= 16 {
            candidates.append(Candidate(name: "winograd") { try OneDNNConvolution(self, .winograd) })
        }
        return candidates + [direct]
    }

    /// The kernel for this call: the fastest by timing, where decisions can be kept.
    func chosenKernel(_ tuner: inout Tuner) throws -> any ConvolutionKernel {
        try tuner.choose(description, candidates(Numerics.current), trial: trial)
    }

    /// The kernel's step alone, and the sizes of its buffers.
    private func trial(of kernel: any ConvolutionKernel) -> (step: any Step, byteCounts: [Int]) {
        let step = kernel.step(0, 1, bias: hasBias ? 3 : nil, result: 2)
        let (layouts, shapes) = (kernel.layouts, shapes)
        return (
            step,
            [
                layouts.first.byteCount(of: shapes.first), layouts.second.byteCount(of: shapes.second),
                layouts.result.byteCount(of: shapes.result), 4 * weight[0],
            ]
        )
    }
}

extension PhysicalLayout {
    /// Bytes that an f32 value of this shape takes.
    func byteCount(of shape: Shape) -> Int {
        if case .opaque(let opaque) = self { opaque.layout.byteCount } else { shape.count * 4 }
    }
}
