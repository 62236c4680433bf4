import HillockCore

/// A convolution, or one of its gradients, by all that its speed depends on.
struct ConvolutionCall: Hashable, CustomStringConvertible {
    enum Direction: String { case forward, inputGradient = "input gradient", weightGradient = "weight gradient" }

    let direction: Direction
    let geometry: ConvolutionGeometry
    /// Shapes of the forward convolution: `[N, C, …]`, `[O, C / groups, …]`, `[N, O, …]`.
    let input: Shape
    let weight: Shape
    let output: Shape
    /// Forward: adds a bias `[O]`. Weight gradient: gives the bias's gradient too.
    var hasBias = false
    /// Forward: adds what the result's buffer holds.
    var hasResidual = false
    /// Forward: rectifies.
    var hasRelu = false
    /// Whether the weight stays what it is, so that what a kernel makes of it is made once.
    var isApplied = false
    /// What the operands may be rounded to before they are multiplied: f32 is not at all.
    var precision = DType.float32

    /// `[G, O / G, C / G, …]` where there are groups: the weight as oneDNN knows it.
    var weightDims: [Int] {
        let groups = geometry.groups
        return groups == 1 ? weight.dimensions : [groups, weight[0] / groups] + weight.dimensions.dropFirst()
    }

    /// Shapes of the two operands and of the result, in the order in which the call takes them.
    var shapes: (first: Shape, second: Shape, result: Shape) {
        switch direction {
        case .forward: (input, weight, output)
        case .inputGradient: (output, weight, input)
        case .weightGradient: (input, output, weight)
        }
    }

    /// Floating-point operations, 2 for each multiplication and addition.
    var floatingPointOperations: Int { 2 * output.count * weight.dimensions.dropFirst().reduce(1, *) }

    /// For people: `conv [64, 1, 28, 28] ∗ [32, 1, 3, 3] + bias, relu`; what is as usual is left out.
    var title: String {
        let kind = direction == .forward ? "conv" : "conv \(direction.rawValue)"
        var text = "\(kind) \(input) ∗ \(weight)"
        if geometry.strides.contains(where: { $0 != 1 }) { text += ", strides \(geometry.strides)" }
        if geometry.paddingBefore == geometry.paddingAfter {
            if geometry.paddingBefore.contains(where: { $0 != 0 }) { text += ", padding \(geometry.paddingBefore)" }
        } else {
            text += ", padding \(geometry.paddingBefore) and \(geometry.paddingAfter)"
        }
        if geometry.dilation.contains(where: { $0 != 1 }) { text += ", dilation \(geometry.dilation)" }
        if geometry.groups != 1 { text += ", \(geometry.groups) groups" }
        if hasBias { text += direction == .forward ? " + bias" : ", bias" }
        if precision != .float32 { text += ", \(precision)" }
        return text + (hasResidual ? " + residual" : "") + (hasRelu ? ", relu" : "")
    }

    /// What the tuning store asks by.
    var description: String {
        func text(_ values: [Int]) -> String { values.map(String.init).joined(separator: "x") }
        var parts = ["conv \(direction.rawValue)", text(input.dimensions), text(weight.dimensions), "s" + text(geometry.strides)]
        parts.append("p" + text(geometry.paddingBefore) + "," + text(geometry.paddingAfter))
        if geometry.dilation.contains(where: { $0 != 1 }) { parts.append("d" + text(geometry.dilation)) }
        if geometry.groups != 1 { parts.append("g\(geometry.groups)") }
        if hasBias { parts.append("bias") }
        if hasResidual { parts.append("residual") }
        if hasRelu { parts.append("relu") }
        if precision != .float32 { parts.append(precision.name) }
        if isApplied { parts.append("applied") }
        return parts.joined(separator: " ")
    }
}
