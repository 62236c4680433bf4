import CKernels
import HillockCore

/// Copies elements from one walk to another of the same shape.
final class CopyStep: Step {
    private let dtype: DType
    private let source: BufferID
    private let target: BufferID
    private let from: Strided
    private let to: Strided
    private let extents: [Int64]
    private let fromStrides: [Int64]
    private let toStrides: [Int64]

    init(_ dtype: DType, _ source: BufferID, _ from: Strided, _ target: BufferID, _ to: Strided) {
        self.dtype = dtype
        self.source = source
        self.target = target
        self.from = from
        self.to = to
        // Axes of extent 1 and axes that follow each other on both sides are no axes of their own.
        var axes: [(extent: Int, from: Int, to: Int)] = []
        for axis in 0..<from.shape.rank where from.shape[axis] != 1 {
            let next = (extent: from.shape[axis], from: from.strides[axis], to: to.strides[axis])
            if let last = axes.last, last.from == next.from * next.extent, last.to == next.to * next.extent {
                axes[axes.count - 1] = (last.extent * next.extent, next.from, next.to)
            } else {
                axes.append(next)
            }
        }
        if axes.isEmpty { axes = [(1, 1, 1)] }
        extents = from.shape.count == 0 ? [0] : axes.map { Int64($0.extent) }
        fromStrides = axes.map { Int64($0.from) }
        toStrides = axes.map { Int64($0.to) }
    }

    var reads: [BufferID] { [source] }
    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        guard extents[0] > 0 else { return }
        let size = dtype.byteCount
        hk_strided_copy(
            Int32(size), Int32(extents.count), extents, pointers[source] + from.offset * size, fromStrides,
            pointers[target] + to.offset * size, toStrides)
    }

    var explanation: String { "copy \(from.shape) \(dtype), strides \(from.strides) → \(to.strides)" }
    var floatingPointOperations: Int? { 0 }

    func byteCount(_ buffers: [BufferInfo]) -> Int { (from.elementCount + to.elementCount) * dtype.byteCount }
    /// The strides say how both lie.
    func layout(of buffer: BufferID) -> PhysicalLayout? { nil }
}

/// Copies a buffer of numbers as it lies: what a residual is added to begins as the residual.
final class DuplicateStep: Step {
    let source: BufferID
    let target: BufferID
    private let shape: Shape
    private let layout: PhysicalLayout
    private let extents: [Int64]
    private let strides: [Int64] = [1]

    init(_ shape: Shape, _ layout: PhysicalLayout, _ source: BufferID, _ target: BufferID) {
        (self.shape, self.layout, self.source, self.target) = (shape, layout, source, target)
        extents = [Int64(layout.byteCount(of: shape) / 4)]
    }

    var reads: [BufferID] { [source] }
    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { 0 }
    func layout(of buffer: BufferID) -> PhysicalLayout? { layout }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        if extents[0] > 0 { hk_strided_copy(4, 1, extents, pointers[source], strides, pointers[target], strides) }
    }

    var explanation: String { "copy \(shape) \(layout)" }
    var floatingPointOperations: Int? { 0 }
}

/// Writes zeros.
final class ZeroStep: Step {
    private let target: BufferID
    private let byteCount: Int

    init(_ target: BufferID, byteCount: Int) {
        self.target = target
        self.byteCount = byteCount
    }

    var reads: [BufferID] { [] }
    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        var zero: UInt8 = 0
        hk_fill(1, &zero, pointers[target], Int64(byteCount))
    }

    var explanation: String { "zeros, \(ByteText.of(byteCount))" }
    var floatingPointOperations: Int? { 0 }
}

/// Runs a primitive's own definition.
final class DefinitionStep: Step {
    private let instruction: Program.Instruction
    private let types: [TensorType]
    private let target: BufferID
    let reads: [BufferID]

    init(_ instruction: Program.Instruction, _ inputs: [BufferID], _ types: [TensorType], _ target: BufferID) {
        self.instruction = instruction
        self.types = types
        self.target = target
        reads = inputs
    }

    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        let inputs = zip(reads, types).map { buffer, type in
            HostArray(
                dtype: type.dtype, shape: type.shape,
                storage: Storage(adopting: pointers[buffer], byteCount: type.byteCount, release: { _ in }))
        }
        let result = instruction.primitive.evaluate(inputs, as: instruction.type)
        result.withBytes { pointers[target].copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    }

    var explanation: String {
        "definition of \(type(of: instruction.primitive).name) \(instruction.type)"
    }
}
