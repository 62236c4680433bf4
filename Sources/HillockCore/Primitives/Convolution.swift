/// How a convolution's window moves; one entry for each spatial axis. Shared by the convolution and its two gradients.
public struct ConvolutionGeometry: Hashable, Sendable {
    /// Distance between windows.
    public var strides: [Int]
    /// Zeros before each spatial axis.
    public var paddingBefore: [Int]
    /// Zeros after each spatial axis.
    public var paddingAfter: [Int]
    /// Distance between the taps of a kernel; 1 is dense.
    public var dilation: [Int]
    /// Input and output channels fall into this many groups that do not see each other.
    public var groups: Int

    /// A geometry of these parts.
    public init(strides: [Int], paddingBefore: [Int], paddingAfter: [Int], dilation: [Int], groups: Int) {
        self.strides = strides
        self.paddingBefore = paddingBefore
        self.paddingAfter = paddingAfter
        self.dilation = dilation
        self.groups = groups
    }

    /// The output's shape for an input `[N, C, spatial…]` and a weight `[O, C / groups, kernel…]`.
    func outputShape(_ operation: String, input: Shape, weight: Shape) throws(ShapeError) -> Shape {
        let spatial = strides.count
        guard input.rank == spatial + 2 else {
            throw ShapeError(operation, "input is \(input), expected \(spatial + 2) axes: N, C and \(spatial) spatial")
        }
        guard weight.rank == spatial + 2 else {
            throw ShapeError(operation, "weight is \(weight), expected \(spatial + 2) axes: O, C / groups and \(spatial) of the kernel")
        }
        guard groups > 0, strides.allSatisfy({ $0 > 0 }), dilation.allSatisfy({ $0 > 0 }), paddingBefore.allSatisfy({ $0 >= 0 }),
            paddingAfter.allSatisfy({ $0 >= 0 })
        else {
            throw ShapeError(
                operation,
                "stride \(strides), padding \(paddingBefore) \(paddingAfter), dilation \(dilation), groups \(groups): strides, dilation and groups must be at least 1, padding at least 0"
            )
        }
        guard input[1] == weight[1] * groups else {
            let wanted = groups == 1 ? "\(weight[1])" : "\(weight[1]) × \(groups) groups = \(weight[1] * groups)"
            throw ShapeError(operation, "input has \(input[1]) channels, weight \(weight) wants \(wanted)")
        }
        guard weight[0] % groups == 0 else {
            throw ShapeError(operation, "weight \(weight) has \(weight[0]) output channels, which \(groups) groups do not divide")
        }
        var extents = [input[0], weight[0]]
        for axis in 0..<spatial {
            let window = (weight[axis + 2] - 1) * dilation[axis] + 1
            let padded = input[axis + 2] + paddingBefore[axis] + paddingAfter[axis]
            guard weight[axis + 2] > 0, padded >= window else {
                throw ShapeError(
                    operation,
                    "kernel \(weight.dimensions.dropFirst(2)) with dilation \(dilation) is larger than input \(input) with padding",
                    hint: "use a larger input, a smaller kernel or more padding")
            }
            extents.append((padded - window) / strides[axis] + 1)
        }
        return Shape(extents)
    }

    /// Calls `body` with the flat positions (input, weight, output) of every product in the convolution.
    func forEachProduct(input: Shape, weight: Shape, output: Shape, _ body: (Int, Int, Int) -> Void) {
        let perGroup = weight[0] / groups
        output.forEachIndex { place in
            let target = output.position(of: place)
            let group = perGroup == 0 ? 0 : place[1] / perGroup
            Shape(Array(weight.dimensions.dropFirst())).forEachIndex { tap in
                var source = [place[0], group * weight[1] + tap[0]]
                for axis in strides.indices {
                    let at = place[axis + 2] * strides[axis] + tap[axis + 1] * dilation[axis] - paddingBefore[axis]
                    guard at >= 0, at < input[axis + 2] else { return }
                    source.append(at)
                }
                body(input.position(of: source), weight.position(of: [place[1]] + tap), target)
            }
        }
    }
}

