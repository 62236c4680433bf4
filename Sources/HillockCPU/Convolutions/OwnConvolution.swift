import CKernels
import HillockCore

/// A convolution by one of our own kernels: activations in blocks of sixteen channels, weights and their gradient as they are.
struct OwnConvolution: ConvolutionKernel {
    enum Algorithm: String {
        /// Winograd filtering: `hk_winograd_convolve` and its gradients.
        case winograd
        /// The same with products of bf16: transformed in f32, rounded, added up in f32.
        case winogradBFloat16 = "winograd bf16"
        /// Few output channels, so that the lanes of a vector are pixels: `hk_narrow_convolve`. Its result is row-major.
        case narrow
        /// One product of all taps and channels, for one tap or few pixels: `hk_unfold_convolve`.
        case unfolded
        /// Direct sums over channels and taps where they lie: `hk_taps_convolve`.
        case taps
        /// Weight gradients as direct sums divided by channels: `hk_direct_convolve_weights`.
        case direct
        /// Weight gradients as direct sums over positions, of whatever there are: `hk_correlate_weights`.
        case correlated
    }

    private let call: ConvolutionCall
    private let algorithm: Algorithm
    private let convolution: hk_convolution
    let layouts: ConvolutionLayouts

    /// `nil` where there is no such kernel for the call.
    init?(_ call: ConvolutionCall, _ algorithm: Algorithm) {
        guard var convolution = call.convolution else { return nil }
        let isWeightGradient = call.direction == .weightGradient
        switch algorithm {
        case .winograd, .winogradBFloat16: guard hk_winograd_supports(&convolution) else { return nil }
        case .narrow: guard !call.hasRelu, !call.hasResidual, hk_narrow_supports(&convolution, call.direction.raw) else { return nil }
        case .unfolded: guard !isWeightGradient, hk_unfold_supports(&convolution, call.direction.raw) else { return nil }
        case .taps: guard hk_taps_supports(&convolution, call.direction.raw) else { return nil }
        case .direct: guard isWeightGradient, hk_direct_supports(&convolution) else { return nil }
        case .correlated: guard isWeightGradient, hk_correlate_supports(&convolution) else { return nil }
        }
        self.call = call
        self.algorithm = algorithm
        convolution.bf16 = algorithm == .winogradBFloat16
        self.convolution = convolution
        // Few channels of an image are read as they lie.
        let isImage = (algorithm == .taps || algorithm == .correlated) && call.shapes.first[1] % 16 != 0
        layouts = (
            isImage ? .plain : .blocked(16), isWeightGradient ? .blocked(16) : .plain,
            isWeightGradient || algorithm == .narrow ? .plain : .blocked(16)
        )
    }

    func step(_ first: BufferID, _ second: BufferID, bias: BufferID?, result: BufferID) -> any Step {
        Run(call, algorithm, convolution, layouts, first, second, bias: bias, result: result, isPrepared: false)
    }

    var preparedByteCount: Int? {
        var convolution = convolution
        switch algorithm {
        case .winograd where call.direction != .weightGradient, .winogradBFloat16 where call.direction != .weightGradient:
            return Int(hk_winograd_weight_bytes(&convolution, call.direction.raw))
        case .unfolded: return Int(hk_unfold_weight_bytes(&convolution))
        case .taps: return Int(hk_taps_weight_bytes(&convolution))
        default: return nil
        }
    }

    func preparation(of weight: BufferID, into prepared: BufferID) -> any Step {
        let (convolution, direction, algorithm) = (convolution, call.direction.raw, algorithm)
        return KernelStep("\(algorithm.rawValue) weights \(call.weight)", reads: [weight], writes: [prepared]) { pointers in
            var convolution = convolution
            let (weight, prepared) = (pointers.floats(weight), pointers.floats(prepared))
            switch algorithm {
            case .unfolded: hk_unfold_pack_weights(&convolution, direction, weight, prepared)
            case .taps: hk_taps_pack_weights(&convolution, direction, weight, prepared)
            default: hk_winograd_transform_weights(&convolution, direction, weight, prepared)
            }
        }
    }

    func preparedStep(_ first: BufferID, _ prepared: BufferID, bias: BufferID?, result: BufferID) -> any Step {
        Run(call, algorithm, convolution, layouts, first, prepared, bias: bias, result: result, isPrepared: true)
    }

    private final class Run: Step {
        private let call: ConvolutionCall
        private let algorithm: Algorithm
        private var convolution: hk_convolution
        private let layouts: ConvolutionLayouts
        private let first: BufferID
        private let second: BufferID
        private let bias: BufferID?
        private let result: BufferID
        /// Whether the second operand is what ``preparation(of:into:)`` made of the weight.
        private let isPrepared: Bool

