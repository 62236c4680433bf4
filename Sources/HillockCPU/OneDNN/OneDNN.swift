import COneDNN
import HillockCore

/// How a tensor lies in memory: what the engine itself can walk.
package enum PhysicalLayout: Hashable, CustomStringConvertible {
    /// Row-major.
    case plain
    /// N, spatial, C.
    case channelsLast
    /// N, C / block, spatial, block: oneDNN's nChw16c and nChw8c. Only where the block divides the channels.
    case blocked(Int)
    /// One that only oneDNN can walk, such as a convolution's weights in blocks of inputs and outputs.
    case opaque(OpaqueLayout)

    package var description: String {
        switch self {
        case .opaque(let layout): layout.tag
        case .plain: "plain"
        case .channelsLast: "nhwc"
        case .blocked(let size): "nChw\(size)c"
        }
    }

    /// The extents in the order in which they lie in memory, and for each the logical axis and the factor of its index there.
    func axes(of shape: Shape) -> [(extent: Int, axis: Int, factor: Int)] {
        let plain = shape.dimensions.enumerated().map { (extent: $0.element, axis: $0.offset, factor: 1) }
        switch self {
        case .plain: return plain
        case .channelsLast: return [plain[0]] + plain[2...] + [plain[1]]
        case .blocked(let size):
            return [plain[0], (shape[1] / size, 1, size)] + plain[2...] + [(size, 1, 1)]
        case .opaque:
            // Walked as a whole or not at all.
            return [(shape.count, 0, 1)]
        }
    }

    /// Whether only oneDNN can walk it.
    var isOpaque: Bool {
        if case .opaque = self { true } else { false }
    }

    /// Whether element-wise work may walk it: without strided inputs if it is opaque, and without padding.
    var isDense: Bool {
        if case .opaque(let layout) = self { layout.isDense } else { true }
    }
}

/// A layout by oneDNN's description of it.
package struct OpaqueLayout: Hashable {
    let layout: OneDNNLayout
    /// The value's shape.
    let shape: Shape
    /// The dimensions that oneDNN knows: those of the value, or with an axis of groups in front.
    let dims: [Int]
    /// The strides of these dimensions where the value is plain; `nil` if row-major.
    let strides: [Int]?
    /// oneDNN's description, such as `f32[64,32,3,3] ABcd16b16a`.
    let text: String
    /// Whether the elements fill it without padding.
    let isDense: Bool

    /// The description without type and extents: `ABcd16b16a`.
    var tag: String { String(text.split(separator: " ").last ?? "") }

    init(_ layout: OneDNNLayout, _ shape: Shape, dims: [Int], strides: [Int]? = nil) {
        self.layout = layout
        self.shape = shape
        self.strides = strides
        self.dims = dims
        text = layout.text
        isDense = withExtendedLifetime(layout) { hd_layout_is_dense(layout.raw) != 0 }
    }

    package static func == (a: OpaqueLayout, b: OpaqueLayout) -> Bool {
        a.layout === b.layout || (a.text == b.text && a.strides == b.strides && a.layout.isEqual(to: b.layout))
    }
    package func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

/// Owns an `hd_layout`.
///
/// Immutable. Swift may let go of the owner as soon as `raw` was read: whoever hands `raw` to C keeps the owner alive meanwhile.
final class OneDNNLayout: @unchecked Sendable {
    let raw: OpaquePointer

    init(owning raw: OpaquePointer) { self.raw = raw }
    deinit { hd_layout_destroy(raw) }

    /// Row-major, or with strides in elements.
    static func strided(_ dims: [Int], strides: [Int]? = nil, dtype: DType = .float32) throws -> OneDNNLayout {
        var out: OpaquePointer?
        let extents = dims.map(Int64.init)
        let status =
            if let strides {
                hd_layout_create(&out, Int32(dims.count), extents, strides.map(Int64.init), Int32(dtype.rawValue))
            } else {
                hd_layout_create(&out, Int32(dims.count), extents, nil, Int32(dtype.rawValue))
            }
        try check(status)
        return OneDNNLayout(owning: out!)
    }

    /// For the primitive to choose.
    static func any(_ dims: [Int], dtype: DType = .float32) throws -> OneDNNLayout {
        var out: OpaquePointer?
        try check(hd_layout_create_any(&out, Int32(dims.count), dims.map(Int64.init), Int32(dtype.rawValue)))
        return OneDNNLayout(owning: out!)
    }

    /// A value of this shape in one of the engine's layouts; opaque ones know their dtype.
    static func of(_ shape: Shape, _ layout: PhysicalLayout, dtype: DType = .float32) throws -> OneDNNLayout {
        let format: hd_format
        switch layout {
        case .plain: return try strided(shape.dimensions, dtype: dtype)
        case .opaque(let opaque): return opaque.layout
        case .channelsLast: format = HD_FORMAT_CHANNELS_LAST
        case .blocked(8): format = HD_FORMAT_CHANNELS_BLOCKED_8
        case .blocked: format = HD_FORMAT_CHANNELS_BLOCKED_16
        }
        var out: OpaquePointer?
        let dims = shape.dimensions.map(Int64.init)
        try check(hd_layout_create_format(&out, Int32(dims.count), dims, Int32(dtype.rawValue), format))
        return OneDNNLayout(owning: out!)
    }

    /// oneDNN's description.
    var text: String {
        withExtendedLifetime(self) {
            String(unsafeUninitializedCapacity: 256) { bytes in
                bytes.withMemoryRebound(to: CChar.self) { Swift.min(255, Int(hd_layout_describe(raw, $0.baseAddress, 256))) }
            }
        }
    }

    /// Bytes that a buffer takes, padding included.
    var byteCount: Int { withExtendedLifetime(self) { hd_layout_bytes(raw) } }

    /// Whether both describe the same arrangement.
    func isEqual(to other: OneDNNLayout) -> Bool {
        withExtendedLifetime((self, other)) { hd_layout_equal(raw, other.raw) != 0 }
    }

    static func check(_ status: hd_status) throws {
        guard status == HD_OK else { throw CPUEngineError(description: "[onednn] \(String(cString: hd_last_error()))") }
    }
}

/// Owns an `hd_primitive`.
final class OneDNNPrimitive {
    let raw: OpaquePointer

    /// Makes a primitive of operands in these layouts; `create` is given them as C takes them.
    init(_ layouts: [OneDNNLayout?], _ create: (inout OpaquePointer?, [OpaquePointer?]) -> hd_status) throws {
        var out: OpaquePointer?
        try OneDNNLayout.check(withExtendedLifetime(layouts) { create(&out, layouts.map { $0?.raw }) })
        raw = out!
    }

    deinit { hd_primitive_destroy(raw) }

    /// The layout chosen for a slot.
    func layout(_ slot: Int) -> OneDNNLayout {
        withExtendedLifetime(self) { OneDNNLayout(owning: hd_layout_clone(hd_primitive_layout(raw, Int32(slot)))) }
    }

    var implementation: String { withExtendedLifetime(self) { String(cString: hd_primitive_implementation(raw)) } }
}
