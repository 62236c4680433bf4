/// Rows of a table by their indices (StableHLO `gather` along axis 0): table `[V, …]`, indices `[…]` → `[indices…, …]`.
public struct Gather: Primitive {
    /// `gather`
    public static let name = "gather"

    /// The gather along axis 0.
    public init() {}

    /// The indices' shape followed by a row's.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        let (table, indices) = (inputs[0], inputs[1])
        guard table.shape.rank > 0 else { throw ShapeError(Self.name, "a scalar has no rows") }
        guard indices.dtype == .int32 || indices.dtype == .int64 else {
            throw ShapeError(
                Self.name, "indices are \(indices.dtype), expected i32 or i64", hint: "convert them with converted(to: .int64)")
        }
        guard table.shape[0] > 0 || indices.shape.count == 0 else { throw ShapeError(Self.name, "table \(table) has no rows") }
        return TensorType(table.dtype, Shape(indices.shape.dimensions + table.shape.dimensions.dropFirst()))
    }

    /// dy added up in the rows that it came from.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        [.apply(ScatterAdd(rows: inputs[0].shape[0]), [upstream, inputs[1]]), nil]
    }

    /// Copies rows; an index outside is moved to the nearest row, as StableHLO says. Engines that can tell report it instead.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let rows = inputs[0].shape[0]
        let width = inputs[0].shape.dimensions.dropFirst().reduce(1, *)
        let positions = inputs[1].integers.flatMap { index in
            let row = Int(Swift.min(Swift.max(index, 0), Int64(rows - 1)))
            return row * width..<(row + 1) * width
        }
        return inputs[0].picking(positions, as: type)
    }

    /// `gather`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let (table, indices) = (inputs[0].shape, inputs[1].shape)
        return text.emit(
            "gather", inputs, as: type,
            """
            dimension_numbers = #stablehlo.gather<offset_dims = \(Array(indices.rank..<type.shape.rank)), collapsed_slice_dims = [0], \
            start_index_map = [0], index_vector_dim = \(indices.rank)>
            """, "slice_sizes = \(text.array([1] + table.dimensions.dropFirst()))", "indices_are_sorted = false")
    }
}

/// Rows added into a table of zeros by their indices (StableHLO `scatter` with addition): updates `[indices…, …]` → `[rows, …]`.
public struct ScatterAdd: Primitive {
    /// `scatteradd`
    public static let name = "scatteradd"
    /// Rows of the result.
    public let rows: Int

    /// The sum into a table of `rows` rows.
    public init(rows: Int) { self.rows = rows }

    /// `rows` followed by a row's shape.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        let (updates, indices) = (inputs[0], inputs[1])
        try checkArithmetic(Self.name, updates)
        guard indices.dtype == .int32 || indices.dtype == .int64 else {
            throw ShapeError(
                Self.name, "indices are \(indices.dtype), expected i32 or i64", hint: "convert them with converted(to: .int64)")
        }
        guard Array(updates.shape.dimensions.prefix(indices.shape.rank)) == indices.shape.dimensions else {
            throw ShapeError(Self.name, "updates \(updates) do not begin with the indices' shape \(indices.shape)")
        }
        return TensorType(updates.dtype, Shape([rows] + updates.shape.dimensions.dropFirst(indices.shape.rank)))
    }

    /// The rows of dy that were added to; zero for rows that were left out.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        let (updates, indices) = (inputs[0], inputs[1])
        guard rows > 0 else { return [Tensor.zerosLike(updates), nil] }
        let isInside = (indices .>= 0) .& (indices .< Double(rows))
        // An engine may refuse to gather what is outside.
        let rows = Tensor.apply(Gather(), [upstream, `where`(isInside, indices, Tensor.zerosLike(indices))])
        let column = Shape(indices.shape.dimensions + [Int](repeating: 1, count: updates.rank - indices.rank))
        return [`where`(isInside.reshaped(to: column), rows, Tensor.zerosLike(updates)), nil]
    }

    /// Adds in the order of the indices; rows outside are left out, as StableHLO says.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let width = type.shape.dimensions.dropFirst().reduce(1, *)
        func add<T: AdditiveArithmetic>(_ updates: [T], _ plus: (T, T) -> T) -> [T] {
            var result = [T](repeating: .zero, count: type.shape.count)
            for (position, row) in inputs[1].integers.enumerated() where row >= 0 && row < rows {
                for column in 0..<width {
                    result[Int(row) * width + column] = plus(result[Int(row) * width + column], updates[position * width + column])
                }
            }
            return result
        }
        return type.dtype.isFloatingPoint
            ? HostArray(add(inputs[0].doubles, +), as: type) : HostArray(add(inputs[0].integers, &+), as: type)
    }

    /// `scatter` into zeros.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let zeros = text.constant(0, StableHLOType(type))
        return text.scatter(inputs[0], at: inputs[1], into: zeros)
    }
}

