import HillockCore

/// A program as a plugin runs it.
final class PJRTPlan: Plan {
    /// The program compiled to take the memory of some arguments.
    private struct Variant {
        /// For each argument whether its memory is taken.
        let isDonated: [Bool]
        let executable: Executable
    }

    private let program: Program
    private let engine: PJRTEngine
    private let explainer: ProgramExplanation
    private let types: [TensorType]
    /// For each argument whether there is a result that could take its memory.
    private let isDonatable: [Bool]
    private var variants: [Variant] = []
    /// How many are kept: programs are run in few ways, with their arguments in use elsewhere or not.
    private static let variantLimit = 4

    // Of one run, kept so that the next one need not ask for memory.
    private let pointers: UnsafeMutableBufferPointer<OpaquePointer?>
    private let outputs: UnsafeMutablePointer<OpaquePointer?>
    private var isDead: [Bool]
    private var uploads: [DeviceMemory] = []
    /// Numbers that are on the device already.
    private var scalars: [(value: Scalar, memory: DeviceMemory)?]

    init(_ program: Program, _ engine: PJRTEngine) throws {
        self.program = program
        self.engine = engine
        explainer = ProgramExplanation(program, on: engine.accelerator, named: engine.name)
        types = program.outputs.map(program.type(of:))
        let sizes = Set(types.map(\.byteCount))
        isDonatable = program.inputs.map { !$0.isScalar && sizes.contains($0.type.byteCount) }
        isDead = [Bool](repeating: false, count: program.inputs.count)
        scalars = program.inputs.map { _ in nil }
        pointers = .allocate(capacity: program.inputs.count)
        pointers.initialize(repeating: nil)
        outputs = .allocate(capacity: Swift.max(types.count, 1))
        outputs.initialize(repeating: nil, count: types.count)
        // An operation without text is known where the plan is made, not where it runs.
        _ = try program.stableHLO()
    }

    deinit {
        pointers.deallocate()
        outputs.deallocate()
    }

    func run(_ arguments: inout [Argument], results: inout [DeviceBuffer]) throws {
        defer { uploads.removeAll(keepingCapacity: true) }
        do {
            for position in arguments.indices { try place(&arguments[position], at: position) }
            let (executable, kept) = try variant()
            let observer = Observation.observer
            let begin = observer == nil ? 0 : Observation.now
            try executable.run(UnsafeBufferPointer(pointers), keeping: kept, into: outputs)
            let first = results.count
            for (position, type) in types.enumerated() {
                let memory = DeviceMemory(engine.accelerator.client, outputs[position].unsafelyUnwrapped)
                results.append(PJRTBuffer(type: type, memory: memory, on: engine.accelerator, explainer))
            }
            if let observer {
                // Who asks how long it takes wants the work's time, not that of handing it over.
                for case let result as PJRTBuffer in results[first...] { try result.memory.wait() }
                observer.ran(step: 0, from: begin, to: Observation.now)
            }
        } catch let error as PJRTError {
            throw explainer.explained(error)
        }
    }

    // MARK: - Arguments

    /// Brings an argument to the device if it is not there, and notes whether its memory may be taken.
    @inline(__always)
    private func place(_ argument: inout Argument, at position: Int) throws {
        switch argument {
        case .scalar(let scalar):
            pointers[position] = try memory(of: scalar, at: position).pointer
        case .buffer(var value):
            // For now the variable alone holds it, if nobody else does.
            argument = .scalar(.integer(0))
            defer { argument = .buffer(value) }
            let isUnique = isDonatable[position] && isKnownUniquelyReferenced(&value)
            guard value.type == program.inputs[position].type else {
                throw PJRTError(
                    .mismatch, device: engine.name, action: "run the program",
                    reason: "argument \(position) is \(value.type), the program was made for \(program.inputs[position].type)")
            }
            if let buffer = value as? PJRTBuffer, buffer.accelerator.client === engine.accelerator.client,
                buffer.accelerator.ordinal == engine.accelerator.ordinal
            {
                isDead[position] = isUnique && isKnownUniquelyReferenced(&buffer.memory)
                pointers[position] = buffer.memory.pointer
            } else {
                isDead[position] = isUnique
                pointers[position] = try copy(of: value, isOwn: isUnique).pointer
            }
        }
    }

