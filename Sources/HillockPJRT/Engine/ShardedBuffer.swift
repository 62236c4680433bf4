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

    /// The elements, put together from all devices; waits for them.
    override func hostArray() throws -> HostArray {
        if division.isReplicated { return try shards.memories[0].read(type) }
        let whole = HostArray(dtype: type.dtype, shape: type.shape, storage: Storage(byteCount: type.byteCount))
        let part = TensorType(type.dtype, division.partShape(of: type.shape, on: devices.mesh))
        var written: Set<[Int]> = []
        for (device, memory) in shards.memories.enumerated() {
            let start = division.start(of: device, in: type.shape, on: devices.mesh)
            // Devices that have the same are read once.
            if written.insert(start).inserted { whole.fill(from: start, with: try memory.read(part)) }
        }
        return whole
    }
}

/// One buffer on each device of a mesh, in the mesh's order.
final class Shards: Sendable {
    let memories: [DeviceMemory]

    init(_ memories: [DeviceMemory]) { self.memories = memories }
}

/// The devices that a mesh stands for.
package final class MeshDevices: Sendable {
    /// Their grid.
    package let mesh: Mesh
    /// They, in the mesh's order.
    package let accelerators: [Accelerator]

    /// The first devices of a client.
    /// - Throws: ``PJRTError`` where there are too few.
    package init(_ mesh: Mesh, of client: Client) throws(PJRTError) {
        guard client.devices.count >= mesh.deviceCount else {
            throw PJRTError(
                .notFound, device: client.plugin.kind.name, action: "use a mesh of \(mesh)",
                reason: "it takes \(mesh.deviceCount) devices and there are \(client.devices.count)", hint: "hillock devices lists them")
        }
        var accelerators: [Accelerator] = []
        for ordinal in 0..<mesh.deviceCount { accelerators.append(try client.device(ordinal)) }
        self.mesh = mesh
        self.accelerators = accelerators
    }

    var client: Client { accelerators[0].client }

    /// Copies elements to the devices, to each its part.
    func upload(_ array: HostArray, _ sharding: Sharding) throws -> Shards {
        let shape = sharding.partShape(of: array.shape, on: mesh)
        var parts: [[Int]: HostArray] = [:]
        return Shards(
            try accelerators.indices.map { device in
                let start = sharding.start(of: device, in: array.shape, on: mesh)
                let part = parts[start] ?? array.part(from: start, shape)
                parts[start] = part
                // Each device's own, so that it can be taken over.
                return try accelerators[device].upload(part, isOwn: true)
            })
    }
}
