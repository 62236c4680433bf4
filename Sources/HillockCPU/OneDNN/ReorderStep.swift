import COneDNN
import HillockCore

extension PhysicalLayout {
    /// Whether oneDNN can copy from this layout into another at once: it must know both under the same dimensions.
    func converts(to other: PhysicalLayout) -> Bool {
        guard self != .plain, other != .plain else { return true }
        switch (self, other) {
        case (.opaque(let a), .opaque(let b)): return a.dims == b.dims && a.strides == b.strides
        case (.opaque(let a), _), (_, .opaque(let a)): return a.dims == a.shape.dimensions && a.strides == nil
        default: return true
        }
    }
}

/// Copies a value from one layout into another.
final class ReorderStep: Step {
    let source: BufferID
    let target: BufferID
    let from: PhysicalLayout
    let to: PhysicalLayout
    let shape: Shape
    private let step: OneDNNStep

    init(_ shape: Shape, _ source: BufferID, _ from: PhysicalLayout, _ target: BufferID, _ to: PhysicalLayout) throws {
        (self.source, self.target, self.from, self.to, self.shape) = (source, target, from, to, shape)
        let (a, b) = try Self.layouts(shape, from, to)
        let primitive = try OneDNNPrimitive([a, b]) { hd_reorder_create(&$0, $1[0], $1[1]) }
        step = OneDNNStep(
            primitive, reads: [(Int32(HD_REORDER_SRC), source)], writes: [(Int32(HD_REORDER_DST), target)],
            "reorder \(shape) \(from) → \(to)")
    }

    /// Both layouts under the same dimensions: a plain one takes those of the other.
    private static func layouts(_ shape: Shape, _ from: PhysicalLayout, _ to: PhysicalLayout) throws -> (OneDNNLayout, OneDNNLayout) {
        func layout(_ layout: PhysicalLayout, beside other: PhysicalLayout) throws -> OneDNNLayout {
            if layout == .plain, case .opaque(let opaque) = other {
                return try .strided(opaque.dims, strides: opaque.strides)
            }
            return try .of(shape, layout)
        }
        return (try layout(from, beside: to), try layout(to, beside: from))
    }

    var reads: [BufferID] { [source] }
    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { step.scratchByteCount }
    func layout(of buffer: BufferID) -> PhysicalLayout? { buffer == source ? from : to }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) throws {
        try step.run(pointers, scratch: scratch)
    }

    var explanation: String { step.explanation }
    var floatingPointOperations: Int? { 0 }
}

extension PhysicalLayout {
    /// Copies a value of this shape from this layout into another, outside of any plan.
    func copy(_ source: Storage, _ shape: Shape, to other: PhysicalLayout, byteCount: Int) throws -> Storage {
        if !converts(to: other) {
            let plain = try copy(source, shape, to: .plain, byteCount: shape.count * 4)
            return try PhysicalLayout.plain.copy(plain, shape, to: other, byteCount: byteCount)
        }
        let target = StoragePool.shared.allocate(byteCount)
        let reorder = try ReorderStep(shape, 0, self, 1, other)
        let scratch = StoragePool.shared.allocate(reorder.scratchByteCount)
        try [source.pointer, target.pointer].withUnsafeBufferPointer { try reorder.run($0.baseAddress!, scratch: scratch.pointer) }
        withExtendedLifetime((source, scratch)) {}
        return target
    }
}
