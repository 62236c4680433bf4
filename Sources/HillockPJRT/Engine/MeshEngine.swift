import HillockCore

/// Runs programs on the devices of a mesh at once: XLA's partitioner divides them by what is said of their inputs and results.
public struct MeshEngine: Engine {
    /// `xla-cpu (data=4, model=2)`
    public let name: String
    /// The devices.
    package let devices: MeshDevices

    /// Drives devices of a client of one's own.
    package init(_ devices: MeshDevices) {
        self.devices = devices
        name = "\(devices.client.plugin.kind.name) (\(devices.mesh))"
    }

    /// Makes the program's text; it is compiled when it first runs, since only then it is known how its arguments lie.
    /// - Throws: ``StableHLOError`` where an operation has no text.
    public func plan(_ program: Program) throws -> any Plan { try MeshPlan(PJRTEngine.pipeline.run(program), self) }
}

extension MeshEngine: LinkedMeshEngine {
    /// The first devices of a kind, by the plugin that ``PluginCatalog`` finds. XLA on the CPU has as many as the mesh wants.
    /// - Throws: ``PJRTError`` where there is no plugin, it does not start, or it has too few devices.
    public init(kind: String, mesh: Mesh) throws {
        guard let known = PluginKind(rawValue: kind) else {
            throw PJRTError(.notFound, device: kind, action: "use this device", reason: "there is no plugin of this kind")
        }
        let options: [String: Client.Option] = known == .xlaCPU ? ["cpu_device_count": .integer(mesh.deviceCount)] : [:]
        self.init(try MeshDevices(mesh, of: Client.shared(PluginCatalog.current.entry(known), options: options)))
    }
}

/// A program as a plugin runs it on several devices.
final class MeshPlan: Plan {
    /// The program compiled for arguments that lie in certain ways, of which some may be taken over.
    private struct Variant {
        let known: [Sharding?]
        let isDonated: [Bool]
        let placement: Program.Placement
        let executable: Executable
    }

    private let program: Program
    private let engine: MeshEngine
    private let types: [TensorType]
    private var variants: [Variant] = []
    private var scalars: [(value: Scalar, shards: Shards)?]

    init(_ program: Program, _ engine: MeshEngine) throws {
        self.program = program
        self.engine = engine
        types = program.outputs.map(program.type(of:))
        scalars = program.inputs.map { _ in nil }
        // An operation without text is known where the plan is made, not where it runs.
        _ = try program.stableHLO(on: program.placement(on: engine.devices.mesh, known: program.inputs.map { _ in nil }))
    }

    func run(_ arguments: inout [Argument], results: inout [DeviceBuffer]) throws {
        var known = [Sharding?](repeating: nil, count: arguments.count)
        var isDead = [Bool](repeating: false, count: arguments.count)
        for position in arguments.indices {
            guard case .buffer(var value) = arguments[position] else { continue }
            guard value.type == program.inputs[position].type else {
                throw PJRTError(
                    .mismatch, device: engine.name, action: "run the program",
                    reason: "argument \(position) is \(value.type), the program was made for \(program.inputs[position].type)")
            }
            // For now the variable alone holds it, if nobody else does.
            arguments[position] = .scalar(.integer(0))
            isDead[position] = isKnownUniquelyReferenced(&value)
            if let buffer = value as? ShardedBuffer, buffer.devices.isSame(as: engine.devices) {
                known[position] = buffer.division
                isDead[position] = isDead[position] && isKnownUniquelyReferenced(&buffer.shards)
            }
            arguments[position] = .buffer(value)
        }
        let variant = try variant(known, isDead)
        let shards = try arguments.indices.map { try self.shards(of: arguments[$0], at: $0, variant.placement.inputs[$0], isDead[$0]) }
        let lists = engine.devices.accelerators.indices.map { device in shards.map { $0.memories[device] } }
        let outputs = try variant.executable.run(lists)
        for (position, type) in types.enumerated() {
            results.append(
                ShardedBuffer(
                    type: type, shards: Shards(outputs.map { $0[position] }), variant.placement.outputs[position], on: engine.devices))
        }
    }

    /// An argument on the devices; what had to be copied there is remembered with it, unless it is dead.
    private func shards(of argument: Argument, at position: Int, _ sharding: Sharding, _ isDead: Bool) throws -> Shards {
        switch argument {
        case .scalar(let scalar):
            if let known = scalars[position], known.value.isSame(as: scalar) { return known.shards }
            let shards = try engine.devices.upload(HostArray(scalar, dtype: program.inputs[position].type.dtype), .replicated)
            scalars[position] = (scalar, shards)
            return shards
        case .buffer(let value):
            if let buffer = value as? ShardedBuffer, buffer.devices.isSame(as: engine.devices) { return buffer.shards }
            if let copy = value.notes as? ShardedCopy, copy.sharding == sharding, copy.devices.isSame(as: engine.devices) { return copy.shards }
            let shards = try engine.devices.upload(value.hostArray(), sharding)
            if !isDead { value.notes = ShardedCopy(shards, sharding, engine.devices) }
            return shards
        }
    }

    private func variant(_ known: [Sharding?], _ isDead: [Bool]) throws -> Variant {
        if let variant = variants.first(where: { $0.known == known && $0.isDonated == isDead }) { return variant }
        let placement = program.placement(on: engine.devices.mesh, known: known)
        let donated = Set(isDead.indices.filter { isDead[$0] && !program.inputs[$0].isScalar })
        let shapes = zip(types, placement.outputs).map { $1.partShape(of: $0.shape, on: engine.devices.mesh).dimensions }
        func isRight(_ executable: Executable) -> Bool { executable.results.map(\.shape) == shapes }
        let executable = try engine.devices.client.executable(
            program.stableHLO(donating: donated, on: placement), for: engine.devices.accelerators, where: isRight)
        guard isRight(executable) else {
            throw PJRTError(
                .internal, device: engine.name, action: "compile the program",
                reason: "each device's results are \(executable.results.map(\.shape)), expected \(shapes)")
        }
        let variant = Variant(known: known, isDonated: isDead, placement: placement, executable: executable)
        // Programs are run in few ways.
        if variants.count == 8 { variants.removeFirst() }
        variants.append(variant)
        return variant
    }

    var explanation: String {
        let placement = variants.last?.placement ?? program.placement(on: engine.devices.mesh, known: program.inputs.map { _ in nil })
        return (try? program.stableHLO(on: placement)) ?? details.description
    }

    var details: PlanDetails {
        let step = PlanDetails.Step(
            kernel: "XLA program of \(program.instructions.count) operations on \(engine.devices.mesh.deviceCount) devices",
            reads: program.inputs.indices.map { "%\($0)" }, writes: program.outputs.map { "%\($0)" },
            floatingPointOperations: program.floatingPointOperations)
        return PlanDetails(steps: [step])
    }
}

/// A copy of a value on the devices of a mesh.
private final class ShardedCopy {
    let shards: Shards
    let sharding: Sharding
    let devices: MeshDevices

    init(_ shards: Shards, _ sharding: Sharding, _ devices: MeshDevices) { (self.shards, self.sharding, self.devices) = (shards, sharding, devices) }
}

extension MeshDevices {
    /// Whether both are the same devices in the same grid.
    func isSame(as other: MeshDevices) -> Bool { self === other || (client === other.client && mesh == other.mesh) }
}
