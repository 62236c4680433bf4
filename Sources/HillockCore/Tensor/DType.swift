/// The type of a tensor's elements.
///
/// Arithmetic is defined on the floating and integer types; `bfloat16` and `float16` are storage: convert with
/// ``Tensor/converted(to:)`` before computing. The rest of the enumeration is open to grow: every use is an exhaustive `switch`.
public enum DType: UInt8, Hashable, Sendable, CaseIterable {
    case float32, float64, int32, int64, uint8, bool, bfloat16, float16

    /// Bytes that one element takes.
    public var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .bfloat16, .float16: 2
        case .uint8, .bool: 1
        }
    }

    /// Whether the type holds real numbers, and so can have a gradient.
    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float64, .bfloat16, .float16: true
        case .int32, .int64, .uint8, .bool: false
        }
    }

    /// Whether arithmetic is defined on the type; the 16-bit floats and `bool` are for storage and logic.
    public var isArithmetic: Bool {
        switch self {
        case .float32, .float64, .int32, .int64, .uint8: true
        case .bool, .bfloat16, .float16: false
        }
    }

    /// The short name that messages and programs print: `f32`, `i64`, `bool` …
    public var name: String {
        switch self {
        case .float32: "f32"
        case .float64: "f64"
        case .int32: "i32"
        case .int64: "i64"
        case .uint8: "u8"
        case .bool: "bool"
        case .bfloat16: "bf16"
        case .float16: "f16"
        }
    }
}

extension DType: CustomStringConvertible {
    /// The short name, as in ``name``.
    public var description: String { name }
}
