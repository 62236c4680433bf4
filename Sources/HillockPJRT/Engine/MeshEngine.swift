import HillockCore

/// Runs programs on the devices of a mesh at once: XLA's partitioner divides them by what is said of their inputs and results.
public struct MeshEngine: Engine {
    /// `xla-cpu:data=4,model=2`
    public let name: String
    /// The devices.
    package let devices: MeshDevices

    /// Drives devices of a client of one's own.
    package init(_ devices: MeshDevices) {
        self.devices = devices
        name = "\(devices.client.plugin.kind.name):\(devices.mesh)"
    }

    /// Their grid.
    public var mesh: Mesh? { devices.mesh }

    /// Devices and versions, for reports: `8 x NVIDIA H200, PJRT 0.116, StableHLO 1.22.0`.
    public var details: String {
        "\(devices.accelerators.count) x \(devices.accelerators[0].kind), \(devices.accelerators[0].plugin.versionText)"
    }

    /// Makes the program's text; it is compiled when it first runs, since only then it is known how its arguments lie.
    /// - Throws: ``StableHLOError`` where an operation has no text.
    public func plan(_ program: Program) throws -> any Plan { try MeshPlan(pipeline.run(program), self) }
}

extension MeshEngine: LinkedMeshEngine {
    /// XLA's devices on the CPU are threads: more would stand in each other's way.
    private static let virtualDeviceLimit = 256

    /// The first devices of a kind, by the plugin that ``PluginCatalog`` finds. XLA on the CPU has as many as the mesh wants.
    /// - Throws: ``PJRTError`` where there is no plugin, it does not start, or it has too few devices.
    public init(kind: String, mesh: Mesh) throws {
        guard let known = PluginKind(rawValue: kind) else {
            throw PJRTError(.notFound, device: kind, action: "use this device", reason: "there is no plugin of this kind")
        }
        var options = known.options
        if known == .xlaCPU {
            guard mesh.deviceCount <= Self.virtualDeviceLimit else {
                throw PJRTError(
                    .notFound, device: kind, action: "use a mesh of \(mesh)",
                    reason: "it takes \(mesh.deviceCount) devices, and at most \(Self.virtualDeviceLimit) can be had on a CPU")
            }
            options["cpu_device_count"] = .integer(mesh.deviceCount)
        }
        self.init(try MeshDevices(mesh, of: Client.shared(PluginCatalog.current.entry(known), options: options)))
    }
}

extension MeshEngine: CompilingEngine {
    /// The passes of every engine that hands its programs to XLA.
    package var pipeline: Pipeline { PJRTEngine.pipeline }

    /// The text that the plugin compiles, with parameters whole on every device.
    package func planStages(of program: Program) throws -> [PlanDetails.Stage] {
        let placement = program.placement(
            on: devices.mesh, inputs: program.inputs.map { _ in nil }, outputs: program.outputs.map { _ in nil })
        let lines = try program.stableHLO(on: placement).split(separator: "\n").map(String.init)
        let summary = "the program as text, which the plugin divides and compiles"
        return [PlanDetails.Stage(name: planStageNames[0], summary: summary, decisions: lines)]
    }

    /// `stablehlo`
    package var planStageNames: [String] { ["stablehlo"] }
}