/// StableHLO `convolution` (cross-correlation): input `[N, C, spatial…]`, weight `[O, C / groups, kernel…]` → `[N, O, spatial…]`.
public struct Convolution: Primitive {
    /// `conv`
    public static let name = "conv"
    /// How the window moves.
    public let geometry: ConvolutionGeometry
    /// The dtype of the result of bf16 operands, f32 or bf16; `nil` for operands that have arithmetic of their own, and give their dtype.
    public let dtype: DType?

    /// The convolution of this geometry; of bf16 operands if `dtype` is given.
    public init(_ geometry: ConvolutionGeometry, as dtype: DType? = nil) {
        self.geometry = geometry
        self.dtype = dtype
    }

    private var operation: String { "conv\(geometry.strides.count)d" }

    /// `[N, O, (spatial + padding − dilated kernel) / stride + 1 …]`
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        let isKnown = inputs[0].dtype == .float32 || inputs[0].dtype == .float64 || dtype != nil
        guard inputs[0].dtype == inputs[1].dtype, isKnown else {
            throw ShapeError(operation, "input is \(inputs[0]), weight is \(inputs[1]): expected both f32 or both f64")
        }
        return TensorType(
            try productType(operation, inputs[0], as: dtype),
            try geometry.outputShape(operation, input: inputs[0].shape, weight: inputs[1].shape))
    }

    /// ``ConvolutionInputGradient`` and ``ConvolutionWeightGradient``.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        let (upstream, dtype) = (upstream.converted(to: inputs[0].dtype), dtype.map { _ in inputs[0].dtype })
        return [
            .apply(ConvolutionInputGradient(geometry, inputShape: inputs[0].shape, as: dtype), [upstream, inputs[1]]),
            .apply(ConvolutionWeightGradient(geometry, weightShape: inputs[1].shape, as: dtype), [inputs[0], upstream]),
        ]
    }

    /// Sums of products.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let (x, w) = (inputs[0].doubles, inputs[1].doubles)
        var y = [Double](repeating: 0, count: type.shape.count)
        geometry.forEachProduct(input: inputs[0].shape, weight: inputs[1].shape, output: type.shape) { y[$2] += x[$0] * w[$1] }
        return HostArray(y, as: type)
    }

    /// `convolution`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.convolution(
            inputs[0], inputs[1], as: type, axes: ("b, f", "o, i", "b, f"), strides: geometry.strides, low: geometry.paddingBefore,
            high: geometry.paddingAfter, kernelDilation: geometry.dilation, groups: geometry.groups)
    }
}

/// Gradient of a convolution with respect to its input, which is also the transposed convolution: dy `[N, O, …]`, weight → `[N, C, …]`.
public struct ConvolutionInputGradient: Primitive {
    /// `conv_input_gradient`
    public static let name = "conv_input_gradient"
    /// How the window moves.
    public let geometry: ConvolutionGeometry
    /// Shape of the convolution's input.
    public let inputShape: Shape
    /// The dtype of the result of bf16 operands, f32 or bf16; `nil` for operands that have arithmetic of their own, and give their dtype.
    public let dtype: DType?

    /// For a convolution of this geometry and input; of bf16 operands if `dtype` is given.
    public init(_ geometry: ConvolutionGeometry, inputShape: Shape, as dtype: DType? = nil) {
        self.geometry = geometry
        self.inputShape = inputShape
        self.dtype = dtype
    }

