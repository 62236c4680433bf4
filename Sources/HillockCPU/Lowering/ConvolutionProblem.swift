import CKernels
import HillockCore

/// How a convolution, or a gradient of one, can be computed.
enum ConvolutionAlgorithm: String, CaseIterable {
    /// Our own Winograd filtering, `hk_winograd_convolve` and its gradients: blocked activations, plain weights.
    case winograd
    /// Lanes over pixels for few output channels, `hk_narrow_convolve`: blocked in, plain out, plain weights.
    case narrow
    /// oneDNN's direct kernels, in the layouts that they choose.
    case direct
    /// oneDNN's Winograd kernels: blocked activations and weights; oneDNN 2 with AVX-512 only.
    case oneDNNWinograd
}

/// A convolution of given shapes in one direction: which algorithms there are for it, and which is chosen.
struct ConvolutionProblem {
    let direction: hk_convolution_direction
    let geometry: ConvolutionGeometry
    /// Shapes of the input, the weight and the output of the forward direction.
    let x: Shape
    let weight: Shape
    let y: Shape

    /// As the kernels take it; `nil` where they do not: other ranks, groups, dilation, windows that are not square.
    var convolution: hk_convolution? {
        let steps = geometry.strides
        guard x.rank == 4, geometry.groups == 1, geometry.dilation == [1, 1], weight[2] == weight[3], steps[0] == steps[1] else {
            return nil
        }
        return hk_convolution(
            images: Int64(x[0]), in_channels: Int64(x[1]), out_channels: Int64(y[1]), height: Int64(x[2]), width: Int64(x[3]),
            out_height: Int64(y[2]), out_width: Int64(y[3]), kernel: Int32(weight[2]), stride: Int32(steps[0]),
            padding_y: Int64(geometry.paddingBefore[0]), padding_x: Int64(geometry.paddingBefore[1]), channels_last: false)
    }

    /// The algorithms that can compute it, the preferred one first.
    var algorithms: [ConvolutionAlgorithm] {
        ConvolutionAlgorithm.allCases.filter(isAvailable).sorted { a, b in a == preferred && b != preferred }
    }

    /// Whether there is a kernel for it on this machine (of oneDNN's Winograd: whether oneDNN may have one).
    func isAvailable(_ algorithm: ConvolutionAlgorithm) -> Bool {
        switch algorithm {
        case .direct: return true
        case .oneDNNWinograd:
            let isThreeByThree = weight.dimensions.dropFirst(2).elementsEqual([3, 3])
            return isThreeByThree && geometry.strides == [1, 1] && geometry.dilation == [1, 1] && geometry.groups == 1
        case .winograd:
            guard var convolution else { return false }
            return hk_winograd_supports(&convolution)
        case .narrow:
            guard var convolution else { return false }
            return hk_narrow_supports(&convolution, direction)
        }
    }

    /// Chosen by the shapes alone, so that the same program gives the same bits everywhere.
    var preferred: ConvolutionAlgorithm {
        if isAvailable(.narrow) { return .narrow }
        return isAvailable(.winograd) && winogradCycles < 0.9 * directCycles ? .winograd : .direct
    }

    // MARK: - What they cost, in cycles of one core with two 16-lane multiply-adds a cycle

    /// Products at four fifths of the peak, and for each vector of sixteen what its transformations were measured to take.
    private var winogradCycles: Double {
        let stride = geometry.strides[0]
        let taps = (weight[2] + stride - 1) / stride
        let step = 7 - taps
        let phases = Double(stride * stride)
        var grid = (y[2], y[3])
        var channels = (in: Double(x[1]) * phases, out: Double(y[1]))
        if direction == hk_convolution_backward_data {
            grid = ((x[2] - 1 + geometry.paddingBefore[0]) / stride + 1, (x[3] - 1 + geometry.paddingBefore[1]) / stride + 1)
            channels = (in: Double(y[1]), out: Double(x[1]) * phases)
        }
        let tiles = Double(x[0] * ((grid.0 + step - 1) / step) * ((grid.1 + step - 1) / step))
        let products = tiles * 36 * channels.in * channels.out / 32 / 0.8
        return products + tiles * (channels.in + channels.out) / 16 * 250 + channels.in * channels.out / 16 * 250
    }

    /// The direct sum at four fifths of the peak, and copying the weights into a layout and back.
    private var directCycles: Double {
        let products = Double(y.count) * Double(weight.count / weight[0]) / 32 / 0.8
        return products + 1.5 * Double(weight.count)
    }
}
