import CKernels
import HillockCore

/// Folds axes.
final class ReduceStep: Step {
    /// How much memory that falls into one element is read: the bits are the same, which is faster is the processor's matter.
    enum Reading: String, CaseIterable {
        case fourPlaces = "four places at once"
        case endToEnd = "from end to end"
    }

    var reading = Reading.endToEnd
    private let kind: Reduce.Kind
    private let reduction: Int32
    private let dtype: DType
    private let source: BufferID
    private let target: BufferID
    private let view: Strided
    private let extents: [Int64]
    private let strides: [Int64]
    private let flags: [Bool]

    init(_ kind: Reduce.Kind, _ dtype: DType, _ source: BufferID, _ view: Strided, _ flags: [Bool], _ target: BufferID) {
        self.kind = kind
        reduction = Reduce(kind, axes: []).reduction
        self.dtype = dtype
        self.source = source
        self.target = target
        self.view = view
        // Neighbouring axes that are folded alike and evenly spaced are one axis.
        var axes: [(extent: Int, stride: Int, flag: Bool)] = []
        for axis in 0..<view.shape.rank where view.shape[axis] != 1 {
            let next = (extent: view.shape[axis], stride: view.strides[axis], flag: flags[axis])
            if let last = axes.last, last.flag == next.flag, last.stride == next.stride * next.extent {
                axes[axes.count - 1] = (last.extent * next.extent, next.stride, next.flag)
            } else {
                axes.append(next)
            }
        }
        if axes.isEmpty { axes = [(1, 1, true)] }
        extents = axes.map { Int64($0.extent) }
        strides = axes.map { Int64($0.stride) }
        self.flags = axes.map(\.flag)
    }

    /// Walks a dense buffer of values of `type` as they lie in a layout, which must meet the axes that are kept in their order.
    convenience init(_ reduce: Reduce, _ type: TensorType, _ source: BufferID, _ layout: PhysicalLayout, _ target: BufferID) {
        let axes = layout.axes(of: type.shape)
        let view = Strided(dense: Shape(axes.map(\.extent)))
        self.init(reduce.kind, type.dtype, source, view, axes.map { reduce.axes.contains($0.axis) }, target)
    }

    var reads: [BufferID] { [source] }
    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        hk_reduce(
            reduction, Int32(dtype.rawValue), Int32(extents.count), extents, strides, flags, reading == .fourPlaces,
            pointers[source] + view.offset * dtype.byteCount, pointers[target])
    }

    /// Whether the way of reading matters: neighbours fall into one element, and caches do not hold them.
    var readsMuch: Bool { flags.last == true && strides.last == 1 && view.elementCount * dtype.byteCount >= 16 << 20 }

    /// The choice among the ways of reading, tried on a sum of 64 MiB, which stands for all of them.
    static var readings: [Tuner.Candidate<Reading>] {
        Reading.allCases.map { reading in
            .init(
                name: reading.rawValue, make: { reading },
                trial: {
                    let type = TensorType(.float32, [1 << 24])
                    let step = ReduceStep(Reduce(.sum, axes: [0]), type, 0, .plain, 1)
                    step.reading = reading
                    return (step, [type.byteCount, 4])
                })
        }
    }

    /// `sum over [64, ·, 196]`: the extents that are folded, and points for those that are kept; how they are read where that matters.
    var explanation: String {
        let folded = zip(extents, flags).map { $1 ? "\($0)" : "·" }.joined(separator: ", ")
        return "\(kind) of \(view.shape) \(dtype) over [\(folded)]" + (readsMuch ? " \(reading.rawValue)" : "")
    }

    /// The strides say how the source lies.
    func layout(of buffer: BufferID) -> PhysicalLayout? { buffer == target ? .plain : nil }

    func byteCount(_ buffers: [BufferInfo]) -> Int {
        Swift.min(view.elementCount * dtype.byteCount, buffers[source].byteCount) + buffers[target].byteCount
    }
}

/// Finds the greatest or least along an axis.
final class ArgReduceStep: Step {
    private let search: ArgReduce
    private let type: TensorType
    private let source: BufferID
    private let target: BufferID
    private let outer: Int64
    private let inner: Int64

    init(_ search: ArgReduce, _ type: TensorType, _ source: BufferID, _ target: BufferID) {
        self.search = search
        self.type = type
        self.source = source
        self.target = target
        outer = Int64(type.shape.dimensions[..<search.axis].reduce(1, *))
        inner = Int64(type.shape.dimensions[(search.axis + 1)...].reduce(1, *))
    }

    var reads: [BufferID] { [source] }
    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        let kernel = search.isMaximum ? hk_argmax : hk_argmin
        kernel(
            Int32(type.dtype.rawValue), outer, Int64(type.shape[search.axis]), inner, pointers[source], Int32(DType.int64.rawValue),
            pointers[target])
    }

    var explanation: String { "\(search.isMaximum ? "argmax" : "argmin") \(type) axis \(search.axis)" }
}
