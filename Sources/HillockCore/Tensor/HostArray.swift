/// Elements in host memory, dense and row-major: what is read from files, what tensors are made from and read back as.
///
/// Unlike ``Tensor`` it computes nothing and is never lazy.
public struct HostArray: Sendable {
    /// Type of the elements.
    public let dtype: DType
    /// Extents, outermost first.
    public let shape: Shape
    /// The memory, at least `shape.count * dtype.byteCount` bytes.
    public package(set) var storage: Storage

    /// Wraps memory that already holds the elements.
    public init(dtype: DType, shape: Shape, storage: Storage) {
        assert(storage.byteCount >= shape.count * dtype.byteCount)
        self.dtype = dtype
        self.shape = shape
        self.storage = storage
    }

    /// Allocates the array and lets `fill` write its bytes.
    public init(dtype: DType, shape: Shape, filling fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        let storage = Storage(byteCount: shape.count * dtype.byteCount)
        try fill(UnsafeMutableRawBufferPointer(start: storage.pointer, count: storage.byteCount))
        self.init(dtype: dtype, shape: shape, storage: storage)
    }

    /// Copies Swift values; `shape` defaults to one axis.
    public init<Element: TensorElement>(_ elements: [Element], shape: Shape? = nil) {
        let shape = shape ?? [elements.count]
        precondition(shape.count == elements.count, "\(elements.count) elements cannot fill shape \(shape)")
        self.init(dtype: Element.dtype, shape: shape) { bytes in
            elements.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
    }

    /// Number of elements.
    public var count: Int { shape.count }

    /// Bytes that the elements take.
    public var byteCount: Int { count * dtype.byteCount }

    /// Calls `body` with the elements' bytes, which must not escape from it.
    public func withBytes<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        // Swift may free a value after its last mention: the memory is held until `body` is done with it.
        let owner = storage
        defer { withExtendedLifetime(owner) {} }
        return try body(UnsafeRawBufferPointer(start: owner.pointer, count: byteCount))
    }

    /// The elements as Swift values of exactly this type; traps if `Element.dtype` is another.
    public func elements<Element: TensorElement>(as type: Element.Type = Element.self) -> [Element] {
        guard Element.dtype == dtype else { fatalError("[elements] array holds \(dtype), \(Element.dtype) was asked for") }
        return withBytes { Array($0.bindMemory(to: Element.self)) }
    }
}

/// A Swift type that stands for a ``DType``.
public protocol TensorElement: Hashable, Sendable, BitwiseCopyable {
    /// The corresponding element type.
    static var dtype: DType { get }
}

extension Float: TensorElement {
    /// `f32`
    public static var dtype: DType { .float32 }
}
extension Double: TensorElement {
    /// `f64`
    public static var dtype: DType { .float64 }
}
extension Int32: TensorElement {
    /// `i32`
    public static var dtype: DType { .int32 }
}
extension Int: TensorElement {
    /// `i64`
    public static var dtype: DType { .int64 }
}
extension Int64: TensorElement {
    /// `i64`
    public static var dtype: DType { .int64 }
}
extension UInt8: TensorElement {
    /// `u8`
    public static var dtype: DType { .uint8 }
}
extension Bool: TensorElement {
    /// `bool`
    public static var dtype: DType { .bool }
}
