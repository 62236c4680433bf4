import HillockCore

/// One piece of work of a plan: it reads and writes buffers by their pointers.
protocol Step: AnyObject {
    /// Buffers read.
    var reads: [BufferID] { get }
    /// Buffers written.
    var writes: [BufferID] { get }
    /// Bytes of memory needed meanwhile.
    var scratchByteCount: Int { get }
    /// Does the work. `pointers` is indexed by buffer.
    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) throws
    /// What it does, in a line for people; the plan adds what is read and written.
    var explanation: String { get }
    /// Floating-point operations of products and convolutions, where the step knows them better than the instruction that it is made for.
    var floatingPointOperations: Int? { get }
    /// Bytes that it has to move at least.
    func byteCount(_ buffers: [BufferInfo]) -> Int
}

extension Step {
    var floatingPointOperations: Int? { nil }

    /// What it reads and what it writes, each buffer once.
    func byteCount(_ buffers: [BufferInfo]) -> Int {
        Set(reads).reduce(0) { $0 + buffers[$1].byteCount } + Set(writes).reduce(0) { $0 + buffers[$1].byteCount }
    }
}

extension ArraySlice<any Step> {
    /// Runs the steps of a plan one after the other; who watches is told how long each took.
    func run(
        _ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer, _ observer: (any PlanObserver)?
    ) throws {
        guard let observer else {
            for step in self { try step.run(pointers, scratch: scratch) }
            return
        }
        for position in indices {
            let begin = Observation.now
            try self[position].run(pointers, scratch: scratch)
            observer.ran(step: position, from: begin, to: Observation.now)
        }
    }
}

/// A step that may write a buffer in the place of one that it reads.
protocol InPlaceStep: Step {
    /// What may share memory; both have the same size.
    var overlays: [(source: BufferID, target: BufferID)] { get }
}

/// A result that may be written over an argument that is dead by then.
struct Donation {
    let argument: Int
    let result: Int
}

/// Steps over planned memory.
final class CPUPlan: Plan {
    let program: Program
    /// All steps; the prologue's come first.
    let steps: [any Step]
    /// For each step the instruction that it is made for, if it is for one.
    let origins: [Int?]
    let prologue: Prologue?
    let buffers: [BufferInfo]
    let results: [(buffer: BufferID, type: TensorType)]
    let donations: [Donation]
    private let arena: MemoryPlan
    /// For each argument whether a result may take its memory.
    private let isDonated: [Bool]
    let scratchOffset: Int
    let arenaByteCount: Int
    private let pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private let scalarCells: UnsafeMutableRawPointer
    private let scalars: [(buffer: BufferID, argument: Int, dtype: DType)]
    private let arguments: [(buffer: BufferID, argument: Int)]
    let temporaries: [(buffer: BufferID, offset: Int)]
    // Of one run, kept so that the next one need not ask for memory: what owns each result's elements, and copies of arguments.
    private var owners: [CPUBuffer?]
    private var copies: [Storage] = []

