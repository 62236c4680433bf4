import CKernels
import HillockCore

/// Copies rows of a table, or adds rows into a table of zeros.
final class RowsStep: Step {
    enum Kind: String {
        /// From the table to the result.
        case gather
        /// From the updates to the result, which is the table.
        case scatterAdd = "scatter-add"
    }

    private let kind: Kind
    private let table: TensorType
    private let indices: TensorType
    private let source: BufferID
    private let indexBuffer: BufferID
    private let target: BufferID
    /// Where in the target a gathered row begins.
    private let place: Strided

    /// Gathered rows lie beside each other, or in `place`, of shape `[indices, row]` with dense rows.
    init(
        _ kind: Kind, _ table: TensorType, _ indices: TensorType, _ source: BufferID, _ indexBuffer: BufferID, _ target: BufferID,
        at place: Strided? = nil
    ) {
        (self.kind, self.table, self.indices) = (kind, table, indices)
        (self.source, self.indexBuffer, self.target) = (source, indexBuffer, target)
        self.place = place ?? Strided(dense: Self.matrix(table, indices))
    }

    /// The shape of the rows of a table that indices name, as a matrix: `[indices, row]`.
    static func matrix(_ table: TensorType, _ indices: TensorType) -> Shape {
        Shape([indices.shape.count, table.shape.dimensions.dropFirst().reduce(1, *)])
    }

    /// The same gathering into a part of something else's memory, if rows stay whole there.
    func gathering(into target: BufferID, at part: Strided) -> RowsStep? {
        guard kind == .gather, let place = part.denseRows(Self.matrix(table, indices)) else { return nil }
        return RowsStep(.gather, table, indices, source, indexBuffer, target, at: place)
    }

    var reads: [BufferID] { [source, indexBuffer] }
    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) throws {
        let (rows, width) = (table.shape[0], Int64(place.shape[1]))
        let (indexType, count) = (Int32(indices.dtype.rawValue), Int64(place.shape[0]))
        let bad: Int64
        switch kind {
        case .gather:
            bad = hk_gather_rows(
                Int32(table.dtype.byteCount), pointers[source], Int64(rows), width, indexType, pointers[indexBuffer], count,
                pointers[target] + place.offset * table.dtype.byteCount, Int64(place.strides[0]))
        case .scatterAdd:
            var zero: UInt8 = 0
            hk_fill(1, &zero, pointers[target], Int64(table.byteCount))
            bad = hk_scatter_add_rows(
                Int32(table.dtype.rawValue), pointers[target], Int64(rows), width, indexType, pointers[indexBuffer], count, pointers[source]
            )
        }
        if bad >= 0 {
            throw indexError(kind == .gather ? "gather" : "scatteradd", Int(bad), pointers[indexBuffer], indices.dtype, rows: rows)
        }
    }

    var explanation: String { "\(kind.rawValue) \(table) by \(indices)" }

    /// The rows that are asked for, not the table that they are taken from.
    func byteCount(_ buffers: [BufferInfo]) -> Int {
        let written = kind == .gather ? place.shape.count * table.dtype.byteCount : buffers[target].byteCount
        return (kind == .gather ? written : buffers[source].byteCount) + written + buffers[indexBuffer].byteCount
    }
}

/// An index that is no row, found while the rows were moved.
func indexError(_ operation: String, _ position: Int, _ indices: UnsafeMutableRawPointer, _ dtype: DType, rows: Int) -> ShapeError {
    let index =
        dtype == .int32
        ? Int(indices.load(fromByteOffset: 4 * position, as: Int32.self)) : indices.load(fromByteOffset: 8 * position, as: Int.self)
    return ShapeError(operation, "index \(index) at position \(position) is out of range for \(rows) rows")
}

/// Draws random numbers.
final class RandomStep: Step {
    private let random: RandomNumbers
    private let key: BufferID
    private let target: BufferID

    init(_ random: RandomNumbers, _ key: BufferID, _ target: BufferID) {
        self.random = random
        self.key = key
        self.target = target
    }

    var reads: [BufferID] { [key] }
    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        let key = pointers[key].load(as: UInt64.self)
        let count = Int64(random.type.shape.count)
        if random.type.dtype == .float32 {
            let values = pointers[target].assumingMemoryBound(to: Float.self)
            random.distribution == .uniform
                ? hk_philox_uniform_f32(key, 0, values, count) : hk_philox_normal_f32(key, 0, values, count)
        } else {
            let values = pointers[target].assumingMemoryBound(to: Double.self)
            random.distribution == .uniform
                ? hk_philox_uniform_f64(key, 0, values, count) : hk_philox_normal_f64(key, 0, values, count)
        }
    }

    var explanation: String { "random \(random.distribution) \(random.type)" }
}
