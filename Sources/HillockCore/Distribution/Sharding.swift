/// How a tensor is divided among the devices of a ``Mesh``: for each of the tensor's axes the mesh's axes that divide it. Along the mesh's
/// other axes every device has the same.
public struct Sharding: Hashable, Sendable, CustomStringConvertible {
    /// For each axis of the tensor names of axes of the mesh, outermost first; axes at the end that nothing divides are left out.
    public let axes: [[String]]

    /// The whole tensor on every device.
    public static let replicated = Sharding([])

    /// A division of these axes.
    public init(_ axes: [[String]]) {
        self.axes = Array(axes.reversed().drop(while: \.isEmpty).reversed())
    }

    /// A division of one axis by one axis of the mesh.
    public init(axis: Int, by name: String) {
        self.init([[String]](repeating: [], count: axis) + [[name]])
    }

    /// Whether every device has the whole.
    public var isReplicated: Bool { axes.isEmpty }

    /// `[data, -]`
    public var description: String { "[\(axes.map { $0.isEmpty ? "-" : $0.joined(separator: "+") }.joined(separator: ", "))]" }

    // MARK: - On a mesh

    /// How many parts an axis is cut into.
    package func partCount(_ axis: Int, on mesh: Mesh) -> Int {
        axes.indices.contains(axis) ? axes[axis].reduce(1) { $0 * (mesh.size(of: $1) ?? 1) } : 1
    }

    /// Why a tensor cannot be divided so; `nil` where it can.
    package func fault(for type: TensorType, on mesh: Mesh) -> ShapeError? {
        let names = axes.flatMap(\.self)
        if let unknown = names.first(where: { mesh.size(of: $0) == nil }) {
            return ShapeError("shard", "the mesh (\(mesh)) has no axis \(unknown)")
        }
        if Set(names).count != names.count { return ShapeError("shard", "\(self) names an axis of the mesh twice") }
        guard axes.count <= type.shape.rank else {
            return ShapeError("shard", "\(self) divides axis \(axes.count - 1) of \(type), which has \(type.shape.rank)")
        }
        for axis in axes.indices where type.shape[axis] % partCount(axis, on: mesh) != 0 {
            let count = partCount(axis, on: mesh)
            return ShapeError(
                "shard", "axis \(axis) of \(type) cannot be divided among \(count) devices (mesh \(mesh), sharding \(self))",
                hint: "its extent must be a multiple of \(count)")
        }
        return nil
    }

    /// The shape of one device's part.
    package func partShape(of shape: Shape, on mesh: Mesh) -> Shape {
        Shape(shape.dimensions.enumerated().map { $0.element / partCount($0.offset, on: mesh) })
    }

    /// Where a device's part begins along each axis.
    package func start(of device: Int, in shape: Shape, on mesh: Mesh) -> [Int] {
        let coordinates = mesh.coordinates(of: device)
        return shape.dimensions.enumerated().map { axis, extent in
            guard axes.indices.contains(axis) else { return 0 }
            var part = 0
            for name in axes[axis] {
                let position = mesh.axes.firstIndex { $0.name == name }!
                part = part * mesh.axes[position].size + coordinates[position]
            }
            return part * (extent / partCount(axis, on: mesh))
        }
    }

    /// The attribute of Shardy's dialect for a value of a rank: `#sdy.sharding<@mesh, [{"data"}, {}]>`.
    ///
    /// - Parameters:
    ///   - priority: In which round the partitioner carries it on to other values, from 0.
    ///   - isOpen: Whether the partitioner may divide the other axes.
    package func attribute(rank: Int, priority: Int = 0, isOpen: Bool = false) -> String {
        let parts = (0..<rank).map { axis -> String in
            guard axes.indices.contains(axis), !axes[axis].isEmpty else { return isOpen ? "{?}" : "{}" }
            return "{\(axes[axis].map { "\"\($0)\"" }.joined(separator: ", "))}\(priority > 0 ? "p\(priority)" : "")"
        }
        return "#sdy.sharding<@mesh, [\(parts.joined(separator: ", "))]>"
    }
}