    /// A number on the device; the one of the last run if it is the same to the last bit.
    private func memory(of scalar: Scalar, at position: Int) throws(PJRTError) -> DeviceMemory {
        if let known = scalars[position], known.value.isSame(as: scalar) { return known.memory }
        let memory = try engine.accelerator.upload(scalar, as: program.inputs[position].type.dtype)
        scalars[position] = (scalar, memory)
        return memory
    }

    /// The elements of a buffer that lies elsewhere; kept with it for the next run, unless it is dead.
    private func copy(of value: DeviceBuffer, isOwn: Bool) throws -> DeviceMemory {
        let copies = value.notes as? DeviceCopies
        if !isOwn, let known = copies?[engine.accelerator] { return known }
        let memory: DeviceMemory
        if let buffer = value as? PJRTBuffer, buffer.accelerator.client === engine.accelerator.client {
            memory = try buffer.memory.copied(to: engine.accelerator)
        } else {
            memory = try engine.accelerator.upload(value.hostArray(), isOwn: isOwn)
        }
        if isOwn {
            uploads.append(memory)
        } else {
            let copies = copies ?? DeviceCopies()
            copies[engine.accelerator] = memory
            value.notes = copies
        }
        return memory
    }

    // MARK: - Executables

    /// The executable for the arguments that are dead now, and which of those that it would take must be kept.
    @inline(__always)
    private func variant() throws -> (Executable, [Int64]) {
        for variant in variants where variant.isDonated == isDead { return (variant.executable, []) }
        return try otherVariant()
    }

    private func otherVariant() throws -> (Executable, [Int64]) {
        if variants.count < Self.variantLimit {
            let donated = Set(isDead.indices.filter { isDead[$0] })
            let executable = try engine.accelerator.client.executable(
                program.stableHLO(donating: donated), for: [engine.accelerator], where: isRight)
            guard isRight(executable) else {
                throw PJRTError(
                    .internal, device: engine.name, action: "compile the program",
                    reason: "its results are \(executable.results), expected \(types)")
            }
            variants.append(Variant(isDonated: isDead, executable: executable))
            return (executable, [])
        }
        // The one that takes most of what it may take; failing that, any, which then copies what it must not.
        func count(_ variant: Variant) -> Int { variant.isDonated.count(where: \.self) }
        let fitting = variants.filter { zip($0.isDonated, isDead).allSatisfy { !$0 || $1 } }
        if let best = fitting.max(by: { count($0) < count($1) }) { return (best.executable, []) }
        let other = variants[0]
        return (other.executable, isDead.indices.filter { other.isDonated[$0] && !isDead[$0] }.map { Int64($0) })
    }

    /// Whether an executable gives what the program does.
    private func isRight(_ executable: Executable) -> Bool {
        executable.results.count == types.count
            && zip(executable.results, types).allSatisfy {
                $0.elementType == $1.dtype.elementType.rawValue && $0.shape == $1.shape.dimensions
            }
    }

    // MARK: - Words

    var explanation: String { (try? program.stableHLO(donating: Set(isDead.indices.filter { isDead[$0] }))) ?? details.description }

    var details: PlanDetails {
        let inputs = program.inputs.indices.map { "%\($0)" }
        let byteCount = program.inputs.reduce(0) { $0 + $1.type.byteCount } + types.reduce(0) { $0 + $1.byteCount }
        let step = PlanDetails.Step(
            kernel: "XLA program of \(program.instructions.count) operations on \(engine.accelerator.kind)", reads: inputs,
            writes: program.outputs.map { "%\($0)" }, floatingPointOperations: program.floatingPointOperations, byteCount: byteCount)
        let memory = variants.compactMap { variant -> String? in
            guard let memory = variant.executable.memory else { return nil }
            return
                "code \(ByteCount.text(memory.code)), arguments \(ByteCount.text(memory.arguments)), results \(ByteCount.text(memory.results)), "
                + "of these over arguments \(ByteCount.text(memory.donated)), meanwhile \(ByteCount.text(memory.temporary))"
        }
        return PlanDetails(steps: [step], memory: memory)
    }
}

extension Scalar {
    /// Whether both are the same number to the last bit: zero has two signs.
    func isSame(as other: Scalar) -> Bool {
        switch (self, other) {
        case (.real(let a), .real(let b)): a.bitPattern == b.bitPattern
        case (.integer(let a), .integer(let b)): a == b
        case (.real, .integer), (.integer, .real): false
        }
    }
}
