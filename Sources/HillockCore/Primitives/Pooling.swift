/// How a pooling window moves over the two spatial axes of `[N, C, H, W]`.
public struct PoolingGeometry: Hashable, Sendable {
    /// Extents of the window, `[kH, kW]`.
    public let kernel: [Int]
    /// Distance between windows.
    public let strides: [Int]
    /// Cells on both sides of each axis that are no part of the input.
    public let padding: [Int]
    /// Distance between the cells of a window; 1 is dense.
    public let dilation: [Int]

    /// A geometry of these parts.
    public init(kernel: [Int], strides: [Int], padding: [Int], dilation: [Int]) {
        self.kernel = kernel
        self.strides = strides
        self.padding = padding
        self.dilation = dilation
    }

    func outputShape(_ operation: String, input: TensorType) throws(ShapeError) -> Shape {
        guard input.shape.rank == 4, input.dtype == .float32 || input.dtype == .float64 else {
            throw ShapeError(operation, "input is \(input), expected f32 or f64 of shape [N, C, H, W]")
        }
        guard kernel.allSatisfy({ $0 > 0 }), strides.allSatisfy({ $0 > 0 }), dilation.allSatisfy({ $0 > 0 }),
            zip(padding, kernel).allSatisfy({ $0 >= 0 && 2 * $0 <= $1 })
        else {
            throw ShapeError(
                operation, "window \(kernel), stride \(strides), padding \(padding), dilation \(dilation)",
                hint: "all must be at least 1, padding at most half the window")
        }
        var extents = [input.shape[0], input.shape[1]]
        for axis in 0..<2 {
            let window = (kernel[axis] - 1) * dilation[axis] + 1
            let padded = input.shape[axis + 2] + 2 * padding[axis]
            guard padded >= window else {
                throw ShapeError(operation, "window \(kernel) with dilation \(dilation) is larger than input \(input.shape) with padding")
            }
            extents.append((padded - window) / strides[axis] + 1)
        }
        return Shape(extents)
    }

    /// Calls `body` for each output cell with its flat position and those of the input cells in its window.
    func forEachWindow(input: Shape, output: Shape, _ body: (Int, [Int]) -> Void) {
        output.forEachIndex { place in
            var cells: [Int] = []
            for i in 0..<kernel[0] {
                for j in 0..<kernel[1] {
                    let h = place[2] * strides[0] + i * dilation[0] - padding[0]
                    let w = place[3] * strides[1] + j * dilation[1] - padding[1]
                    if h >= 0, h < input[2], w >= 0, w < input[3] { cells.append(input.position(of: [place[0], place[1], h, w])) }
                }
            }
            body(output.position(of: place), cells)
        }
    }

    /// Calls `body` for each output cell with its flat position and that of its window's maximum: the first of equals; NaN counts as one.
    func forEachMaximum(of x: HostArray, output: Shape, _ body: (Int, Int) -> Void) {
        let values = x.doubles
        forEachWindow(input: x.shape, output: output) { target, cells in
            guard var best = cells.first else { return }
            for cell in cells where !values[best].isNaN && (values[cell].isNaN || values[cell] > values[best]) { best = cell }
            body(target, best)
        }
    }
}

/// The greatest element of each window: `[N, C, H, W] → [N, C, H′, W′]` (StableHLO `reduce_window`).
public struct MaxPool: Primitive {
    /// `maxpool2d`
    public static let name = "maxpool2d"
    /// How the window moves.
    public let geometry: PoolingGeometry

    /// The pooling of this geometry.
    public init(_ geometry: PoolingGeometry) { self.geometry = geometry }

    /// One element for each window.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        TensorType(inputs[0].dtype, try geometry.outputShape(Self.name, input: inputs[0]))
    }

    /// dy to the place of each maximum.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        [.apply(MaxPoolScatter(geometry), [inputs[0], upstream])]
    }

    /// Searches each window.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let x = inputs[0].doubles
        var y = [Double](repeating: -.infinity, count: type.shape.count)
        geometry.forEachMaximum(of: inputs[0], output: type.shape) { y[$0] = x[$1] }
        return HostArray(y, as: type)
    }

    /// `reduce_window`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.reduceWindow(inputs[0], geometry, "maximum", from: -.infinity, as: type)
    }
}

/// Gradient of ``MaxPool``: x `[N, C, H, W]`, dy `[N, C, H′, W′]` → dx, each dy added where its window's maximum is
/// (StableHLO `select_and_scatter`).
public struct MaxPoolScatter: Primitive {
    /// `maxpool2d_scatter`
    public static let name = "maxpool2d_scatter"
    /// How the window moves.
    public let geometry: PoolingGeometry

