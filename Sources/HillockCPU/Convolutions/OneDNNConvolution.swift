import COneDNN
import HillockCore

/// A convolution by oneDNN, which chooses the layouts.
struct OneDNNConvolution: ConvolutionKernel {
    enum Algorithm { case direct, winograd }

    private let call: ConvolutionCall
    private let primitive: OneDNNPrimitive
    let layouts: ConvolutionLayouts
    let operandType: DType

    /// - Parameter operandType: The dtype of both operands, f32 or bf16; the result is f32.
    /// - Throws: ``CPUEngineError`` where oneDNN has no such kernel.
    init(_ call: ConvolutionCall, _ algorithm: Algorithm, _ operandType: DType = .float32) throws {
        self.call = call
        self.operandType = operandType
        let window = WindowNumbers(call.geometry)
        let kind = algorithm == .winograd ? HD_ALGORITHM_WINOGRAD : HD_ALGORITHM_DIRECT
        let (direction, result) = (call.direction, DType.float32)
        let input = try OneDNNLayout.any(call.input.dimensions, dtype: direction == .inputGradient ? result : operandType)
        let weight = try OneDNNLayout.any(call.weightDims, dtype: direction == .weightGradient ? result : operandType)
        let output = try OneDNNLayout.any(call.output.dimensions, dtype: direction == .forward ? result : operandType)
        let bias = call.hasBias ? try OneDNNLayout.strided([call.weight[0]]) : nil
        switch call.direction {
        case .forward:
            let post = Int32(
                (call.hasRelu ? HD_POST_RELU : HD_POST_NONE).rawValue | (call.hasResidual ? HD_POST_SUM : HD_POST_NONE).rawValue)
            primitive = try OneDNNPrimitive([input, weight, bias, output]) {
                hd_convolution_forward_create(
                    &$0, $1[0], $1[1], $1[2], $1[3], window.strides, window.dilation, window.low, window.high, kind, post)
            }
        case .inputGradient:
            primitive = try OneDNNPrimitive([output, weight, input]) {
                hd_convolution_backward_data_create(
                    &$0, $1[0], $1[1], $1[2], window.strides, window.dilation, window.low, window.high, kind)
            }
        case .weightGradient:
            primitive = try OneDNNPrimitive([input, output, weight, bias]) {
                hd_convolution_backward_weights_create(
                    &$0, $1[0], $1[1], $1[2], $1[3], window.strides, window.dilation, window.low, window.high, kind)
            }
        }
        let slots = Self.slots(call.direction)
        let (made, shapes) = (primitive, call.shapes)
        func layout(_ slot: Int32, _ shape: Shape, _ dtype: DType) throws -> PhysicalLayout {
            let dims = shape == call.weight && slot == slots.weight ? call.weightDims : shape.dimensions
            return try PhysicalLayout(made.layout(Int(slot)), shape, dims: dims, dtype)
        }
        layouts = (
            try layout(slots.first, shapes.first, operandType), try layout(slots.second, shapes.second, operandType),
            try layout(slots.result, shapes.result, result)
        )
    }

    private static func slots(_ direction: ConvolutionCall.Direction) -> (
        first: Int32, second: Int32, result: Int32, bias: Int32, weight: Int32
    ) {
        func slot(_ raw: some BinaryInteger) -> Int32 { Int32(raw) }
        return switch direction {
        case .forward:
            (slot(HD_CONV_SRC), slot(HD_CONV_WEIGHTS), slot(HD_CONV_DST), slot(HD_CONV_BIAS), slot(HD_CONV_WEIGHTS))
        case .inputGradient:
            (slot(HD_CONV_BWD_DIFF_DST), slot(HD_CONV_BWD_WEIGHTS), slot(HD_CONV_BWD_DIFF_SRC), -1, slot(HD_CONV_BWD_WEIGHTS))
        case .weightGradient:
            (
                slot(HD_CONV_BWD_W_SRC), slot(HD_CONV_BWD_W_DIFF_DST), slot(HD_CONV_BWD_W_DIFF_WEIGHTS), slot(HD_CONV_BWD_W_DIFF_BIAS),
                slot(HD_CONV_BWD_W_DIFF_WEIGHTS)
            )
        }
    }

    func step(_ first: BufferID, _ second: BufferID, bias: BufferID?, result: BufferID) -> any Step {
        let slots = Self.slots(call.direction)
        var reads = [(slots.first, first), (slots.second, second)]
        if call.hasResidual { reads.append((slots.result, result)) }
        var writes = [(slots.result, result)]
        if let bias {
            if call.direction == .forward { reads.append((slots.bias, bias)) } else { writes.append((slots.bias, bias)) }
        }
        // An operand may be both: a tensor convolved with itself.
        let lying = Dictionary(
            [(first, layouts.first), (second, layouts.second), (result, layouts.result)], uniquingKeysWith: { first, _ in first })
        return OneDNNStep(primitive, reads: reads, writes: writes, layouts: lying, call.title)
    }
}

/// A geometry's numbers as oneDNN takes them.
private struct WindowNumbers {
    let strides: [Int64]
    let dilation: [Int64]
    let low: [Int64]
    let high: [Int64]

    init(_ geometry: ConvolutionGeometry) {
        strides = geometry.strides.map(Int64.init)
        dilation = geometry.dilation.map(Int64.init)
        low = geometry.paddingBefore.map(Int64.init)
        high = geometry.paddingAfter.map(Int64.init)
    }
}

extension PhysicalLayout {
    /// The engine's name for a layout of a value of this shape, which oneDNN may know under other dimensions.
    init(_ layout: OneDNNLayout, _ shape: Shape, dims: [Int], _ dtype: DType) throws {
        var candidates: [PhysicalLayout] = []
        if shape.rank >= 3, shape.rank <= 5, shape.dimensions == dims {
            candidates.append(.channelsLast)
            if shape[1] % 16 == 0 { candidates.append(.blocked(16)) }
            if shape[1] % 8 == 0 { candidates.append(.blocked(8)) }
        }
        if try OneDNNLayout.strided(dims, dtype: dtype).isEqual(to: layout) {
            self = .plain
        } else if let known = try candidates.first(where: { try OneDNNLayout.of(shape, $0, dtype: dtype).isEqual(to: layout) }) {
            self = known
        } else {
            self = .opaque(OpaqueLayout(layout, shape, dims: dims))
        }
    }
}
