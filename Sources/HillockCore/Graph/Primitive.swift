/// One of the closed set of operations that everything else is composed of.
///
/// A primitive is a value: its attributes are stored properties, so that `Hashable` gives equality and caching of plans. It says all
/// that there is to know about the operation, and there are no default implementations, so that a forgotten rule does not compile.
/// Meaning and names are StableHLO's wherever it has the operation.
public protocol Primitive: Hashable, Sendable {
    /// The name that programs and messages print.
    static var name: String { get }

    /// Shape rule: the type of the output for inputs of these types.
    /// - Throws: ``ShapeError`` where the inputs do not fit the operation or each other.
    func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType

    /// Gradient rule, in tensor operations: from the gradient of a scalar with respect to the output (`upstream`) to its gradients
    /// with respect to each input; `nil` where an input has none (integers, keys, masks).
    func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?]

    /// Definition of the operation: slow, obvious, and what engines are tested against.
    func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray

    /// StableHLO text: writes what computes the result, of this type, from `inputs`, and gives its value. Results have elements.
    /// - Throws: ``StableHLOError`` where there is no such text.
    func stableHLO(
        _ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter
    ) throws(StableHLOError) -> StableHLOValue
}

extension Primitive {
    /// Whether two primitives are the same operation with the same attributes.
    package func isEqual(to other: any Primitive) -> Bool {
        func isEqual<Other: Primitive>(_ other: Other) -> Bool {
            guard Other.self == Self.self else { return false }
            // A cast of what is known to be of this type would cost more than the rest.
            return MemoryLayout<Self>.size == 0 || unsafeBitCast(other, to: Self.self) == self
        }
        return isEqual(other)
    }

    /// A hash of the operation and its attributes, good within one process.
    package var identityHash: UInt64 {
        let kind = UInt64(UInt(bitPattern: ObjectIdentifier(Self.self)))
        // A broadcast's and a reshape's shape is that of their result, which is hashed beside this.
        if MemoryLayout<Self>.size == 0 || Self.self == Broadcast.self || Self.self == Reshape.self { return kind }
        var hasher = Hasher()
        hash(into: &hasher)
        return mix(kind, UInt64(bitPattern: Int64(hasher.finalize())))
    }
}

/// Stirs `value` into a running hash (the multiplier and shift of MurmurHash2, 64 bits).
@inline(__always)
func mix(_ hash: UInt64, _ value: UInt64) -> UInt64 {
    var word = value &* 0xc6a4_a793_5bd1_e995
    word ^= word >> 47
    return (hash ^ (word &* 0xc6a4_a793_5bd1_e995)) &* 0xc6a4_a793_5bd1_e995
}