    /// For a pooling of this geometry.
    public init(_ geometry: PoolingGeometry) { self.geometry = geometry }

    /// The pooled input's type.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType { inputs[0] }

    /// Linear in dy; x only says where.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        [nil, .apply(MaxPoolSelect(geometry), [inputs[0], upstream])]
    }

    /// Adds.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let dy = inputs[1].doubles
        var dx = [Double](repeating: 0, count: type.shape.count)
        geometry.forEachMaximum(of: inputs[0], output: inputs[1].shape) { dx[$1] += dy[$0] }
        return HostArray(dx, as: type)
    }

    /// `select_and_scatter` where windows overlap. Where they do not, or are dilated, which that cannot: for each cell of the window dy where that
    /// cell is the maximum, spread by the strides and shifted to where the cell is, and the sum of all that.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let (x, dy) = (inputs[0], inputs[1])
        if geometry.dilation == [1, 1], zip(geometry.kernel, geometry.strides).contains(where: >) {
            return text.selectAndScatter(x, dy, geometry)
        }
        let (winner, offsets) = text.maximumCell(x, geometry, output: dy.shape)
        let none = text.constant(0, dy.type)
        let zero = text.scalar(0, like: dy)
        var sum: StableHLOValue?
        for (cell, offset) in offsets.enumerated() {
            let number = text.constant(Double(cell), winner.type)
            let isMaximum = text.compare(winner, "EQ", number)
            let part = text.select(isMaximum, dy, none)
            let low = (0..<2).map { offset[$0] - geometry.padding[$0] }
            let high = (0..<2).map { x.shape[$0 + 2] - low[$0] - (dy.shape[$0 + 2] - 1) * geometry.strides[$0] - 1 }
            let placed = text.pad(
                part, with: zero, low: [0, 0] + low, high: [0, 0] + high, interior: [0, 0] + geometry.strides.map { $0 - 1 })
            sum = sum.map { text.emit("add", $0, placed) } ?? placed
        }
        return sum ?? none
    }
}

/// The element of `v` at the place of each window's maximum in `x`: the transpose of ``MaxPoolScatter``.
public struct MaxPoolSelect: Primitive {
    /// `maxpool2d_select`
    public static let name = "maxpool2d_select"
    /// How the window moves.
    public let geometry: PoolingGeometry

    /// For a pooling of this geometry.
    public init(_ geometry: PoolingGeometry) { self.geometry = geometry }

    /// One element for each window.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        TensorType(inputs[1].dtype, try geometry.outputShape(Self.name, input: inputs[0]))
    }

    /// Linear in v; x only says where.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        [nil, .apply(MaxPoolScatter(geometry), [inputs[0], upstream])]
    }

    /// Picks.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let v = inputs[1].doubles
        var y = [Double](repeating: 0, count: type.shape.count)
        geometry.forEachMaximum(of: inputs[0], output: type.shape) { y[$0] = v[$1] }
        return HostArray(y, as: type)
    }

    /// For each cell of the window v there, where it is the maximum.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let (winner, offsets) = text.maximumCell(inputs[0], geometry, output: type.shape)
        var result = text.constant(0, StableHLOType(type))
        let zero = text.scalar(0, like: inputs[1])
        for (cell, offset) in offsets.enumerated() {
            let number = text.constant(Double(cell), winner.type)
            let isMaximum = text.compare(winner, "EQ", number)
            let values = text.cell(at: offset, of: inputs[1], filler: zero, geometry, output: type.shape)
            result = text.select(isMaximum, values, result)
        }
        return result
    }
}

/// The sum of each window divided by its size, or by the cells of it that lie in the input: `[N, C, H, W] → [N, C, H′, W′]`.
public struct AveragePool: Primitive {
    /// `avgpool2d`
    public static let name = "avgpool2d"
    /// How the window moves.
    public let geometry: PoolingGeometry
    /// Whether padding counts as zeros in the mean (PyTorch's default) or not at all.
    public let countsPadding: Bool

    /// The pooling of this geometry.
    public init(_ geometry: PoolingGeometry, countsPadding: Bool) {
        self.geometry = geometry
        self.countsPadding = countsPadding
    }

