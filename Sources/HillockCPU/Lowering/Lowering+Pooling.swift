import CKernels
import COneDNN
import HillockCore

/// A max pooling that recorded where its maxima are.
struct PooledForward {
    let geometry: PoolingGeometry
    let layout: PhysicalLayout
    let workspace: BufferID
    let workspaceLayout: OneDNNLayout
}

extension Lowering {
    /// In a blocked layout oneDNN pools, recording the maxima if the gradient will want them; row-major planes have a kernel of our own.
    mutating func lowerMaxPool(_ pool: MaxPool, _ value: Int, _ instruction: Program.Instruction) throws {
        let operand = resolve(instruction.operands[0])
        let layout = layouts(of: operand)[0]
        guard layout != .plain, !layout.isOpaque, pool.geometry.dilation == [1, 1], instruction.type.shape.count > 0 else {
            return try lowerPlainPool(.max, pool.geometry, [instruction.operands[0]], value, instruction.operands[0], value)
        }
        let shape = program.type(of: operand).shape
        let isTraining = uses[instruction.operands[0]].contains { program.instructions[$0].primitive is MaxPoolScatter }
        let src = try OneDNNLayout.of(shape, layout)
        let dst = try OneDNNLayout.of(instruction.type.shape, layout)
        let numbers = (pool.geometry.kernel.map(Int64.init), pool.geometry.strides.map(Int64.init), pool.geometry.padding.map(Int64.init))
        let primitive = try OneDNNPrimitive([src, dst]) {
            hd_pooling_forward_create(&$0, HD_POOL_MAX, isTraining ? 1 : 0, $1[0], $1[1], numbers.0, numbers.1, numbers.2, numbers.2)
        }
        let source = try buffer(operand, in: layout)
        var writes = [(Int32(HD_POOL_DST), makeBuffer(for: value, layout: layout))]
        if isTraining {
            let workspaceLayout = primitive.layout(Int(HD_POOL_WORKSPACE))
            let workspace = makeTemporary(byteCount: workspaceLayout.byteCount)
            writes.append((Int32(HD_POOL_WORKSPACE), workspace))
            poolings[operand, default: []].append(
                PooledForward(geometry: pool.geometry, layout: layout, workspace: workspace, workspaceLayout: workspaceLayout))
        }
        let layouts = [source: layout, writes[0].1: layout]
        steps.append(OneDNNStep(primitive, reads: [(Int32(HD_POOL_SRC), source)], writes: writes, layouts: layouts, "max pool \(shape)"))
    }

    /// Uses the record of the forward pass where there is one.
    mutating func lowerMaxPoolScatter(_ pool: MaxPoolScatter, _ value: Int, _ instruction: Program.Instruction) throws {
        let operand = resolve(instruction.operands[0])
        guard let forward = poolings[operand]?.first(where: { $0.geometry == pool.geometry }) else {
            return try lowerPlainPool(.scatter, pool.geometry, instruction.operands, value, value, instruction.operands[1])
        }
        let dy = program.type(of: instruction.operands[1]).shape
        let diffDst = try OneDNNLayout.of(dy, forward.layout)
        let diffSrc = try OneDNNLayout.of(instruction.type.shape, forward.layout)
        let numbers = (pool.geometry.kernel.map(Int64.init), pool.geometry.strides.map(Int64.init), pool.geometry.padding.map(Int64.init))
        let primitive = try OneDNNPrimitive([diffDst, diffSrc]) {
            hd_pooling_backward_create(&$0, HD_POOL_MAX, $1[0], $1[1], numbers.0, numbers.1, numbers.2, numbers.2)
        }
        let upstream = try buffer(resolve(instruction.operands[1]), in: forward.layout)
        let target = makeBuffer(for: value, layout: forward.layout)
        steps.append(
            OneDNNStep(
                primitive, reads: [(Int32(HD_POOL_BWD_DIFF_DST), upstream), (Int32(HD_POOL_BWD_WORKSPACE), forward.workspace)],
                writes: [(Int32(HD_POOL_BWD_DIFF_SRC), target)], layouts: [upstream: forward.layout, target: forward.layout],
                "max pool gradient \(instruction.type.shape)"))
    }

    mutating func lowerMaxPoolSelect(_ pool: MaxPoolSelect, _ value: Int, _ instruction: Program.Instruction) throws {
        try lowerPlainPool(.select, pool.geometry, instruction.operands, value, instruction.operands[0], value)
    }

    mutating func lowerAveragePool(_ pool: AveragePool, _ value: Int, _ instruction: Program.Instruction) throws {
        try lowerPlainPool(
            .average, pool.geometry, instruction.operands, value, instruction.operands[0], value, countsPadding: pool.countsPadding)
    }

    mutating func lowerAveragePoolGradient(_ pool: AveragePoolGradient, _ value: Int, _ instruction: Program.Instruction) throws {
        try lowerPlainPool(
            .averageGradient, pool.geometry, instruction.operands, value, value, instruction.operands[0], countsPadding: pool.countsPadding)
    }

    /// Pools row-major planes; `whole` and `pooled` are the values whose shapes are those before and after pooling.
    private mutating func lowerPlainPool(
        _ kind: PoolStep.Kind, _ geometry: PoolingGeometry, _ operands: [Int], _ value: Int, _ whole: Int, _ pooled: Int,
        countsPadding: Bool = false
    ) throws {
        let sources = try operands.map { try plainBuffer($0) }
        let types = (program.type(of: whole), program.type(of: pooled))
        steps.append(PoolStep(kind, geometry, whole: types.0, pooled: types.1.shape, sources, makeBuffer(for: value), countsPadding))
    }
}

/// Pooling of row-major planes, and its gradients.
final class PoolStep: Step {
    enum Kind { case max, scatter, select, average, averageGradient }

    private let kind: Kind
    private var pool = hk_pool()
    private let type: TensorType
    private let target: BufferID
    let reads: [BufferID]

    init(
        _ kind: Kind, _ geometry: PoolingGeometry, whole: TensorType, pooled: Shape, _ sources: [BufferID], _ target: BufferID,
        _ countsPadding: Bool
    ) {
        self.kind = kind
        type = whole
        reads = sources
        self.target = target
        func extents(_ pair: [Int]) -> (Int64, Int64) { (Int64(pair[0]), Int64(pair[1])) }
        pool.planes = Int64(whole.shape[0] * whole.shape[1])
        (pool.height, pool.width) = extents(Array(whole.shape.dimensions.suffix(2)))
        (pool.out_height, pool.out_width) = extents(Array(pooled.dimensions.suffix(2)))
        (pool.kernel_height, pool.kernel_width) = extents(geometry.kernel)
        (pool.stride_height, pool.stride_width) = extents(geometry.strides)
        (pool.dilation_height, pool.dilation_width) = extents(geometry.dilation)
        (pool.pad_top, pool.pad_left) = extents(geometry.padding)
        (pool.pad_bottom, pool.pad_right) = extents(geometry.padding)
        pool.include_padding = countsPadding
    }

    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        let dtype = Int32(type.dtype.rawValue)
        let first = pointers[reads[0]]
        switch kind {
        case .max: hk_maxpool(dtype, &pool, first, pointers[target])
        case .scatter: hk_maxpool_scatter(dtype, &pool, first, pointers[reads[1]], pointers[target])
        case .select: hk_maxpool_select(dtype, &pool, first, pointers[reads[1]], pointers[target])
        case .average: hk_avgpool(dtype, &pool, first, pointers[target])
        case .averageGradient: hk_avgpool_gradient(dtype, &pool, first, pointers[target])
        }
    }

    var explanation: String { "\(kind) pool \(type)" }
}
