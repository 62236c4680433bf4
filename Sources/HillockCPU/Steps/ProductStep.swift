import CKernels
import HillockCore

/// A matrix product, or a batch of them, by our own kernel: for few rows, where oneDNN spends its time on packing, for tiny products, where
/// it does on being called, and with AVX2, where its kernel is slow, for all. Reads any strides in place.
final class ProductStep: Step {
    private let a: (buffer: BufferID, view: Strided)
    private let b: (buffer: BufferID, view: Strided)
    private let bias: BufferID?
    /// Where it is at most 0, so is the result; of the result's shape.
    private let gate: BufferID?
    /// The right side as `hk_gemm_pack` leaves it, where it is a weight that nothing changes.
    private let packed: BufferID?
    private let target: BufferID
    /// Where the sums of the left side's rows go, if they are wanted.
    private let sums: BufferID?
    /// Elements of the target before the product's first.
    private let targetOffset: Int
    /// Where it is one of several products of an instruction.
    let floatingPointOperations: Int?
    /// But for the pointers, which are those of a run.
    private let product: hk_gemm_product

    init(
        _ shape: Shape, _ a: (buffer: BufferID, view: Strided), _ b: (buffer: BufferID, view: Strided), bias: BufferID?,
        hasRelu: Bool = false, gate: BufferID? = nil, packed: BufferID? = nil, sums: BufferID? = nil, _ target: BufferID,
        targetOffset: Int = 0, floatingPointOperations: Int? = nil
    ) {
        self.floatingPointOperations = floatingPointOperations
        self.a = a
        self.b = b
        self.bias = bias
        self.gate = gate
        self.packed = packed
        self.target = target
        self.sums = sums
        self.targetOffset = targetOffset
        let rank = shape.rank
        var product = hk_gemm_product()
        product.batch_rank = Int32(rank - 2)
        func write(_ values: [Int], to field: WritableKeyPath<hk_gemm_product, Axes>) {
            withUnsafeMutableBytes(of: &product[keyPath: field]) { bytes in
                for (axis, value) in values.prefix(rank - 2).enumerated() {
                    bytes.storeBytes(of: Int64(value), toByteOffset: axis * 8, as: Int64.self)
                }
            }
        }
        write(shape.dimensions, to: \.batch_extents)
        write(a.view.strides, to: \.a_batch)
        write(b.view.strides, to: \.b_batch)
        write(shape.strides, to: \.c_batch)
        (product.m, product.n, product.k) = (Int64(shape[-2]), Int64(shape[-1]), Int64(a.view.shape[-1]))
        (product.a_row, product.a_column) = (Int64(a.view.strides[rank - 2]), Int64(a.view.strides[rank - 1]))
        (product.b_row, product.b_column) = (Int64(b.view.strides[rank - 2]), Int64(b.view.strides[rank - 1]))
        product.c_row = product.n
        product.relu = hasRelu
        self.product = product
    }

    /// A C array of one number for each axis.
    private typealias Axes = (Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64)

    /// Whether the kernel is faster than oneDNN's for all products whose rank it takes.
    static var takesAll: Bool { InstructionSet.current == .avx2 }

    /// Whether the kernel is fast enough that closing gates in it beats oneDNN's with a pass over the result after it.
    static var closesGates: Bool { InstructionSet.current != .plain }

    /// Whether the kernel takes so many axes.
    static func takes(_ shape: Shape) -> Bool { shape.rank - 2 <= HK_MAX_RANK }

    /// Whether the kernel computes a weight's gradient, of a shape and so many terms, and sums the bias's while it packs the upstream
    /// gradient.
    ///
    /// Not in place of oneDNN's product with AVX-512, but where that wastes lanes on the last columns: where other programs kept the caches
    /// busy, a transformer's step took 1.06 times as long with ours, more than the sums take.
    static func sumsLeft(_ shape: Shape, depth: Int) -> Bool {
        guard takesAll || shape[1] % 16 != 0 else { return false }
        var product = hk_gemm_product()
        (product.m, product.n, product.k) = (Int64(shape[0]), Int64(shape[1]), Int64(depth))
        (product.a_row, product.a_column) = (1, product.m)
        return hk_gemm_packs_left(&product)
    }

    /// Where the kernel is faster than oneDNN's, as measured in `gemm.h`.
    static func isFaster(_ shape: Shape, _ left: Strided, _ right: Strided) -> Bool {
        guard takes(shape) else { return false }
        if takesAll { return true }
        let (m, n, k) = (shape[-2], shape[-1], left.shape[-1])
        let isTransposed = right.strides[shape.rank - 2] == 1 && left.strides[shape.rank - 1] == 1
        // What it takes to turn the right side, the sums being short.
        if shape.rank == 2, isTransposed, k <= 256, m >= 64, n >= 32 { return true }
        // Weight gradients whose last columns fill no vector: 256 x 2048 x 429 1.15 times, 3136 x 128 x 20 1.2 times as fast.
        if shape.rank == 2, n % 16 != 0, n >= 16, left.strides[0] == 1, m >= 64 { return true }
        return m <= 8 || m <= 16 && k >= 256 || n == 1 || n < 16 && k >= 256 && isTransposed || m * n * k < 4096
    }

    /// Where oneDNN's kernel is at most a tenth faster: measured from 32 x 32 x 32 to 512 x 512 x 784, either side transposed or not.
    static func isNearlyAsFast(_ shape: Shape) -> Bool { takes(shape) && shape[-1] >= 32 }

    var reads: [BufferID] { [a.buffer, packed ?? b.buffer] + [bias, gate].compactMap { $0 } }
    var writes: [BufferID] { [target] + [sums].compactMap { $0 } }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        func floats(_ buffer: BufferID, _ offset: Int) -> UnsafeMutablePointer<Float> {
            pointers[buffer].assumingMemoryBound(to: Float.self) + offset
        }
        var product = product
        product.a = UnsafePointer(floats(a.buffer, a.view.offset))
        if let packed {
            product.packed = UnsafePointer(floats(packed, 0))
        } else {
            product.b = UnsafePointer(floats(b.buffer, b.view.offset))
        }
        product.c = floats(target, targetOffset)
        if let bias { product.bias = UnsafePointer(floats(bias, 0)) }
        if let gate { product.gate = UnsafePointer(floats(gate, 0)) }
        if let sums { product.a_sums = floats(sums, 0) }
        hk_gemm(&product)
    }

    var explanation: String {
        var text = "matmul \(a.view.shape) × \(b.view.shape)"
        if bias != nil { text += " + bias" }
        if product.relu { text += ", relu" }
        if gate != nil { text += ", through relu" }
        if sums != nil { text += ", bias" }
        return text + ": own\(packed == nil ? "" : ", packed")"
    }
}