    /// The convolution's input.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        let expected = try geometry.outputShape(Self.name, input: inputShape, weight: inputs[1].shape)
        guard inputs[0].shape == expected else {
            throw ShapeError(Self.name, "output gradient is \(inputs[0].shape), expected \(expected)")
        }
        return TensorType(try productType(Self.name, inputs[0], as: dtype), inputShape)
    }

    /// Linear in both: the convolution itself, and ``ConvolutionWeightGradient``.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        let (upstream, dtype) = (upstream.converted(to: inputs[0].dtype), dtype.map { _ in inputs[0].dtype })
        return [
            .apply(Convolution(geometry, as: dtype), [upstream, inputs[1]]),
            .apply(ConvolutionWeightGradient(geometry, weightShape: inputs[1].shape, as: dtype), [upstream, inputs[0]]),
        ]
    }

    /// Sums of products.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let (dy, w) = (inputs[0].doubles, inputs[1].doubles)
        var dx = [Double](repeating: 0, count: type.shape.count)
        geometry.forEachProduct(input: inputShape, weight: inputs[1].shape, output: inputs[0].shape) { dx[$0] += dy[$2] * w[$1] }
        return HostArray(dx, as: type)
    }

    /// `convolution` of dy, spread by the strides, with the weight reversed, its input and output channels exchanged within each group.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let (dy, spatial, groups) = (inputs[0], geometry.strides.count, geometry.groups)
        var weight = inputs[1]
        if groups > 1 {
            // [G · O, C, …] to [O, G · C, …]
            let (outputs, channels, kernel) = (weight.shape[0], weight.shape[1], Array(weight.shape.dimensions.dropFirst(2)))
            weight = text.reshape(weight, to: Shape([groups, outputs / groups, channels] + kernel))
            weight = text.emit(
                "transpose", [weight], as: weight.type.with(Shape([outputs / groups, groups, channels] + kernel)),
                "permutation = \(text.array([1, 0] + Array(2..<spatial + 3)))")
            weight = text.reshape(weight, to: Shape([outputs / groups, groups * channels] + kernel))
        }
        let axes = Array(2..<spatial + 2)
        weight = text.emit("reverse", [weight], as: weight.type, "dimensions = \(text.array(axes))")
        let reach = axes.map { geometry.dilation[$0 - 2] * (weight.shape[$0] - 1) }
        let low = (0..<spatial).map { reach[$0] - geometry.paddingBefore[$0] }
        let high = (0..<spatial).map { axis in
            inputShape[axis + 2] + reach[axis] - ((dy.shape[axis + 2] - 1) * geometry.strides[axis] + 1) - low[axis]
        }
        return text.convolution(
            dy, weight, as: type, axes: ("b, f", "i, o", "b, f"), low: low, high: high, inputDilation: geometry.strides,
            kernelDilation: geometry.dilation, groups: groups)
    }
}

/// Gradient of a convolution with respect to its weight: input `[N, C, …]`, dy `[N, O, …]` → `[O, C / groups, kernel…]`.
public struct ConvolutionWeightGradient: Primitive {
    /// `conv_weight_gradient`
    public static let name = "conv_weight_gradient"
    /// How the window moves.
    public let geometry: ConvolutionGeometry
    /// Shape of the convolution's weight.
    public let weightShape: Shape
    /// The dtype of the result of bf16 operands, f32 or bf16; `nil` for operands that have arithmetic of their own, and give their dtype.
    public let dtype: DType?

    /// For a convolution of this geometry and weight; of bf16 operands if `dtype` is given.
    public init(_ geometry: ConvolutionGeometry, weightShape: Shape, as dtype: DType? = nil) {
        self.geometry = geometry
        self.weightShape = weightShape
        self.dtype = dtype
    }

