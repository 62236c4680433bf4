import CKernels
import HillockCore

/// Pooling of row-major planes, or of channels in blocks, and its gradients.
final class PoolStep: Step {
    enum Kind: String {
        case max = "max pool"
        case maxGradient = "max pool gradient"
        case select = "max pool select"
        case average = "average pool"
        case averageGradient = "average pool gradient"
    }

    private let kind: Kind
    private var pool: hk_pool
    private let type: TensorType
    private let layout: PhysicalLayout
    private let block: Int64
    private let sources: [BufferID]
    private let target: BufferID
    private let places: BufferID?

    /// - Parameters:
    ///   - whole: The type before pooling.
    ///   - pooled: The shape after it.
    ///   - layout: That of sources and target: plain or blocked.
    ///   - places: In blocks, where the maximum records its places, and its gradient finds them.
    ///   - isRectified: The gradient of the maximum goes through a rectifier before the pooling too.
    init(
        _ kind: Kind, _ geometry: PoolingGeometry, whole: TensorType, pooled: Shape, _ sources: [BufferID], _ target: BufferID,
        layout: PhysicalLayout = .plain, places: BufferID? = nil, countsPadding: Bool = false, isRectified: Bool = false
    ) {
        self.kind = kind
        type = whole
        (self.sources, self.target, self.layout, self.places) = (sources, target, layout, places)
        block = if case .blocked(let size) = layout { Int64(size) } else { 1 }
        func extents(_ shape: Shape) -> (Int64, Int64) { (Int64(shape[2]), Int64(shape[3])) }
        pool = geometry.windows
        pool.planes = Int64(whole.shape[0] * whole.shape[1]) / block
        (pool.height, pool.width) = extents(whole.shape)
        (pool.out_height, pool.out_width) = extents(pooled)
        pool.include_padding = countsPadding
        pool.rectified = isRectified
    }

    var reads: [BufferID] { kind == .maxGradient ? sources + [places].compactMap { $0 } : sources }
    var writes: [BufferID] { kind == .max ? [target] + [places].compactMap { $0 } : [target] }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        if layout != .plain { return runInBlocks(pointers) }
        let dtype = Int32(type.dtype.rawValue)
        let first = pointers[sources[0]]
        switch kind {
        case .max: hk_maxpool(dtype, &pool, first, pointers[target])
        case .maxGradient: hk_maxpool_scatter(dtype, &pool, first, pointers[sources[1]], pointers[target])
        case .select: hk_maxpool_select(dtype, &pool, first, pointers[sources[1]], pointers[target])
        case .average: hk_avgpool(dtype, &pool, first, pointers[target])
        case .averageGradient: hk_avgpool_gradient(dtype, &pool, first, pointers[target])
        }
    }

    private func runInBlocks(_ pointers: UnsafePointer<UnsafeMutableRawPointer>) {
        let (x, y) = (pointers.floats(sources[0]), pointers.floats(target))
        let record = places.map { pointers[$0].assumingMemoryBound(to: UInt8.self) }
        switch kind {
        case .max: hk_maxpool_blocked(&pool, block, x, y, record)
        case .maxGradient: hk_maxpool_blocked_gradient(&pool, block, record, x, y)
        case .average: hk_avgpool_blocked(&pool, block, x, y)
        case .averageGradient: hk_avgpool_blocked_gradient(&pool, block, x, y)
        case .select: fatalError("[cpu] selection by maxima has no kernel in blocks")
        }
    }

    func layout(of buffer: BufferID) -> PhysicalLayout? { buffer == places ? .plain : layout }

    var explanation: String { "\(kind.rawValue)\(pool.rectified ? " through relu" : "") \(type)" }
}

extension PoolingGeometry {
    /// The windows as kernels take them, without the shapes that they move over.
    var windows: hk_pool {
        func extents(_ pair: [Int]) -> (Int64, Int64) { (Int64(pair[0]), Int64(pair[1])) }
        var pool = hk_pool()
        (pool.kernel_height, pool.kernel_width) = extents(kernel)
        (pool.stride_height, pool.stride_width) = extents(strides)
        (pool.dilation_height, pool.dilation_width) = extents(dilation)
        (pool.pad_top, pool.pad_left) = extents(padding)
        (pool.pad_bottom, pool.pad_right) = extents(padding)
        return pool
    }
}
