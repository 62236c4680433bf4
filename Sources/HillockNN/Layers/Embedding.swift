import HillockCore

/// A learned vector for each of `count` things, looked up by index.
///
/// Shapes: indices `[…]` (`i32` or `i64`) `→ […, dimensions]`. Checkpoint name: `weight` `[count, dimensions]`.
public struct Embedding: Layer {
    /// `[count, dimensions]`
    public let weight: Parameter
    /// The index whose vector stays as it is, zeros to begin with.
    public let paddingIndex: Int?
    private let scope = LayerScope()

    /// A table of `count` vectors.
    ///
    /// - Parameters:
    ///   - count: Number of vectors: indices are 0 and more and less than `count`.
    ///   - dimensions: Length of each vector.
    ///   - paddingIndex: An index whose vector is zeros and has no gradient.
    ///   - sparse: Whether ``Adam`` changes only the vectors that a step looked up, with their moments (PyTorch's `SparseAdam`), so that a
    ///     vocabulary of millions costs what is touched. ``SGD`` without momentum and decay does so anyway, with the same result.
    ///   - weightInitializer: How the vectors begin; standard normal unless given, as PyTorch's.
    ///   - dtype: `f32` or `f64`.
    public init(
        _ count: Int, _ dimensions: Int, paddingIndex: Int? = nil, sparse: Bool = false, weightInitializer: Initializer = .normal(),
        dtype: DType = .float32
    ) {
        var table = weightInitializer([count, dimensions], dtype: dtype)
        if let paddingIndex {
            if paddingIndex < 0 || paddingIndex >= count {
                misuse(ShapeError("embedding", "padding index \(paddingIndex) is out of range: expected 0...\(count - 1)"))
            }
            let isPadding = oneHot(Tensor([Int64(paddingIndex)], shape: []), depth: count, dtype: .bool).unsqueezed(axis: 1)
            table = `where`(isPadding.broadcast(to: table.shape), Tensor.zerosLike(table), table)
        }
        weight = Parameter(table, hasSparseGradient: sparse)
        self.paddingIndex = paddingIndex
    }

    /// Looks the indices up.
    public func callAsFunction(_ indices: Tensor) -> Tensor {
        scope.enter(self, indices) {
            guard indices.dtype == .int32 || indices.dtype == .int64 else {
                return .failed(
                    ShapeError(
                        "embedding", "indices are \(indices.type), expected i32 or i64", hint: "convert them with converted(to: .int64)"),
                    [weight.value], guess: TensorType(weight.type.dtype, Shape(indices.shape.dimensions + [weight.shape[1]])))
            }
            let rows = weight.value.gathered(indices)
            guard let paddingIndex else { return rows }
            let isPadding = (indices .== Double(paddingIndex)).unsqueezed(axis: -1).broadcast(to: rows.shape)
            return `where`(isPadding, rows.stoppingGradient(), rows)
        }
    }
}
