import CKernels
import HillockCore

/// Runs one of our own convolution kernels.
final class ConvolutionStep: Step {
    private var convolution: hk_convolution
    private let direction: hk_convolution_direction
    private let algorithm: ConvolutionAlgorithm
    private let bias: BufferID?
    private let hasRelu: Bool
    private let text: String
    let reads: [BufferID]
    let writes: [BufferID]

    /// - Parameters:
    ///   - operands: the two that the direction reads: x and weights, dy and weights, or x and dy.
    ///   - bias: added on the way out, one number for each channel of the result.
    ///   - results: what is written; the gradient of the weight may be followed by that of the bias.
    init(
        _ algorithm: ConvolutionAlgorithm, _ convolution: hk_convolution, _ direction: hk_convolution_direction, _ operands: [BufferID],
        bias: BufferID? = nil, hasRelu: Bool = false, _ results: [BufferID], _ text: String
    ) {
        self.algorithm = algorithm
        self.convolution = convolution
        self.direction = direction
        self.bias = bias
        self.hasRelu = hasRelu
        self.text = text
        reads = operands + [bias].compactMap { $0 }
        writes = results
    }

    var scratchByteCount: Int {
        Int(
            algorithm == .narrow
                ? hk_narrow_scratch_bytes(&convolution, direction) : hk_winograd_scratch_bytes(&convolution, direction))
    }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        func floats(_ buffer: BufferID) -> UnsafeMutablePointer<Float> { pointers[buffer].assumingMemoryBound(to: Float.self) }
        let (first, second, result) = (floats(reads[0]), floats(reads[1]), floats(writes[0]))
        let bias = bias.map { UnsafePointer(floats($0)) }
        if algorithm == .narrow {
            hk_narrow_convolve(&convolution, direction, first, second, bias, result, scratch)
        } else if direction == hk_convolution_forward {
            hk_winograd_convolve(&convolution, first, second, nil, bias, nil, hasRelu, result, scratch)
        } else if direction == hk_convolution_backward_data {
            hk_winograd_convolve_transposed(&convolution, first, second, nil, bias, hasRelu, result, scratch)
        } else {
            hk_winograd_convolve_weights(
                &convolution, first, second, result, writes.count > 1 ? floats(writes[1]) : nil, scratch)
        }
    }

    var explanation: String { "\(text): \(algorithm), reads \(reads), writes \(writes)" }
}
