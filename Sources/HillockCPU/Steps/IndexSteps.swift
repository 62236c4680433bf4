import CKernels
import HillockCore

/// Copies rows of a table.
final class GatherStep: Step {
    private let table: TensorType
    private let indices: TensorType
    private let sources: (BufferID, BufferID)
    private let target: BufferID

    init(_ table: TensorType, _ indices: TensorType, _ tableBuffer: BufferID, _ indexBuffer: BufferID, _ target: BufferID) {
        self.table = table
        self.indices = indices
        sources = (tableBuffer, indexBuffer)
        self.target = target
    }

    var reads: [BufferID] { [sources.0, sources.1] }
    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) throws {
        let width = table.shape.dimensions.dropFirst().reduce(1, *)
        let bad = hk_gather_rows(
            Int32(table.dtype.byteCount), pointers[sources.0], Int64(table.shape[0]), Int64(width), Int32(indices.dtype.rawValue),
            pointers[sources.1], Int64(indices.shape.count), pointers[target])
        if bad >= 0 { throw indexError("gather", Int(bad), pointers[sources.1], indices.dtype, rows: table.shape[0]) }
    }

    var explanation: String { "gather \(table) by \(indices)" }

    /// The rows that are asked for, not the table.
    func byteCount(_ buffers: [BufferInfo]) -> Int { 2 * buffers[target].byteCount + buffers[sources.1].byteCount }
}

/// Adds rows into a table of zeros.
final class ScatterAddStep: Step {
    private let table: TensorType
    private let indices: TensorType
    private let sources: (BufferID, BufferID)
    private let target: BufferID

    init(_ table: TensorType, _ indices: TensorType, _ updates: BufferID, _ indexBuffer: BufferID, _ target: BufferID) {
        self.table = table
        self.indices = indices
        sources = (updates, indexBuffer)
        self.target = target
    }

    var reads: [BufferID] { [sources.0, sources.1] }
    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) throws {
        var zero: UInt8 = 0
        hk_fill(1, &zero, pointers[target], Int64(table.byteCount))
        let width = table.shape.dimensions.dropFirst().reduce(1, *)
        let bad = hk_scatter_add_rows(
            Int32(table.dtype.rawValue), pointers[target], Int64(table.shape[0]), Int64(width), Int32(indices.dtype.rawValue),
            pointers[sources.1], Int64(indices.shape.count), pointers[sources.0])
        if bad >= 0 { throw indexError("scatteradd", Int(bad), pointers[sources.1], indices.dtype, rows: table.shape[0]) }
    }

    var explanation: String { "scatter-add \(table) by \(indices)" }
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
