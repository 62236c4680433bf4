/// Computed elements, wherever and however an engine keeps them: in host memory, in a layout of its own, on a device.
open class DeviceBuffer: @unchecked Sendable {
    /// Type of the elements and logical shape.
    public final let type: TensorType
    /// What an engine wants to remember with the elements, such as copies in other layouts; touched while a plan runs only.
    package final var notes: AnyObject?

    /// For subclasses.
    public init(type: TensorType) { self.type = type }

    /// The elements, dense and row-major in host memory; without a copy where they are kept so.
    /// - Throws: what the engine throws when it cannot read them.
    open func hostArray() throws -> HostArray {
        fatalError("DeviceBuffer.hostArray is abstract")
    }

    /// How the elements are divided among the devices of a mesh; `nil` on a single device.
    open var sharding: Sharding? { nil }

    /// The bytes that each device holds of the elements, in the mesh's order; one number on a single device.
    /// - Throws: what the engine throws when a device does not say.
    open func byteCounts() throws -> [Int] { [type.byteCount] }

    /// The elements, without keeping a thread waiting for a device.
    /// - Throws: what the engine throws when it cannot read them.
    open func loadHostArray() async throws -> HostArray { try hostArray() }
}

/// Dense row-major elements in host memory.
public final class HostBuffer: DeviceBuffer, @unchecked Sendable {
    /// The elements.
    public package(set) var array: HostArray

    /// Wraps an array.
    public init(_ array: HostArray) {
        self.array = array
        super.init(type: TensorType(array.dtype, array.shape))
    }

    /// The wrapped array.
    public override func hostArray() -> HostArray { array }
}

/// A number known where the graph is built, such as a learning rate: an input of the program, so that another value is the same program.
public enum Scalar: Hashable, Sendable {
    /// A real number, rounded to the tensor's dtype where it is used.
    case real(Double)
    /// A whole number (or the 64 bits of a random key).
    case integer(Int64)

    /// The value as a real number.
    public var double: Double {
        switch self {
        case .real(let value): value
        case .integer(let value): Double(value)
        }
    }

    /// The value as an integer, truncated towards zero and saturated; 0 for NaN.
    public var int64: Int64 {
        switch self {
        case .real(let value): Int64(saturating: value)
        case .integer(let value): value
        }
    }
}

extension Int64 {
    /// Truncates towards zero, saturates at the ends, and takes NaN to 0.
    package init(saturating value: Double) {
        if value.isNaN {
            self = 0
        } else if value >= 9_223_372_036_854_775_808 {
            self = .max
        } else if value <= -9_223_372_036_854_775_808 {
            self = .min
        } else {
            self = Int64(value)
        }
    }
}
