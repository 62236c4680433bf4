import HillockCore
import Synchronization

/// One piece of work of a plan: it reads and writes buffers by their pointers.
package protocol Step: AnyObject {
    /// Buffers read.
    var reads: [BufferID] { get }
    /// Buffers written.
    var writes: [BufferID] { get }
    /// Bytes of memory needed meanwhile.
    var scratchByteCount: Int { get }
    /// Does the work. `pointers` is indexed by buffer.
    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) throws
    /// The layout in which it takes a buffer that it reads or writes; `nil` where it was made for whatever layout that has.
    func layout(of buffer: BufferID) -> PhysicalLayout?
    /// What it does, in a line for people; the plan adds what is read and written.
    var explanation: String { get }
    /// Floating-point operations of products and convolutions, where the step knows them better than the instruction that it is made for.
    var floatingPointOperations: Int? { get }
    /// Bytes that it has to move at least.
    func byteCount(_ buffers: [BufferInfo]) -> Int
}

extension Step {
    package var floatingPointOperations: Int? { nil }

    package func layout(of buffer: BufferID) -> PhysicalLayout? { .plain }

    /// What it reads and what it writes, each buffer once.
    package func byteCount(_ buffers: [BufferInfo]) -> Int {
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
package protocol InPlaceStep: Step {
    /// What may share memory; both have the same size.
    var overlays: [(source: BufferID, target: BufferID)] { get }
}

/// Steps over planned memory.
final class CPUPlan: Plan {
    /// Bytes after the scratch memory that kernels may touch.
    static let margin = 64

    /// What was decided.
    let draft: PlanDraft
    private let steps: ArraySlice<any Step>
    private let prologue: Prologue?
    private let buffers: [BufferInfo]
    private let results: [(buffer: BufferID, type: TensorType)]
    private let donations: [Donation]
    /// For each argument whether a result may take its memory.
    private let isDonated: [Bool]
    private let scratchOffset: Int
    private let arenaByteCount: Int
    private let pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private let scalarCells: UnsafeMutableRawPointer
    private let scalars: [(buffer: BufferID, argument: Int, dtype: DType)]
    private let arguments: [(buffer: BufferID, argument: Int)]
    private let temporaries: [(buffer: BufferID, offset: Int)]
    /// Tables of which it is remembered from run to run which rows have ever been changed.
    private let tables: [OptimizerTable]
    /// Buffers that a result is written over.
    private let overwritten: [(buffer: BufferID, result: BufferID)]
    // Of one run, kept so that the next one need not ask for memory: what owns each result's elements, and copies of arguments.
    private var owners: [CPUBuffer?]
    private var copies: [Storage] = []

    init(_ draft: PlanDraft) {
        self.draft = draft
        let (program, buffers) = (draft.program, draft.buffers)
        let all = draft.steps.map(\.step)
        steps = all.dropFirst(draft.prologue?.count ?? 0)
        prologue = draft.prologue.map { choice in
            Prologue(
                steps: all.prefix(choice.count), kept: choice.kept.map { ($0, buffers[$0].byteCount) }, arguments: choice.arguments)
        }
        self.buffers = buffers
        results = draft.results
        donations = draft.donations
        var isDonated = [Bool](repeating: false, count: program.inputs.count)
        for donation in donations { isDonated[donation.argument] = true }
        self.isDonated = isDonated
        let offsets = draft.arena?.offsets ?? [:]
        scratchOffset = draft.arena?.byteCount ?? 0
        arenaByteCount = scratchOffset + draft.scratchByteCount + Self.margin

        pointers = .allocate(capacity: Swift.max(buffers.count, 1))
        scalarCells = .allocate(byteCount: Swift.max(buffers.count, 1) * 8, alignment: 64)
        pointers.initialize(repeating: scalarCells, count: buffers.count)
        var scalars: [(BufferID, Int, DType)] = []
        var arguments: [(BufferID, Int)] = []
        var temporaries: [(BufferID, Int)] = []
        var overwritten: [(BufferID, BufferID)] = []
        for id in buffers.indices {
            let root = draft.root(id)
            switch buffers[root].kind {
            case .constant(let storage): pointers[id] = storage.pointer
            case .scalar(let argument):
                pointers[id] = scalarCells + 8 * id
                scalars.append((id, argument, program.inputs[argument].type.dtype))
            case .argument(let argument): arguments.append((id, argument))
            case .temporary: if let offset = offsets[root] { temporaries.append((id, offset)) }
            case .result where root != id: overwritten.append((id, root))
            case .result, .kept: break
            }
        }
        self.scalars = scalars
        self.arguments = arguments
        self.temporaries = temporaries
        self.overwritten = overwritten
        tables = OptimizerTable.all(in: draft)
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
            let owner = try owners[position] ?? make(result)
            owners[position] = owner
            pointers[result.buffer] = owner.storage.pointer
        }
        for (buffer, result) in overwritten { pointers[buffer] = pointers[result] }
        StoragePool.shared.countRun()
        let memory = try Arena.shared.memory(arenaByteCount)
        for (buffer, offset) in temporaries { pointers[buffer] = memory + offset }
        for table in tables { try table.recall(arguments) }
        let observer = Observation.observer
        try prologue?.run(&arguments, pointers, scratch: memory + scratchOffset, observer)
        try steps.run(pointers, scratch: memory + scratchOffset, observer)

        let first = results.count
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
        for table in tables { table.remember(with: results[first...]) }
    }

    /// Lets go of what belonged to one run.
    private func forget() {
        for position in owners.indices { owners[position] = nil }
        copies.removeAll(keepingCapacity: true)
    }

    /// New memory for a result.
    private func make(_ result: (buffer: BufferID, type: TensorType)) throws -> CPUBuffer {
        let info = buffers[result.buffer]
        return CPUBuffer(type: result.type, storage: try StoragePool.shared.allocate(info.byteCount), layout: info.layout)
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
    var details: PlanDetails { PlanDetails(steps: draft.stepDetails, memory: draft.memoryLines) }
}

/// What is remembered of a buffer's elements for as long as they are what they are.
final class BufferNotes {
    /// Copies of them in other layouts.
    var storages: [PhysicalLayout: Storage] = [:]
    /// Of an optimizer's slot, which rows are not all zeros.
    var past: RowPast?
    /// No other notes have it, now or later.
    let number = BufferNotes.numbers.add(1, ordering: .relaxed).newValue

    private static let numbers = Atomic<UInt64>(0)
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