        init(
            _ call: ConvolutionCall, _ algorithm: Algorithm, _ convolution: hk_convolution, _ layouts: ConvolutionLayouts,
            _ first: BufferID,
            _ second: BufferID, bias: BufferID?, result: BufferID, isPrepared: Bool
        ) {
            self.isPrepared = isPrepared
            (self.call, self.algorithm, self.convolution, self.layouts) = (call, algorithm, convolution, layouts)
            (self.first, self.second, self.bias, self.result) = (first, second, bias, result)
        }

        private var writesBias: Bool { call.direction == .weightGradient }
        var reads: [BufferID] {
            [first, second] + (writesBias ? [] : [bias].compactMap { $0 }) + (call.hasResidual ? [result] : [])
        }
        var writes: [BufferID] { [result] + (writesBias ? [bias].compactMap { $0 } : []) }

        var scratchByteCount: Int {
            let bytes =
                switch algorithm {
                case .winograd, .winogradBFloat16: hk_winograd_scratch_bytes(&convolution, call.direction.raw)
                case .narrow: hk_narrow_scratch_bytes(&convolution, call.direction.raw)
                case .unfolded: hk_unfold_scratch_bytes(&convolution) + (isPrepared ? 0 : hk_unfold_weight_bytes(&convolution))
                case .taps: isPrepared ? 0 : hk_taps_weight_bytes(&convolution)
                case .direct: hk_direct_scratch_bytes(&convolution)
                case .correlated: hk_correlate_scratch_bytes(&convolution)
                }
            return Int(bytes)
        }

        func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
            let (a, b) = (pointers.floats(first), pointers.floats(second))
            let (bias, result) = (pointers.floats(bias), pointers.floats(result))
            switch (algorithm, call.direction) {
            case (.narrow, let direction): hk_narrow_convolve(&convolution, direction.raw, a, b, bias, result, scratch)
            case (.unfolded, let direction):
                hk_unfold_convolve(
                    &convolution, direction.raw, a, isPrepared ? nil : b, isPrepared ? b : nil, bias, call.hasResidual, call.hasRelu,
                    result, scratch)
            case (.taps, let direction):
                hk_taps_convolve(
                    &convolution, direction.raw, a, isPrepared ? nil : b, isPrepared ? b : nil, bias, call.hasResidual, call.hasRelu,
                    result, scratch)
            case (.direct, _): hk_direct_convolve_weights(&convolution, a, b, result, bias, scratch)
            case (.correlated, _): hk_correlate_weights(&convolution, a, b, result, bias, scratch)
            case (.winograd, .forward), (.winogradBFloat16, .forward):
                let residual = call.hasResidual ? result : nil
                hk_winograd_convolve(
                    &convolution, a, isPrepared ? nil : b, isPrepared ? b : nil, bias, residual, call.hasRelu, result, scratch)
            case (.winograd, .inputGradient), (.winogradBFloat16, .inputGradient):
                hk_winograd_convolve_transposed(&convolution, a, isPrepared ? nil : b, isPrepared ? b : nil, nil, false, result, scratch)
            case (.winograd, .weightGradient), (.winogradBFloat16, .weightGradient):
                hk_winograd_convolve_weights(&convolution, a, b, result, bias, scratch)
            }
        }

        func layout(of buffer: BufferID) -> PhysicalLayout? {
            if buffer == result { return layouts.result }
            if buffer == first { return layouts.first }
            return buffer == second && !isPrepared ? layouts.second : .plain
        }

        var explanation: String { "\(call.title): own \(algorithm.rawValue)" }
    }
}

extension ConvolutionCall.Direction {
    /// As the kernels take it.
    fileprivate var raw: hk_convolution_direction {
        switch self {
        case .forward: hk_convolution_forward
        case .inputGradient: hk_convolution_backward_data
        case .weightGradient: hk_convolution_backward_weights
        }
    }
}

extension ConvolutionCall {
    /// As the kernels take it; `nil` where they do not: other ranks, groups, dilation, windows that are not square.
    fileprivate var convolution: hk_convolution? {
        let strides = geometry.strides
        guard input.rank == 4, geometry.groups == 1, geometry.dilation == [1, 1], weight[2] == weight[3], strides[0] == strides[1] else {
            return nil
        }
        return hk_convolution(
            images: Int64(input[0]), in_channels: Int64(input[1]), out_channels: Int64(output[1]), height: Int64(input[2]),
            width: Int64(input[3]), out_height: Int64(output[2]), out_width: Int64(output[3]), kernel: Int32(weight[2]),
            stride: Int32(strides[0]), padding_y: Int64(geometry.paddingBefore[0]), padding_x: Int64(geometry.paddingBefore[1]),
            channels_last: false, bf16: false)
    }
}
