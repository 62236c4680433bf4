import HillockCore

/// Elements divided among the devices of a mesh.
final class ShardedBuffer: DeviceBuffer, @unchecked Sendable {
    /// What lies on each device. Asked by the engine whether anybody else holds it.
    var shards: Shards
    /// How it is divided.
    let division: Sharding
    /// Among which devices.
    let devices: MeshDevices

    init(type: TensorType, shards: Shards, _ sharding: Sharding, on devices: MeshDevices) {
        self.shards = shards
        division = sharding
        self.devices = devices
        super.init(type: type)
    }

    /// How it is divided.
    override var sharding: Sharding? { division }

    /// What each device holds, as the plugin says.
    override func byteCounts() throws -> [Int] { try shards.memories.map { try $0.byteCount() } }

    /// Whether nobody but this buffer's owner holds any of it.
    func isUnique() -> Bool { isKnownUniquelyReferenced(&shards) && shards.areUnique() }

    // MARK: - Reading

    /// The elements, put together from all devices; waits for them.
    override func hostArray() throws -> HostArray {
        let type = partType
        return whole(try parts.map { ($0.start, try $0.memory.read(type)) })
    }

    /// The elements, without keeping a thread waiting.
    override func loadHostArray() async throws -> HostArray {
        var arrays: [(start: [Int], array: HostArray)] = []
        for part in parts { arrays.append((part.start, try await part.memory.load(partType))) }
        return whole(arrays)
    }

    private var partType: TensorType { TensorType(type.dtype, division.partShape(of: type.shape, on: devices.mesh)) }

    /// Where each part begins, and a device that has it: several may have the same.
    private var parts: [(start: [Int], memory: DeviceMemory)] {
        var found: Set<[Int]> = []
        return shards.memories.enumerated().compactMap { device, memory in
            let start = division.start(of: device, in: type.shape, on: devices.mesh)
            return found.insert(start).inserted ? (start, memory) : nil
        }
    }

    private func whole(_ parts: [(start: [Int], array: HostArray)]) -> HostArray {
        if parts.count == 1 { return parts[0].array }
        let whole = HostArray(dtype: type.dtype, shape: type.shape, storage: Storage(byteCount: type.byteCount))
        for (start, array) in parts { whole.fill(from: start, with: array) }
        return whole
    }
}

/// One buffer on each device of a mesh, in the mesh's order.
final class Shards: @unchecked Sendable {
    private(set) var memories: [DeviceMemory]

    init(_ memories: [DeviceMemory]) { self.memories = memories }

    /// Whether nobody else holds any of the buffers, as an array on the host does that is a view of one.
    func areUnique() -> Bool { memories.indices.allSatisfy { isKnownUniquelyReferenced(&memories[$0]) } }
}
