import CKernels
import COneDNN
import HillockCore

extension Lowering {
    /// f32 goes to oneDNN, or where that is slower to a kernel of our own, transposes by strides; bf16 to oneDNN;
    /// other dtypes to a blocked kernel. What was fused with the product is done on the way out.
    mutating func lowerMatrixMultiply(
        _ product: MatrixMultiply, _ value: Int, _ instruction: Program.Instruction, fused: FusedMatrixMultiply? = nil, sums: Int? = nil
    ) throws {
        let dtype = program.type(of: instruction.operands[0]).dtype
        guard instruction.type.dtype == .float32, hasElements(instruction), dtype == .float32 || hk_has_bf16() else {
            return try lowerPlainMatrixMultiply(product, value, instruction)
        }
        if dtype == .float32, instruction.primitive is MatrixMultiply, try leavesToOptimizer(value) { return }
        let shape = instruction.type.shape
        if dtype == .float32, try lowerOwnMatrixMultiply(product, value, instruction, fused, sums: sums) { return }
        guard fused?.isGated != true, fused?.sumsLeft != true else {
            let what = fused?.isGated == true ? "through relu" : "with the bias's gradient"
            throw CPUEngineError(description: "[cpu] a product of \(instruction.type) \(what) has no kernel and was not expanded")
        }
        let bias = fused?.hasBias == true ? try plainBuffer(instruction.operands[2]) : nil
        let hasRelu = fused?.hasRelu == true
        let w = try strided(instruction.operands[1])
        let columns = product.transposesRight ? w.view.transposedMatrices : w.view
        let a = try matrices(instruction.operands[0])
        let left = product.transposesLeft ? a.view.transposedMatrices : a.view
        let src = try OneDNNLayout.strided(left.shape.dimensions, strides: left.strides, dtype: dtype)
        let dst = try OneDNNLayout.strided(shape.dimensions)
        let biasLayout = try bias.map { _ in try OneDNNLayout.strided([Int](repeating: 1, count: shape.rank - 1) + [shape[-1]]) }
        func primitive(_ weights: OneDNNLayout) throws -> OneDNNPrimitive {
            try OneDNNPrimitive([src, weights, biasLayout, dst]) {
                hd_matmul_create(&$0, $1[0], $1[1], $1[2], nil, $1[3], Int32((hasRelu ? HD_POST_RELU : HD_POST_NONE).rawValue))
            }
        }
        let made: OneDNNPrimitive
        let right: BufferID
        var layouts: [BufferID: PhysicalLayout] = [:]
        if dtype == .float32, isOnlyMultipliedBy(instruction.operands[1]), columns.offset == 0, columns.shape.rank == 2, shape.rank == 2 {
            // A weight that nothing changes: packed once, and kept so.
            made = try primitive(.any(columns.shape.dimensions))
            let packed = OpaqueLayout(
                made.layout(Int(HD_MATMUL_WEIGHTS)), program.type(of: instruction.operands[1]).shape, dims: columns.shape.dimensions,
                strides: columns.strides)
            right = try buffer(instruction.operands[1], in: .opaque(packed))
            layouts[right] = .opaque(packed)
        } else {
            let b = try matrices(instruction.operands[1])
            let view = product.transposesRight ? b.view.transposedMatrices : b.view
            made = try primitive(.strided(view.shape.dimensions, strides: view.strides, dtype: dtype))
            right = b.buffer
        }
        var reads = [(Int32(HD_MATMUL_SRC), a.buffer), (Int32(HD_MATMUL_WEIGHTS), right)]
        if let bias { reads.append((Int32(HD_MATMUL_BIAS), bias)) }
        let kind = dtype == .float32 ? "" : " \(dtype)"
        let text = "matmul \(left.shape) × \(columns.shape)\(kind)\(bias == nil ? "" : " + bias")\(hasRelu ? ", relu" : "")"
        steps.append(
            OneDNNStep(made, reads: reads, writes: [(Int32(HD_MATMUL_DST), makeBuffer(for: value))], layouts: layouts, text))
    }

    /// Uses our own kernel where that is faster.
    private mutating func lowerOwnMatrixMultiply(
        _ product: MatrixMultiply, _ value: Int, _ instruction: Program.Instruction, _ fused: FusedMatrixMultiply?, sums: Int?
    ) throws -> Bool {
        let (a, b) = (try strided(instruction.operands[0]), try strided(instruction.operands[1]))
        let left = product.transposesLeft ? a.view.transposedMatrices : a.view
        let right = product.transposesRight ? b.view.transposedMatrices : b.view
        guard
            fused?.isGated == true || fused?.sumsLeft == true || ProductStep.isFaster(instruction.type.shape, left, right)
                || isBrief && ProductStep.isNearlyAsFast(instruction.type.shape)
        else { return false }
        let bias = fused?.hasBias == true ? try plainBuffer(instruction.operands[2]) : nil
        let gate = fused?.isGated == true ? try plainBuffer(instruction.operands.last!) : nil
        let packed = packedWeight(instruction.operands[1], b.buffer, right, rows: instruction.type.shape[-2])
        let target = makeBuffer(for: value)
        steps.append(
            ProductStep(
                instruction.type.shape, (a.buffer, left), (b.buffer, right), bias: bias, hasRelu: fused?.hasRelu == true, gate: gate,
                packed: packed, sums: sums.map { makeBuffer(for: $0) }, target))
        return true
    }

