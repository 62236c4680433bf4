extension Shape {
    /// Calls `body` with every index in row-major order.
    package func forEachIndex(_ body: ([Int]) -> Void) {
        guard count > 0 else { return }
        var index = [Int](repeating: 0, count: rank)
        while true {
            body(index)
            var axis = rank - 1
            while axis >= 0 {
                index[axis] += 1
                if index[axis] < dimensions[axis] { break }
                index[axis] = 0
                axis -= 1
            }
            if axis < 0 { return }
        }
    }

    /// Flat row-major position of an index.
    package func position(of index: [Int]) -> Int {
        zip(index, dimensions).reduce(0) { $0 * $1.1 + $1.0 }
    }

    /// Flat position in `source`, whose shape this is not, for every index of this shape.
    package func positions(in source: Shape, _ map: ([Int]) -> [Int]) -> [Int] {
        var result: [Int] = []
        result.reserveCapacity(count)
        forEachIndex { result.append(source.position(of: map($0))) }
        return result
    }
}

extension Tensor {
    /// An axis counted from the front; a wrong one stops the call that names it (0 during validation).
    func checkedAxis(_ axis: Int, _ operation: String, at location: SourceLocation?) -> Int {
        if axis >= -rank && axis < rank { return axis < 0 ? axis + rank : axis }
        let range = rank == 0 ? "it has none" : "expected \(-rank)...\(rank - 1)"
        misuse(ShapeError(operation, "axis \(axis) is out of range for shape \(shape): \(range)"), at: location)
        return 0
    }
}
