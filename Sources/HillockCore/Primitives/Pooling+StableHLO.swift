/// What the poolings' texts have in common.
extension StableHLOWriter {
    /// Writes a fold of windows by an operation, beginning with the number `start`, which padding counts as.
    mutating func reduceWindow(
        _ x: StableHLOValue, _ geometry: PoolingGeometry, _ operation: String, from start: Double, as type: TensorType
    ) -> StableHLOValue {
        let start = scalar(start, like: x)
        let padding = [0, 0] + geometry.padding
        return emit(
            "reduce_window", [x, start], as: StableHLOType(type), "window_dimensions = \(array([1, 1] + geometry.kernel))",
            "window_strides = \(array([1, 1] + geometry.strides))", "window_dilations = \(array([1, 1] + geometry.dilation))",
            "padding = \(pairs(padding, padding))", regions: { $0.emit(operation, $1, $2) })
    }

    /// Writes the sum of each dy at the place of its window's maximum: the first of equals, NaN counting as greatest.
    mutating func selectAndScatter(_ x: StableHLOValue, _ dy: StableHLOValue, _ geometry: PoolingGeometry) -> StableHLOValue {
        let padding = [0, 0] + geometry.padding
        return emit(
            "select_and_scatter", [x, dy, scalar(0, like: dy)], as: x.type, "window_dimensions = \(array([1, 1] + geometry.kernel))",
            "window_strides = \(array([1, 1] + geometry.strides))", "padding = \(pairs(padding, padding))",
            regions: { text, best, cell in
                let isNotLess = text.compare(best, "GE", cell)
                let isNaN = text.compare(best, "NE", best)
                return text.emit("or", isNotLess, isNaN)
            }, { text, sum, part in text.emit("add", sum, part) })
    }

    /// Writes the number of cells of each window: all of them, or those that lie in the input.
    mutating func windowSizes(
        _ geometry: PoolingGeometry, input: Shape, output: StableHLOType, countsPadding: Bool
    ) -> StableHLOValue {
        if countsPadding { return constant(Double(geometry.kernel[0] * geometry.kernel[1]), output) }
        let factors = (0..<2).map { axis in
            let counts = (0..<output.shape[axis + 2]).map { place in
                Double(
                    (0..<geometry.kernel[axis]).count {
                        geometry.isInside(place, $0 * geometry.dilation[axis], axis: axis, extent: input[axis + 2])
                    })
            }
            return broadcast(vector(counts, output.element), to: output.shape, axes: [axis + 2])
        }
        return emit("multiply", factors[0], factors[1])
    }

    /// Writes the elements that one cell of each window has: those at `offset` from the windows' first cells.
    mutating func cell(
        at offset: [Int], of x: StableHLOValue, filler: StableHLOValue, _ geometry: PoolingGeometry, output: Shape
    ) -> StableHLOValue {
        // What is before the first window's cell is cut off, and so is what is behind the last one's.
        let low = (0..<2).map { geometry.padding[$0] - offset[$0] }
        let high = (0..<2).map { (output[$0 + 2] - 1) * geometry.strides[$0] + 1 - x.shape[$0 + 2] - low[$0] }
        let lined = pad(x, with: filler, low: [0, 0] + low, high: [0, 0] + high, interior: [0, 0, 0, 0])
        return slice(lined, from: [0, 0, 0, 0], to: lined.shape.dimensions, by: [1, 1] + geometry.strides)
    }

    /// Writes which cell of each window is its maximum, by number (`i32`): the first of equals, NaN counting as greatest. Gives also the
    /// cells' offsets, in order.
    mutating func maximumCell(
        _ x: StableHLOValue, _ geometry: PoolingGeometry, output: Shape
    ) -> (winner: StableHLOValue, offsets: [[Int]]) {
        let offsets = (0..<geometry.kernel[0]).flatMap { i in
            (0..<geometry.kernel[1]).map { j in [i * geometry.dilation[0], j * geometry.dilation[1]] }
        }
        let filler = scalar(-.infinity, like: x)
        let indices = StableHLOType("i32", output)
        let isPadded = geometry.padding != [0, 0]
        // Padding never wins, not even against −∞: while there is no winner, the first cell in the input is.
        let nobody = constant(-1, indices)
        var best = isPadded ? constant(-.infinity, x.type.with(output)) : cell(at: [0, 0], of: x, filler: filler, geometry, output: output)
        var winner = isPadded ? nobody : constant(0, indices)
        for (number, offset) in offsets.enumerated() where isPadded || number > 0 {
            let values = cell(at: offset, of: x, filler: filler, geometry, output: output)
            let isGreater = compare(values, "GT", best)
            let isNaN = compare(values, "NE", values)
            let isNumber = compare(best, "EQ", best)
            let isFirstNaN = emit("and", isNaN, isNumber)
            var isBetter = emit("or", isGreater, isFirstNaN)
            if isPadded {
                let isFree = compare(winner, "EQ", nobody)
                let isFirst = emit("and", isFree, isInside(offset, geometry, x.shape, output))
                isBetter = emit("or", isBetter, isFirst)
            }
            best = select(isBetter, values, best)
            winner = select(isBetter, constant(Double(number), indices), winner)
        }
        return (winner, offsets)
    }

    /// Writes whether the cell at `offset` lies in the input, for each window.
    private mutating func isInside(_ offset: [Int], _ geometry: PoolingGeometry, _ input: Shape, _ output: Shape) -> StableHLOValue {
        let sides = (0..<2).map { axis in
            let holds = (0..<output[axis + 2]).map {
                geometry.isInside($0, offset[axis], axis: axis, extent: input[axis + 2]) ? 1.0 : 0
            }
            return broadcast(vector(holds, "i1"), to: output, axes: [axis + 2])
        }
        return emit("and", sides[0], sides[1])
    }
}

extension PoolingGeometry {
    /// Whether the cell at `offset` of window `place` along a spatial axis is one of the input's `extent` cells.
    fileprivate func isInside(_ place: Int, _ offset: Int, axis: Int, extent: Int) -> Bool {
        let at = place * strides[axis] + offset - padding[axis]
        return at >= 0 && at < extent
    }
}
