/// Calls one kernel, whose shape and attributes it holds.
final class KernelStep: Step {
    typealias Pointers = UnsafePointer<UnsafeMutableRawPointer>

    let reads: [BufferID]
    let writes: [BufferID]
    private let text: String
    private let layout: PhysicalLayout
    private let laidOut: [BufferID?]
    private let call: (Pointers) -> Void

    /// - Parameters:
    ///   - text: What the kernel does, for people.
    ///   - layout: That of the buffers in `laidOut`; the others are plain.
    ///   - call: Calls the kernel; the pointers are indexed by buffer.
    init(
        _ text: String, reads: [BufferID?], writes: [BufferID?], layout: PhysicalLayout = .plain, of laidOut: [BufferID?] = [],
        call: @escaping (Pointers) -> Void
    ) {
        self.text = text
        (self.layout, self.laidOut) = (layout, laidOut)
        self.reads = reads.compactMap { $0 }
        self.writes = writes.compactMap { $0 }
        self.call = call
    }

    var scratchByteCount: Int { 0 }

    func run(_ pointers: Pointers, scratch: UnsafeMutableRawPointer) { call(pointers) }

    func layout(of buffer: BufferID) -> PhysicalLayout? { laidOut.contains(buffer) ? layout : .plain }
    var explanation: String { text }
}

extension UnsafePointer<UnsafeMutableRawPointer> {
    /// A buffer as numbers; `nil` where there is none.
    func floats(_ buffer: BufferID?) -> UnsafeMutablePointer<Float>? { buffer.map { self[$0].assumingMemoryBound(to: Float.self) } }
}
