/// Devices in a grid whose axes have names, such as `data` and `model`: what tensors are divided over.
///
/// A value: which devices these are, an engine says. Device `d` has the coordinates of `d` in row-major order.
public struct Mesh: Hashable, Sendable, CustomStringConvertible {
    /// One direction of the grid.
    public struct Axis: Hashable, Sendable {
        /// What shardings call it: letters, digits and underscores.
        public let name: String
        /// How many devices lie along it.
        public let size: Int

        /// An axis of this name and size.
        public init(_ name: String, _ size: Int) {
            self.name = name
            self.size = size
        }
    }

    /// The axes, outermost first.
    public let axes: [Axis]

    /// A grid of these axes, each of one device or more, under names of their own.
    public init(axes: [Axis]) {
        if let fault = Self.fault(of: axes) { misuse(fault) }
        self.axes = axes
    }

    /// Why there is no such grid; `nil` where there is.
    package static func fault(of axes: [Axis]) -> ShapeError? {
        if let wrong = axes.first(where: { $0.size < 1 }) {
            return ShapeError("mesh", "axis \(wrong.name) has \(wrong.size) devices, expected 1 or more")
        }
        // Programs spell the names.
        func isPlain(_ name: String) -> Bool {
            name.utf8.first.map { $0 > 57 } == true && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        }
        if let wrong = axes.first(where: { !isPlain($0.name) }) {
            return ShapeError("mesh", "an axis is called \"\(wrong.name)\", expected letters, digits and underscores, a letter first")
        }
        if Set(axes.map(\.name)).count != axes.count {
            return ShapeError("mesh", "two of the axes \(axes.map(\.name).joined(separator: ", ")) have the same name")
        }
        var count = 1
        for axis in axes {
            let (product, isTooMuch) = count.multipliedReportingOverflow(by: axis.size)
            if isTooMuch || product > 1 << 20 { return ShapeError("mesh", "it has more than \(1 << 20) devices") }
            count = product
        }
        return nil
    }

    /// `data` devices that see different samples, times `model` devices that divide the model.
    public init(data: Int = 1, model: Int = 1) {
        self.init(axes: [Axis("data", data), Axis("model", model)])
    }

    /// How many devices there are.
    public var deviceCount: Int { axes.reduce(1) { $0 * $1.size } }

    /// The devices along an axis; `nil` for a name that no axis has.
    public func size(of name: String) -> Int? { axes.first { $0.name == name }?.size }

    /// Where a device lies along each axis.
    package func coordinates(of device: Int) -> [Int] {
        var (rest, coordinates) = (device, [Int](repeating: 0, count: axes.count))
        for position in axes.indices.reversed() {
            coordinates[position] = rest % axes[position].size
            rest /= axes[position].size
        }
        return coordinates
    }

    /// `data=4,model=2`, as devices' names have it.
    public var description: String { axes.map { "\($0.name)=\($0.size)" }.joined(separator: ",") }
}
