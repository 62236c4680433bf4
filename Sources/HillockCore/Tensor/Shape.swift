/// The extents of a tensor along its axes, outermost first; row-major order everywhere.
public struct Shape: Hashable, Sendable {
    /// Extent of each axis.
    public let dimensions: [Int]

    /// A shape with these extents; the empty list is a scalar's shape.
    public init(_ dimensions: [Int]) {
        self.dimensions = dimensions
    }

    /// The shape `[]` of a scalar.
    public static let scalar = Shape([])

    /// Number of axes.
    public var rank: Int { dimensions.count }

    /// Number of elements: the product of the extents, 1 for a scalar.
    public var count: Int { dimensions.reduce(1, *) }

    /// Extent of an axis; negative axes count from the end.
    public subscript(axis: Int) -> Int { dimensions[axis < 0 ? axis + rank : axis] }

    /// Row-major strides, in elements.
    public var strides: [Int] {
        var strides = [Int](repeating: 1, count: rank)
        for axis in stride(from: rank - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * dimensions[axis + 1]
        }
        return strides
    }

    /// The extents with one axis replaced.
    public func replacing(axis: Int, with extent: Int) -> Shape {
        var copy = dimensions
        copy[axis] = extent
        return Shape(copy)
    }

    /// The extents without the given axes.
    public func removing(axes: [Int]) -> Shape {
        Shape(dimensions.indices.filter { !axes.contains($0) }.map { dimensions[$0] })
    }

    /// Whether these are the last extents of a shape of higher rank, so that it can be broadcast there by repeating it.
    func isTail(of other: Shape) -> Bool {
        let lead = other.rank - rank
        guard lead > 0 else { return false }
        for axis in dimensions.indices where dimensions[axis] != other.dimensions[lead + axis] { return false }
        return true
    }

    /// The shape of `self` and `other` combined by NumPy's broadcasting, or `nil` where two extents differ and neither is 1.
    public func broadcast(with other: Shape) -> Shape? {
        if self == other { return self }
        let rank = Swift.max(self.rank, other.rank)
        var result = [Int](repeating: 1, count: rank)
        for back in 1...Swift.max(rank, 1) where back <= rank {
            let a = back <= self.rank ? dimensions[self.rank - back] : 1
            let b = back <= other.rank ? other.dimensions[other.rank - back] : 1
            guard a == b || a == 1 || b == 1 else { return nil }
            result[rank - back] = a == 1 ? b : a
        }
        return Shape(result)
    }
}

extension Shape: ExpressibleByArrayLiteral {
    /// `[2, 3]` as a shape.
    public init(arrayLiteral elements: Int...) {
        self.init(elements)
    }
}

extension Shape: CustomStringConvertible {
    /// `[2, 3]`
    public var description: String { "\(dimensions)" }
}
