import COneDNN
import HillockCore

/// Runs a oneDNN primitive.
final class OneDNNStep: Step {
    private let primitive: OneDNNPrimitive
    private let slots: [(slot: Int, buffer: BufferID, offset: Int)]
    private let pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private let text: String
    private let layouts: [BufferID: PhysicalLayout]
    let reads: [BufferID]
    let writes: [BufferID]
    let floatingPointOperations: Int?

    /// - Parameters:
    ///   - reads: buffers by the slots that they are read at.
    ///   - writes: buffers by the slots that they are written at.
    ///   - offsets: bytes into the buffer by slot, where it is not its beginning that a slot takes.
    ///   - layouts: those of buffers that are not plain.
    ///   - floatingPointOperations: where it is one of several products of an instruction.
    init(
        _ primitive: OneDNNPrimitive, reads: [(Int32, BufferID)], writes: [(Int32, BufferID)], offsets: [Int32: Int] = [:],
        layouts: [BufferID: PhysicalLayout] = [:], _ text: String, floatingPointOperations: Int? = nil
    ) {
        self.floatingPointOperations = floatingPointOperations
        self.primitive = primitive
        self.text = text
        self.layouts = layouts
        self.reads = reads.map(\.1)
        self.writes = writes.map(\.1)
        slots = (reads + writes).map { (Int($0.0), $0.1, offsets[$0.0] ?? 0) }
        let count = Int(hd_primitive_slot_count(primitive.raw))
        pointers = .allocate(capacity: count)
        pointers.initialize(repeating: nil, count: count)
    }

    deinit { pointers.deallocate() }

    var scratchByteCount: Int { Int(hd_primitive_scratch_bytes(primitive.raw)) }

    func run(_ buffers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) throws {
        for (slot, buffer, offset) in slots { pointers[slot] = buffers[buffer] + offset }
        try OneDNNLayout.check(hd_primitive_execute(primitive.raw, pointers, scratch))
    }

    func layout(of buffer: BufferID) -> PhysicalLayout? { layouts[buffer] ?? .plain }

    var explanation: String { "\(text): \(primitive.implementation)" }
}