    /// A weight that nothing changes, packed for our own kernel by a step of the prologue. For a few rows that saves packing in every product;
    /// for fewer a weight that stays in the cache, up to 4 MiB, is read faster by panels.
    private mutating func packedWeight(_ value: Int, _ source: BufferID, _ matrix: Strided, rows: Int) -> BufferID? {
        let (k, n) = (Int64(matrix.shape[-2]), Int64(matrix.shape[-1]))
        guard PassSelection.current.includes(HoistPrologue.name), matrix.shape.rank == 2, isOnlyMultipliedBy(value),
            program.inputs[value].isParameter, k * n >= 1024, rows >= 4 || n >= 32 && k * n <= 1 << 20
        else { return nil }
        let packed = makeTemporary(byteCount: hk_gemm_packed_bytes(k, n))
        let (offset, row, column) = (matrix.offset, Int64(matrix.strides[0]), Int64(matrix.strides[1]))
        steps.append(
            KernelStep("pack \(matrix.shape)", reads: [source], writes: [packed]) { pointers in
                hk_gemm_pack(pointers.floats(source)! + offset, row, column, k, n, pointers.floats(packed))
            })
        return packed
    }

    /// Whether a value is an argument that the program only multiplies by: the weight of a layer that is applied, not trained.
    private func isOnlyMultipliedBy(_ value: Int) -> Bool {
        guard PassSelection.current.includes(LayOutArguments.name), value < program.inputs.count, !program.outputs.contains(value) else {
            return false
        }
        return uses[value].allSatisfy { position in
            let user = program.instructions[position]
            return (user.primitive is MatrixMultiply || user.primitive is FusedMatrixMultiply) && user.operands[1] == value
                && user.operands[0] != value
        }
    }

    /// A value as matrices: strided where one of the last two axes is contiguous and nothing is shifted or repeated, else copied.
    private mutating func matrices(_ value: Int) throws -> (buffer: BufferID, view: Strided) {
        let (buffer, view) = try strided(value)
        let last = view.strides.suffix(2)
        let isMatrix = view.offset == 0 && last.contains(1) && view.strides.allSatisfy { $0 > 0 }
        if isMatrix { return (buffer, view) }
        return (try plainBuffer(value), Strided(dense: program.type(of: value).shape))
    }

    private mutating func lowerPlainMatrixMultiply(_ product: MatrixMultiply, _ value: Int, _ instruction: Program.Instruction) throws {
        guard instruction.type.dtype != .uint8, product.dtype == nil else { return try lowerByDefinition(value, instruction) }
        let a = try strided(instruction.operands[0])
        let b = try strided(instruction.operands[1])
        steps.append(
            MatrixMultiplyStep(
                instruction.type, a.buffer, product.transposesLeft ? a.view.transposedMatrices : a.view, b.buffer,
                product.transposesRight ? b.view.transposedMatrices : b.view, makeBuffer(for: value)))
    }
}

extension Program {
    /// Whether all of the program's work is so little that oneDNN, which takes longer to load than such a program to run, may stay out of it.
    ///
    /// By shapes alone, so that a program gives the same bits in every process.
    var isBrief: Bool {
        var work = 0
        for instruction in instructions {
            switch instruction.primitive {
            case is MatrixMultiply, is FusedMatrixMultiply:
                let (left, result) = (type(of: instruction.operands[0]).shape, instruction.type.shape)
                work += left.count * result[-1]
            case is Convolution, is ConvolutionInputGradient, is ConvolutionWeightGradient, is FusedConvolution, is FusedWeightGradient:
                return false
            default: break
            }
        }
        return work <= 1 << 25
    }
}

extension FusedMatrixMultiply: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { true }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        guard let value = call.results[0] else { fatalError("[cpu] a product that nobody uses") }
        let sums = sumsLeft ? call.results[1] : nil
        try lowering.lowerMatrixMultiply(product, value, lowering.program.instruction(call.value)!, fused: self, sums: sums)
    }
}

extension Strided {
    /// The last two axes exchanged.
    var transposedMatrices: Strided {
        var result = self
        var extents = shape.dimensions
        result.strides.swapAt(shape.rank - 1, shape.rank - 2)
        extents.swapAt(shape.rank - 1, shape.rank - 2)
        result.shape = Shape(extents)
        return result
    }
}

/// Matrix products of dtypes that oneDNN lacks, and of nothing.
final class MatrixMultiplyStep: Step {
    private let type: TensorType
    private let a: (buffer: BufferID, view: Strided)
    private let b: (buffer: BufferID, view: Strided)
    private let target: BufferID

    init(_ type: TensorType, _ a: BufferID, _ viewA: Strided, _ b: BufferID, _ viewB: Strided, _ target: BufferID) {
        self.type = type
        self.a = (a, viewA)
        self.b = (b, viewB)
        self.target = target
    }

    var reads: [BufferID] { [a.buffer, b.buffer] }
    var writes: [BufferID] { [target] }
    var scratchByteCount: Int { 0 }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) {
        guard type.shape.count > 0 else { return }
        let size = type.dtype.byteCount
        func strides(_ view: Strided) -> [Int64] { view.strides.map(Int64.init) }
        let (sa, sb) = (strides(a.view), strides(b.view))
        let batch = type.shape.dimensions.dropLast(2).map(Int64.init)
        hk_matmul(
            Int32(type.dtype.rawValue), Int32(batch.count), batch, Int64(type.shape[-2]), Int64(type.shape[-1]), Int64(a.view.shape[-1]),
            pointers[a.buffer] + a.view.offset * size, Array(sa.dropLast(2)), sa[sa.count - 2], sa[sa.count - 1],
            pointers[b.buffer] + b.view.offset * size, Array(sb.dropLast(2)), sb[sb.count - 2], sb[sb.count - 1], pointers[target])
    }

    var explanation: String { "matmul \(a.view.shape) × \(b.view.shape) \(type.dtype)" }
}
