import HillockCore

/// A program as a plugin runs it on several devices.
final class MeshPlan: DistributedPlan {
    /// How arguments and results may lie: what was known of them, and what follows.
    private struct Way {
        let arguments: [Sharding?]
        let results: [Sharding?]
        let placement: Program.Placement
    }

    /// The program compiled for arguments and results that lie in certain ways, of which some arguments may be taken over.
    private struct Variant {
        let placement: Program.Placement
        let isDonated: [Bool]
        let executable: Executable
    }

    private let program: Program
    private let engine: MeshEngine
    private let types: [TensorType]
    private var ways: [Way] = []
    private var variants: [Variant] = []
    /// How many of each are kept: programs are run in few ways.
    private static let limit = 8
    /// How parameters shall lie in the next run.
    private var wantedArguments: [Sharding?]
    private var wantedResults: [Sharding?]
    /// Numbers that are on the devices already.
    private var scalars: [(value: Scalar, shards: Shards)?]

    init(_ program: Program, _ engine: MeshEngine) throws {
        self.program = program
        self.engine = engine
        types = program.outputs.map(program.type(of:))
        wantedArguments = program.inputs.map { _ in nil }
        wantedResults = program.outputs.map { _ in nil }
        scalars = program.inputs.map { _ in nil }
        // An operation without text is known where the plan is made, not where it runs.
        _ = try program.stableHLO(on: program.placement(on: engine.devices.mesh, inputs: wantedArguments, outputs: wantedResults))
    }

    func place(arguments: [Sharding?], results: [Sharding?]) { (wantedArguments, wantedResults) = (arguments, results) }

    func run(_ arguments: inout [Argument], results: inout [DeviceBuffer]) throws {
        try checkWhatIsWanted()
        var known = wantedArguments
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
                known[position] = known[position] ?? buffer.division
                isDead[position] = isDead[position] && buffer.isUnique()
            }
            arguments[position] = .buffer(value)
        }
        do {
            let variant = try variant(placement(known), isDead)
            let shards = try arguments.indices.map { try self.shards(of: arguments[$0], at: $0, variant.placement.inputs[$0], isDead[$0]) }
            let observer = Observation.observer
            let begin = observer == nil ? 0 : Observation.now
            let lists = engine.devices.accelerators.indices.map { device in shards.map { $0.memories[device] } }
            let outputs = try variant.executable.run(lists)
            for (position, type) in types.enumerated() {
                let shards = Shards(outputs.map { $0[position] })
                results.append(ShardedBuffer(type: type, shards: shards, variant.placement.outputs[position], on: engine.devices))
            }
            if let observer {
                // Who asks how long it takes wants the work's time, not that of handing it over.
                for memory in outputs.joined() { try memory.wait() }
                observer.ran(step: 0, from: begin, to: Observation.now)
            }
        } catch var error as PJRTError {
            if error.device == engine.devices.client.plugin.kind.name { error.device = engine.name }
            throw error
        }
    }

    // MARK: - Arguments

    /// An argument on the devices; what had to be copied there is remembered with it, unless it is dead.
    private func shards(of argument: Argument, at position: Int, _ sharding: Sharding, _ isDead: Bool) throws -> Shards {
        switch argument {
        case .scalar(let scalar):
            if let known = scalars[position], known.value.isSame(as: scalar) { return known.shards }
            let shards = try engine.devices.upload(HostArray(scalar, dtype: program.inputs[position].type.dtype), .replicated)
            scalars[position] = (scalar, shards)
            return shards
        case .buffer(let value):
            if let buffer = value as? ShardedBuffer, buffer.division == sharding, buffer.devices.isSame(as: engine.devices) {
                return buffer.shards
            }
            if let copy = value.notes as? ShardedCopy, copy.sharding == sharding, copy.devices.isSame(as: engine.devices) {
                return copy.shards
            }
            let shards = try engine.devices.upload(value.hostArray(), sharding)
            if !isDead { value.notes = ShardedCopy(shards, sharding, engine.devices) }
            return shards
        }
    }

    // MARK: - Executables

    /// Parameters were placed with a mesh in mind; this may be another.
    private func checkWhatIsWanted() throws {
        let mesh = engine.devices.mesh
        for (sharding, type) in zip(wantedArguments + wantedResults, program.inputs.map(\.type) + types) {
            guard let fault = sharding?.fault(for: type, on: mesh) else { continue }
            throw PJRTError(
                .mismatch, device: engine.name, action: "place a parameter", reason: fault.message,
                hint: "place the model on the mesh that it is computed on")
        }
    }

    private func placement(_ known: [Sharding?]) -> Program.Placement {
        if let way = ways.first(where: { $0.arguments == known && $0.results == wantedResults }) { return way.placement }
        let placement = program.placement(on: engine.devices.mesh, inputs: known, outputs: wantedResults)
        if ways.count == Self.limit { ways.removeFirst() }
        ways.append(Way(arguments: known, results: wantedResults, placement: placement))
        return placement
    }

    private func variant(_ placement: Program.Placement, _ isDead: [Bool]) throws -> Variant {
        if let variant = variants.first(where: { $0.isDonated == isDead && $0.placement == placement }) { return variant }
        let donated = Set(isDead.indices.filter { isDead[$0] })
        let results = zip(types, placement.outputs).map {
            (elementType: $0.dtype.elementType.rawValue, shape: $1.partShape(of: $0.shape, on: engine.devices.mesh).dimensions)
        }
        func isRight(_ executable: Executable) -> Bool {
            executable.results.count == results.count && zip(executable.results, results).allSatisfy { $0 == $1 }
        }
        let executable = try engine.devices.client.executable(
            program.stableHLO(donating: donated, on: placement), for: engine.devices.accelerators, where: isRight)
        guard isRight(executable) else {
            throw PJRTError(
                .internal, device: engine.name, action: "compile the program",
                reason: "each device's results are \(executable.results.map(\.shape)), expected \(results.map(\.shape))")
        }
        let variant = Variant(placement: placement, isDonated: isDead, executable: executable)
        if variants.count == Self.limit { variants.removeFirst() }
        variants.append(variant)
        return variant
    }

    // MARK: - Words

    var explanation: String {
        let latest = variants.last?.placement
        let placement = latest ?? program.placement(on: engine.devices.mesh, inputs: wantedArguments, outputs: wantedResults)
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

    init(_ shards: Shards, _ sharding: Sharding, _ devices: MeshDevices) {
        (self.shards, self.sharding, self.devices) = (shards, sharding, devices)
    }
}