    /// The convolution's weight.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        let expected = try geometry.outputShape(Self.name, input: inputs[0].shape, weight: weightShape)
        guard inputs[1].shape == expected else {
            throw ShapeError(Self.name, "output gradient is \(inputs[1].shape), expected \(expected)")
        }
        return TensorType(try productType(Self.name, inputs[0], as: dtype), weightShape)
    }

    /// Linear in both: ``ConvolutionInputGradient``, and the convolution itself.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        let (upstream, dtype) = (upstream.converted(to: inputs[0].dtype), dtype.map { _ in inputs[0].dtype })
        return [
            .apply(ConvolutionInputGradient(geometry, inputShape: inputs[0].shape, as: dtype), [inputs[1], upstream]),
            .apply(Convolution(geometry, as: dtype), [inputs[0], upstream]),
        ]
    }

    /// Sums of products.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let (x, dy) = (inputs[0].doubles, inputs[1].doubles)
        var dw = [Double](repeating: 0, count: type.shape.count)
        geometry.forEachProduct(input: inputs[0].shape, weight: weightShape, output: inputs[1].shape) { dw[$1] += x[$0] * dy[$2] }
        return HostArray(dw, as: type)
    }

    /// `convolution` of x with dy, samples and channels of both exchanged: what was a stride is a dilation, and the reverse.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let (x, dy) = (inputs[0].shape, inputs[1].shape)
        let high = geometry.strides.indices.map { axis in
            geometry.dilation[axis] * (weightShape[axis + 2] - 1) + (dy[axis + 2] - 1) * geometry.strides[axis] + 1
                - x[axis + 2] - geometry.paddingBefore[axis]
        }
        return text.convolution(
            inputs[0], inputs[1], as: type, axes: ("f, b", "i, o", "f, b"), strides: geometry.dilation, low: geometry.paddingBefore,
            high: high, kernelDilation: geometry.strides, batchGroups: geometry.groups)
    }
}

extension StableHLOWriter {
    /// Writes a convolution. `axes` say what the first two axes of input, kernel and output are: samples and features (`b`, `f`), or output
    /// and input features (`o`, `i`); the others are spatial, and all settings have an entry for each of those.
    fileprivate mutating func convolution(
        _ input: StableHLOValue, _ kernel: StableHLOValue, as type: TensorType, axes: (String, String, String), strides: [Int]? = nil,
        low: [Int], high: [Int], inputDilation: [Int]? = nil, kernelDilation: [Int], groups: Int = 1, batchGroups: Int = 1
    ) -> StableHLOValue {
        let ones = [Int](repeating: 1, count: low.count)
        let spatial = low.indices.map { ", \($0)" }.joined()
        return emit(
            "convolution", [input, kernel], as: type,
            "dimension_numbers = #stablehlo.conv<[\(axes.0)\(spatial)]x[\(axes.1)\(spatial)]->[\(axes.2)\(spatial)]>",
            "window_strides = \(array(strides ?? ones))", "padding = \(pairs(low, high))", "lhs_dilation = \(array(inputDilation ?? ones))",
            "rhs_dilation = \(array(kernelDilation))", "feature_group_count = \(groups) : i64",
            "batch_group_count = \(batchGroups) : i64", precision)
    }
}

/// 2-D convolution as networks mean it (cross-correlation): input `[N, C, H, W]`, weight `[O, C / groups, kH, kW]`, bias `[O]` →
/// `[N, O, H′, W′]` with `H′ = (H + 2·padding − dilation·(kH − 1) − 1) / stride + 1`. f32 and f64.
public func conv2d(
    _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: (Int, Int) = (1, 1), padding: (Int, Int) = (0, 0),
    dilation: (Int, Int) = (1, 1), groups: Int = 1, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let location = SourceLocation(file: file, line: line)
    let geometry = ConvolutionGeometry(
        strides: [stride.0, stride.1], paddingBefore: [padding.0, padding.1], paddingAfter: [padding.0, padding.1],
        dilation: [dilation.0, dilation.1], groups: groups)
    let output = Tensor.apply(Convolution(geometry), [input, weight], at: location)
    guard let bias else { return output }
    guard weight.rank > 0, bias.shape == [weight.shape[0]] else {
        return .failed(
            ShapeError("conv2d", "bias is \(bias.shape), weight \(weight.shape) wants [\(weight.shape.dimensions.first ?? 0)]"),
            [output, weight], at: location)
    }
    return output + bias.reshaped(to: [bias.count, 1, 1])
}
