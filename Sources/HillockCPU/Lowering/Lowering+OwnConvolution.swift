import CKernels
import HillockCore

extension Lowering {
    /// Lowers a convolution, or a gradient of one, to one of our own kernels; `false`, and nothing happens, where oneDNN's is preferred.
    ///
    /// - Parameters:
    ///   - operands: value numbers of the two that the direction reads: x and weight, dy and weight, or x and dy.
    ///   - bias: the buffer of what is added on the way out.
    ///   - biasGradient: the value that becomes the gradient of the bias, with that of the weight.
    mutating func lowerToOwnKernel(
        _ problem: ConvolutionProblem, _ value: Int, _ operands: [Int], bias: BufferID? = nil, hasRelu: Bool = false,
        biasGradient: Int? = nil
    ) throws -> Bool {
        let algorithm = problem.preferred
        guard algorithm == .winograd || algorithm == .narrow && !hasRelu, let convolution = problem.convolution else { return false }
        let blocked = PhysicalLayout.blocked(16)
        let first = try buffer(resolve(operands[0]), in: blocked)
        let isWeightGradient = problem.direction == hk_convolution_backward_weights
        let second = isWeightGradient ? try buffer(resolve(operands[1]), in: blocked) : try plainBuffer(operands[1])
        let isPlain = isWeightGradient || algorithm == .narrow
        let results =
            [makeBuffer(for: value, layout: isPlain ? .plain : blocked)] + [biasGradient].compactMap { $0 }.map { makeBuffer(for: $0) }
        let shapes = "\(problem.x) ∗ \(problem.weight)"
        let text =
            switch problem.direction {
            case hk_convolution_forward: "conv \(shapes)\(bias == nil ? "" : " + bias")\(hasRelu ? ", relu" : "")"
            case hk_convolution_backward_data: "conv input gradient \(shapes)"
            default: "conv weight gradient \(shapes)\(biasGradient == nil ? "" : ", bias")"
            }
        steps.append(
            ConvolutionStep(
                algorithm, convolution, problem.direction, [first, second], bias: bias, hasRelu: hasRelu, results, text))
        return true
    }
}
