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
            return ShapeError("shard", "\(self) divides axis \(axes.count - 1), and \(type) has \(type.shape.rank)")
        }
        for axis in axes.indices where type.shape[axis] % partCount(axis, on: mesh) != 0 {
            return ShapeError(
                "shard", "axis \(axis) of \(type) cannot be divided among \(partCount(axis, on: mesh)) devices (mesh \(mesh), sharding \(self))",
                hint: "its extent must be a multiple of \(partCount(axis, on: mesh))")
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
    package func attribute(rank: Int) -> String {
        let parts = (0..<rank).map { axis in
            "{\((axes.indices.contains(axis) ? axes[axis] : []).map { "\"\($0)\"" }.joined(separator: ", "))}"
        }
        return "#sdy.sharding<@mesh, [\(parts.joined(separator: ", "))]>"
    }
}

extension HostArray {
    /// The elements of a box that begins at `start`.
    package func part(from start: [Int], _ shape: Shape) -> HostArray {
        if shape == self.shape { return self }
        let part = HostArray(dtype: dtype, shape: shape, storage: Storage(byteCount: shape.count * dtype.byteCount))
        eachRow(of: shape, at: start) { inside, within, byteCount in
            (part.storage.pointer + within).copyMemory(from: storage.pointer + inside, byteCount: byteCount)
        }
        return part
    }

    /// Writes the elements of a box that begins at `start`.
    package func fill(from start: [Int], with part: HostArray) {
        eachRow(of: part.shape, at: start) { inside, within, byteCount in
            (storage.pointer + inside).copyMemory(from: part.storage.pointer + within, byteCount: byteCount)
        }
    }

    /// Calls `body` with the place of each row of a box in this array and in the box, and its length, all in bytes.
    private func eachRow(of box: Shape, at start: [Int], _ body: (Int, Int, Int) -> Void) {
        let width = dtype.byteCount
        guard box.count > 0 else { return }
        guard box.rank > 0 else { return body(0, 0, width) }
        let row = box[box.rank - 1]
        for line in 0..<box.count / row {
            var (rest, place, stride) = (line, start[box.rank - 1], shape[box.rank - 1])
            for axis in (0..<box.rank - 1).reversed() {
                place += (start[axis] + rest % box[axis]) * stride
                rest /= box[axis]
                stride *= shape[axis]
            }
            body(place * width, line * row * width, row * width)
        }
    }
}