    init(
        program: Program, steps: [any Step], origins: [Int?], prologue: Prologue?, buffers: [BufferInfo],
        results: [(buffer: BufferID, type: TensorType)], donations: [Donation]
    ) {
        self.program = program
        self.prologue = prologue
        self.steps = steps
        self.origins = origins
        self.buffers = buffers
        self.results = results
        self.donations = donations
        var isDonated = [Bool](repeating: false, count: program.inputs.count)
        for donation in donations { isDonated[donation.argument] = true }
        self.isDonated = isDonated

        var requests: [BufferID: MemoryPlan.Request] = [:]
        for (position, step) in steps.enumerated() {
            for buffer in step.reads + step.writes {
                guard case .temporary = buffers[buffer].kind else { continue }
                requests[buffer, default: .init(buffer: buffer, byteCount: buffers[buffer].byteCount, first: position, last: position)]
                    .last = position
            }
        }
        arena = MemoryPlan(requests.values.sorted { $0.buffer < $1.buffer })
        scratchOffset = arena.byteCount
        arenaByteCount = arena.byteCount + (steps.map(\.scratchByteCount).max() ?? 0) + 64

        pointers = .allocate(capacity: Swift.max(buffers.count, 1))
        scalarCells = .allocate(byteCount: Swift.max(buffers.count, 1) * 8, alignment: 64)
        pointers.initialize(repeating: scalarCells, count: buffers.count)
        var scalars: [(BufferID, Int, DType)] = []
        var arguments: [(BufferID, Int)] = []
        var temporaries: [(BufferID, Int)] = []
        for (id, buffer) in buffers.enumerated() {
            switch buffer.kind {
            case .constant(let storage): pointers[id] = storage.pointer
            case .scalar(let argument):
                pointers[id] = scalarCells + 8 * id
                scalars.append((id, argument, program.inputs[argument].type.dtype))
            case .argument(let argument): arguments.append((id, argument))
            case .temporary: if let offset = arena.offsets[id] { temporaries.append((id, offset)) }
            case .result, .kept: break
            }
        }
        self.scalars = scalars
        self.arguments = arguments
        self.temporaries = temporaries
        owners = [CPUBuffer?](repeating: nil, count: results.count)
    }

    deinit {
        pointers.deallocate()
        scalarCells.deallocate()
    }

    func run(_ arguments: inout [Argument], results: inout [DeviceBuffer]) throws {
        for (buffer, argument, dtype) in scalars {
            if case .scalar(let value) = arguments[argument] { value.write(to: pointers[buffer], as: dtype) }
        }
        defer { forget() }
        for (buffer, argument) in self.arguments { try place(&arguments[argument], of: argument, in: buffer) }
        for donation in donations { owners[donation.result] = Self.take(&arguments[donation.argument]) }
        for (position, result) in self.results.enumerated() {
            guard case .result(position) = buffers[result.buffer].kind else { continue }
            let owner = owners[position] ?? make(result)
            owners[position] = owner
            pointers[result.buffer] = owner.storage.pointer
        }
        StoragePool.shared.countRun()
        let memory = Arena.shared.memory(arenaByteCount)
        for (buffer, offset) in temporaries { pointers[buffer] = memory + offset }
        let observer = Observation.observer
        try prologue?.run(&arguments, pointers, scratch: memory + scratchOffset, observer)
        try steps.dropFirst(prologue?.steps.count ?? 0).run(pointers, scratch: memory + scratchOffset, observer)

        for (position, result) in self.results.enumerated() {
            switch buffers[result.buffer].kind {
            case .argument(let argument):
                guard case .buffer(let value) = arguments[argument] else { fatalError("[cpu] argument \(argument) is no buffer") }
                results.append(Self.view(of: value, as: result.type))
            case .result(let owner):
                // A dead argument of the same kind becomes the result itself.
                let value = owners[owner].unsafelyUnwrapped
                value.notes = nil
                let layout = buffers[result.buffer].layout
                let isSame = value.type == result.type && value.layout == layout
                results.append(isSame ? value : CPUBuffer(type: result.type, storage: value.storage, layout: layout))
            case .constant(let storage):
                results.append(HostBuffer(HostArray(dtype: result.type.dtype, shape: result.type.shape, storage: storage)))
            case .scalar, .temporary, .kept: fatalError("[cpu] result \(position) has no memory of its own")
            }
        }
    }

    /// Lets go of what belonged to one run.
    private func forget() {
        for position in owners.indices { owners[position] = nil }
        copies.removeAll(keepingCapacity: true)
    }

    /// New memory for a result.
    private func make(_ result: (buffer: BufferID, type: TensorType)) -> CPUBuffer {
        let info = buffers[result.buffer]
        return CPUBuffer(type: result.type, storage: StoragePool.shared.allocate(info.byteCount), layout: info.layout)
    }