    /// One element for each window.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        TensorType(inputs[0].dtype, try geometry.outputShape(Self.name, input: inputs[0]))
    }

    /// dy spread over each window.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        [.apply(AveragePoolGradient(geometry, countsPadding: countsPadding, inputShape: inputs[0].shape), [upstream])]
    }

    /// Adds and divides.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let x = inputs[0].doubles
        var y = [Double](repeating: 0, count: type.shape.count)
        geometry.forEachWindow(input: inputs[0].shape, output: type.shape) { target, cells in
            let size = countsPadding ? geometry.kernel[0] * geometry.kernel[1] : cells.count
            y[target] = cells.reduce(0) { $0 + x[$1] } / Double(size)
        }
        return HostArray(y, as: type)
    }

    /// `reduce_window`, divided by the windows' sizes.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let sums = text.reduceWindow(inputs[0], geometry, "add", from: 0, as: type)
        let sizes = text.windowSizes(geometry, input: inputs[0].shape, output: sums.type, countsPadding: countsPadding)
        return text.emit("divide", sums, sizes)
    }
}

/// Gradient of ``AveragePool``: dy `[N, C, H′, W′]` → dx `[N, C, H, W]`.
public struct AveragePoolGradient: Primitive {
    /// `avgpool2d_gradient`
    public static let name = "avgpool2d_gradient"
    /// How the window moves.
    public let geometry: PoolingGeometry
    /// Whether padding counts.
    public let countsPadding: Bool
    /// Shape of the pooled input.
    public let inputShape: Shape

    /// For a pooling of this geometry and input.
    public init(_ geometry: PoolingGeometry, countsPadding: Bool, inputShape: Shape) {
        self.geometry = geometry
        self.countsPadding = countsPadding
        self.inputShape = inputShape
    }

    /// The pooled input's type.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType { TensorType(inputs[0].dtype, inputShape) }

    /// Linear: the pooling itself.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        [.apply(AveragePool(geometry, countsPadding: countsPadding), [upstream])]
    }

    /// Spreads.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let dy = inputs[0].doubles
        var dx = [Double](repeating: 0, count: type.shape.count)
        geometry.forEachWindow(input: inputShape, output: inputs[0].shape) { target, cells in
            let size = countsPadding ? geometry.kernel[0] * geometry.kernel[1] : cells.count
            for cell in cells { dx[cell] += dy[target] / Double(size) }
        }
        return HostArray(dx, as: type)
    }

    /// dy divided by the windows' sizes and spread by the strides; each cell's sum over the windows that it is in is a `reduce_window` of that.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let dy = inputs[0]
        let sizes = text.windowSizes(geometry, input: inputShape, output: dy.type, countsPadding: countsPadding)
        let shares = text.emit("divide", dy, sizes)
        let reach = (0..<2).map { geometry.dilation[$0] * (geometry.kernel[$0] - 1) }
        let low = (0..<2).map { reach[$0] - geometry.padding[$0] }
        let high = (0..<2).map { inputShape[$0 + 2] + reach[$0] - low[$0] - (dy.shape[$0 + 2] - 1) * geometry.strides[$0] - 1 }
        let zero = text.scalar(0, like: dy)
        let spread = text.pad(
            shares, with: zero, low: [0, 0] + low, high: [0, 0] + high, interior: [0, 0] + geometry.strides.map { $0 - 1 })
        let dense = PoolingGeometry(kernel: geometry.kernel, strides: [1, 1], padding: [0, 0], dilation: geometry.dilation)
        return text.reduceWindow(spread, dense, "add", from: 0, as: type)
    }
}

/// Greatest element of each window: `[N, C, H, W] → [N, C, H′, W′]`, `H′ = (H + 2·padding − dilation·(kH − 1) − 1) / stride + 1`. The
/// stride is the window's size unless given; padding never wins; the first of equals gets the gradient. f32 and f64.
public func maxPool2d(
    _ input: Tensor, kernel: (Int, Int), stride: (Int, Int)? = nil, padding: (Int, Int) = (0, 0), dilation: (Int, Int) = (1, 1),
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let stride = stride ?? kernel
    let geometry = PoolingGeometry(
        kernel: [kernel.0, kernel.1], strides: [stride.0, stride.1], padding: [padding.0, padding.1], dilation: [dilation.0, dilation.1])
    return .apply(MaxPool(geometry), [input], at: SourceLocation(file: file, line: line))
}

/// Mean of each window: `[N, C, H, W] → [N, C, H′, W′]`. The stride is the window's size unless given; padding counts as zeros unless
/// `countsPadding` is false. f32 and f64.
public func avgPool2d(
    _ input: Tensor, kernel: (Int, Int), stride: (Int, Int)? = nil, padding: (Int, Int) = (0, 0), countsPadding: Bool = true,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let stride = stride ?? kernel
    let geometry = PoolingGeometry(
        kernel: [kernel.0, kernel.1], strides: [stride.0, stride.1], padding: [padding.0, padding.1], dilation: [1, 1])
    return .apply(AveragePool(geometry, countsPadding: countsPadding), [input], at: SourceLocation(file: file, line: line))
}
