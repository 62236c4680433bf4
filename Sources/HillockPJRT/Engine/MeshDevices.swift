import HillockCore

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

    /// Whether both are the same devices in the same grid.
    func isSame(as other: MeshDevices) -> Bool { self === other || (client === other.client && mesh == other.mesh) }

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
