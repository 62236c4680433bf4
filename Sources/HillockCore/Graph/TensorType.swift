/// What is known of a tensor before it is computed: the type of its elements and its shape.
public struct TensorType: Hashable, Sendable {
    /// Type of the elements.
    public let dtype: DType
    /// Extents, outermost first.
    public let shape: Shape

    /// A type with these elements and extents.
    public init(_ dtype: DType, _ shape: Shape) {
        self.dtype = dtype
        self.shape = shape
    }

    /// Bytes that a dense value of this type takes.
    public var byteCount: Int { shape.count * dtype.byteCount }
}

extension TensorType: CustomStringConvertible {
    /// `f32[2, 3]`
    public var description: String { "\(dtype)\(shape)" }
}
