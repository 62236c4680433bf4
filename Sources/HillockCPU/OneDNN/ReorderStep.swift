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

/// Copies a value from one layout into another, and rounds it on the way where the other is in bf16.
final class ReorderStep: Step {
    let source: BufferID
    let target: BufferID
    let from: PhysicalLayout
    let to: PhysicalLayout
    let shape: Shape
    /// Whether the elements stay what they are.
    let keepsElements: Bool
    private let step: OneDNNStep

    init(
        _ shape: Shape, _ source: BufferID, _ from: PhysicalLayout, _ target: BufferID, _ to: PhysicalLayout,
        dtypes: (from: DType, to: DType) = (.float32, .float32)
    ) throws {
        (self.source, self.target, self.from, self.to, self.shape) = (source, target, from, to, shape)
        keepsElements = dtypes.from == dtypes.to
        let a = try Self.layout(shape, from, beside: to, dtypes.from)
        let b = try Self.layout(shape, to, beside: from, dtypes.to)
        let primitive = try OneDNNPrimitive([a, b]) { hd_reorder_create(&$0, $1[0], $1[1]) }
        step = OneDNNStep(
            primitive, reads: [(Int32(HD_REORDER_SRC), source)], writes: [(Int32(HD_REORDER_DST), target)],
            "reorder \(shape) \(from) → \(to)\(keepsElements ? "" : " \(dtypes.to)")")
    }

    /// A layout under the dimensions of the other, where it is plain.
    private static func layout(
        _ shape: Shape, _ layout: PhysicalLayout, beside other: PhysicalLayout, _ dtype: DType
    ) throws -> OneDNNLayout {
        if layout == .plain, case .opaque(let opaque) = other {
            return try .strided(opaque.dims, strides: opaque.strides, dtype: dtype)
        }
        return try .of(shape, layout, dtype: dtype)
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
        let target = try StoragePool.shared.allocate(byteCount)
        let reorder = try ReorderStep(shape, 0, self, 1, other)
        let scratch = try StoragePool.shared.allocate(reorder.scratchByteCount)
        try [source.pointer, target.pointer].withUnsafeBufferPointer { try reorder.run($0.baseAddress!, scratch: scratch.pointer) }
        withExtendedLifetime((source, scratch)) {}
        return target
    }
}