    /// Points the steps to an argument's elements.
    private func place(_ argument: inout Argument, of position: Int, in buffer: BufferID) throws {
        guard case .buffer(let value) = argument else { return }
        let layout = buffers[buffer].layout
        if let value = value as? CPUBuffer, value.layout == layout {
            pointers[buffer] = value.storage.pointer
        } else if let value = value as? HostBuffer, layout == .plain {
            pointers[buffer] = value.array.storage.pointer
        } else {
            let copy = try Self.copy(of: value, in: layout, byteCount: buffers[buffer].byteCount, isKept: !isDonated[position])
            pointers[buffer] = copy.pointer
            // A dead argument's copy is dead too: a result may take its memory.
            if isDonated[position] {
                argument = .buffer(CPUBuffer(type: value.type, storage: copy, layout: layout))
            } else {
                copies.append(copy)
            }
        }
    }

    /// An argument's elements in a layout that it does not have; kept with the buffer, where it stays what it is, for the next run.
    private static func copy(of value: DeviceBuffer, in layout: PhysicalLayout, byteCount: Int, isKept: Bool) throws -> Storage {
        let copies = value.notes as? BufferNotes
        if let known = copies?.storages[layout] { return known }
        let plain = try value.hostArray().storage
        let copy = layout == .plain ? plain : try PhysicalLayout.plain.copy(plain, value.type.shape, to: layout, byteCount: byteCount)
        if isKept {
            let copies = copies ?? BufferNotes()
            copies.storages[layout] = copy
            value.notes = copies
        }
        return copy
    }

    /// An argument that nobody else holds, and whose memory nobody else holds.
    private static func take(_ argument: inout Argument) -> CPUBuffer? {
        guard case .buffer(var value) = argument else { return nil }
        argument = .scalar(.integer(0))
        defer { argument = .buffer(value) }
        guard isKnownUniquelyReferenced(&value) else { return nil }
        switch value {
        case let buffer as CPUBuffer: return isKnownUniquelyReferenced(&buffer.storage) ? buffer : nil
        // What was made on the host, as the parameters of a first step: none of it need be written twice.
        case let buffer as HostBuffer:
            guard isKnownUniquelyReferenced(&buffer.array.storage) else { return nil }
            return CPUBuffer(type: buffer.type, storage: buffer.array.storage)
        default: return nil
        }
    }

    /// The same memory under another shape.
    private static func view(of value: DeviceBuffer, as type: TensorType) -> DeviceBuffer {
        if value.type == type { return value }
        if let buffer = value as? CPUBuffer, buffer.layout == .plain { return CPUBuffer(type: type, storage: buffer.storage) }
        guard let array = try? value.hostArray() else { return value }
        return HostBuffer(HostArray(dtype: type.dtype, shape: type.shape, storage: array.storage))
    }

    var explanation: String { details.description }
}

/// What is remembered of a buffer's elements for as long as they are what they are: copies of them in other layouts.
final class BufferNotes {
    var storages: [PhysicalLayout: Storage] = [:]
}

extension Scalar {
    /// Writes the value as one element of a dtype.
    func write(to pointer: UnsafeMutableRawPointer, as dtype: DType) {
        switch dtype {
        case .float32: pointer.storeBytes(of: Float(double), as: Float.self)
        case .float64: pointer.storeBytes(of: double, as: Double.self)
        case .int32: pointer.storeBytes(of: Int32(clamping: int64), as: Int32.self)
        case .int64: pointer.storeBytes(of: int64, as: Int64.self)
        case .uint8: pointer.storeBytes(of: UInt8(clamping: int64), as: UInt8.self)
        case .bool: pointer.storeBytes(of: double != 0 ? 1 : 0, as: UInt8.self)
        case .bfloat16: pointer.storeBytes(of: Float(double).bfloatBits, as: UInt16.self)
        case .float16: pointer.storeBytes(of: Float(double).halfBits, as: UInt16.self)
        }
    }
}
