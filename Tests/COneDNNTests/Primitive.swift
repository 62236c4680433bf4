import COneDNN
import Synchronization

/// A status other than `HD_OK`, with its text.
struct Failure: Error, Equatable {
    let status: UInt32
    let text: String
}

/// Throws what the last call on this thread reported.
func check(_ status: hd_status) throws {
    guard status == HD_OK else { throw Failure(status: status.rawValue, text: String(cString: hd_last_error())) }
}

/// Owns an `hd_layout`.
final class Layout {
    let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) { self.pointer = pointer }
    deinit { hd_layout_destroy(pointer) }

    convenience init(_ dims: [Int], strides: [Int]? = nil, dtype: Int32 = 0) throws {
        var made: OpaquePointer?
        let dims = dims.map(Int64.init), strides = strides?.map(Int64.init)
        if let strides {
            try check(hd_layout_create(&made, Int32(dims.count), dims, strides, dtype))
        } else {
            try check(hd_layout_create(&made, Int32(dims.count), dims, nil, dtype))
        }
        self.init(owning: made!)
    }

    static func any(_ dims: [Int], dtype: Int32 = 0) throws -> Layout {
        var made: OpaquePointer?
        try check(hd_layout_create_any(&made, Int32(dims.count), dims.map(Int64.init), dtype))
        return Layout(owning: made!)
    }

    static func format(_ dims: [Int], _ format: hd_format, dtype: Int32 = 0) throws -> Layout {
        var made: OpaquePointer?
        try check(hd_layout_create_format(&made, Int32(dims.count), dims.map(Int64.init), dtype, format))
        return Layout(owning: made!)
    }

    /// Calls `body` with the pointer while this object certainly lives.
    func read<R>(_ body: (OpaquePointer) throws -> R) rethrows -> R {
        try withExtendedLifetime(self) { try body(pointer) }
    }

    var description: String { read(describe) }
    var bytes: Int { read(hd_layout_bytes) }
    var isAny: Bool { read(hd_layout_is_any) != 0 }
    var isPadded: Bool { read(hd_layout_is_padded) != 0 }
    var isDense: Bool { read(hd_layout_is_dense) != 0 }
    var dtype: Int32 { read(hd_layout_dtype) }
    var shape: [Int] { read(dims) }
    /// Strides of a plain layout.
    var strides: [Int]? {
        var strides = [Int64](repeating: 0, count: shape.count)
        return read { hd_layout_strides($0, &strides) } == 0 ? nil : strides.map(Int.init)
    }
    func equals(_ other: Layout) -> Bool { read { a in other.read { b in hd_layout_equal(a, b) } } != 0 }
}

func describe(_ layout: OpaquePointer) -> String {
    var buffer = [CChar](repeating: 0, count: 200)
    let length = Int(hd_layout_describe(layout, &buffer, buffer.count))
    return String(decoding: buffer.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// One team at a time: tests run side by side, and waiting teams spin.
private let team = Mutex(())

/// Memory aligned as scratch memory must be.
final class Memory {
    let pointer: UnsafeMutableRawPointer
    init(bytes: Int) {
        pointer = .allocate(byteCount: max(bytes, 64), alignment: 64)
        pointer.initializeMemory(as: UInt8.self, repeating: 0xAA, count: max(bytes, 64))
    }
    deinit { pointer.deallocate() }
}

/// Owns an `hd_primitive` and runs it on row-major arrays, reordering to and from the layouts it chose.
final class Primitive {
    let pointer: OpaquePointer

    /// Creates it by a C function that reads the given layouts.
    init(reading layouts: Layout?..., by create: (UnsafeMutablePointer<OpaquePointer?>) -> hd_status) throws {
        var made: OpaquePointer?
        try withExtendedLifetime(layouts) { try check(create(&made)) }
        pointer = made!
    }
    deinit { hd_primitive_destroy(pointer) }

    var implementation: String { String(cString: hd_primitive_implementation(pointer)) }

    func layout(_ slot: Int) -> OpaquePointer? { hd_primitive_layout(pointer, Int32(slot)) }

    /// Runs with the given values by slot and returns those of `reading`. Slots that are neither get memory of their own,
    /// or that of `shared`.
    func run(_ values: [Int: [Float]], reading: [Int], shared: [Int: Memory] = [:]) throws -> [[Float]] {
        let slots = Int(hd_primitive_slot_count(pointer))
        var memory = [Memory?](repeating: nil, count: slots)
        for slot in 0..<slots {
            guard let layout = layout(slot) else { continue }
            memory[slot] = shared[slot] ?? Memory(bytes: hd_layout_bytes(layout))
            guard let value = values[slot] else { continue }
            let plain = try Layout(dims(layout))
            precondition(plain.bytes == value.count * 4)
            try value.withUnsafeBytes { bytes in
                try plain.read {
                    try reorder($0, UnsafeMutableRawPointer(mutating: bytes.baseAddress!), layout, memory[slot]!.pointer)
                }
            }
        }
        return try withExtendedLifetime((self, memory)) {
            try execute(memory.map { $0?.pointer })
            return try reading.map { slot in
                let layout = self.layout(slot)!
                let plain = try Layout(dims(layout))
                var result = [Float](repeating: .nan, count: plain.bytes / 4)
                try result.withUnsafeMutableBytes { bytes in
                    try plain.read { try reorder(layout, memory[slot]!.pointer, $0, bytes.baseAddress!) }
                }
                return result
            }
        }
    }

    func execute(_ buffers: [UnsafeMutableRawPointer?]) throws {
        let scratch = Memory(bytes: hd_primitive_scratch_bytes(pointer))
        try withExtendedLifetime((self, scratch)) {
            try team.withLock { _ in try check(hd_primitive_execute(pointer, buffers, scratch.pointer)) }
        }
    }
}

func dims(_ layout: OpaquePointer) -> [Int] {
    var dims = [Int64](repeating: 0, count: Int(hd_layout_rank(layout)))
    hd_layout_dims(layout, &dims)
    return dims.map(Int.init)
}

func reorder(
    _ from: OpaquePointer, _ source: UnsafeMutableRawPointer, _ to: OpaquePointer, _ target: UnsafeMutableRawPointer
) throws {
    let primitive = try Primitive(reading: nil) { hd_reorder_create($0, from, to) }
    try primitive.execute([source, target])
}