extension Tensor {
    /// The entries at `indices` (`i32` or `i64`, any shape) along an axis; that axis is replaced by the indices' axes.
    public func gathered(_ indices: Tensor, axis: Int = 0, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let location = SourceLocation(file: file, line: line)
        let axis = checkedAxis(axis, "gather", at: location)
        if axis == 0 { return .apply(Gather(), [self, indices], at: location) }
        // Bring the axis to the front, gather, and bring the axes that were before it back.
        let front = transposed([axis] + (0..<rank).filter { $0 != axis })
        let k = indices.rank
        let guess = TensorType(dtype, Shape(indices.shape.dimensions + front.shape.dimensions.dropFirst()))
        let rows = Tensor.apply(Gather(), [front, indices], at: location, guess: guess)
        return rows.transposed(Array(k..<k + axis) + Array(0..<k) + Array((k + axis)..<rows.rank))
    }

    /// The tensor with `updates` (`[indices…, row…]`) added to the rows at `indices`; an index may come more than once.
    public func scatterAdded(_ updates: Tensor, at indices: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let location = SourceLocation(file: file, line: line)
        guard rank > 0 else { return .failed(ShapeError("scatterAdded", "a scalar has no rows"), [self], at: location) }
        let expected = Shape(indices.shape.dimensions + shape.dimensions.dropFirst())
        guard updates.type == TensorType(dtype, expected) else {
            return .failed(
                ShapeError(
                    "scatterAdded",
                    "updates are \(updates.type), table \(type) and indices \(indices.shape) want \(TensorType(dtype, expected))"), [self],
                at: location)
        }
        return self + .apply(ScatterAdd(rows: shape[0]), [updates, indices], at: location)
    }
}

/// 1 at each index, 0 elsewhere, along a new last axis of extent `depth`; an index outside gives a row of zeros.
public func oneHot(
    _ indices: Tensor, depth: Int, dtype: DType = .float32, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let shape = Shape(indices.shape.dimensions + [depth])
    guard indices.dtype.isArithmetic, !indices.dtype.isFloatingPoint, depth >= 0 else {
        return .failed(
            ShapeError("oneHot", "indices are \(indices.type), depth is \(depth): expected i32, i64 or u8, and a depth of at least 0"),
            [indices], at: SourceLocation(file: file, line: line), guess: TensorType(dtype, shape))
    }
    // Bytes could not count beyond 255.
    let indices = indices.dtype == .uint8 ? indices.converted(to: .int32) : indices
    return (indices.unsqueezed(axis: -1) .== Tensor.iota(TensorType(indices.dtype, shape), axis: indices.rank)).converted(to: dtype)
}

extension StableHLOWriter {
    /// Writes the sum of a table and rows at their indices; rows outside are left out.
    mutating func scatter(_ updates: StableHLOValue, at indices: StableHLOValue, into table: StableHLOValue) -> StableHLOValue {
        let window = Array(indices.shape.rank..<updates.shape.rank)
        return emit(
            "scatter", [table, indices, updates], as: table.type,
            """
            scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = \(window), inserted_window_dims = [0], \
            scatter_dims_to_operand_dims = [0], index_vector_dim = \(indices.shape.rank)>
            """, "indices_are_sorted = false", "unique_indices = false", regions: { $0.emit("add", $1, $2) })
    }
}
