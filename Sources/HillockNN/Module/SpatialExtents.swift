import HillockCore

/// A number for each of the two spatial axes: `3` means 3 × 3, `[3, 5]` means 3 along the height and 5 along the width.
public protocol SpatialExtents: Sendable {
    /// The numbers along height and width; not two of them if what was written means no pair.
    var spatialExtents: [Int] { get }
}

extension Int: SpatialExtents {
    /// The number for both axes.
    public var spatialExtents: [Int] { [self, self] }
}

extension [Int]: SpatialExtents {
    /// Height, width.
    public var spatialExtents: [Int] { self }
}

extension SpatialExtents {
    /// Height and width; anything but two numbers stops the layer's initialiser.
    func pair(_ name: String, of operation: String) -> (Int, Int) {
        let extents = spatialExtents
        guard extents.count == 2 else {
            misuse(ShapeError(operation, "\(name) is \(extents), expected one number or two: [height, width]"))
            return (1, 1)
        }
        return (extents[0], extents[1])
    }
}
