import CKernels
import COneDNN
import HillockCore

extension Lowering {
    /// f32 goes to oneDNN, transposes by strides, a bias row added on the way out; other dtypes to a blocked kernel.
    mutating func lowerMatrixMultiply(_ product: MatrixMultiply, _ position: Int, _ value: Int, _ instruction: Program.Instruction) throws {
        guard instruction.type.dtype == .float32, hasElements(instruction) else {
            return try lowerPlainMatrixMultiply(product, value, instruction)
        }
        let (a, b) = (try matrices(instruction.operands[0]), try matrices(instruction.operands[1]))
        let shape = instruction.type.shape
        let (left, right) = (
            product.transposesLeft ? a.view.transposedMatrices : a.view, product.transposesRight ? b.view.transposedMatrices : b.view
        )
        var target = value
        var bias: BufferID?
        if let (sum, row) = try biasRow(of: value, channels: shape[-1], isRow: true) {
            absorbed.insert(sum)
            target = program.inputs.count + sum
            bias = row
        }
        let src = try OneDNNLayout.strided(left.shape.dimensions, strides: left.strides)
        let weights = try OneDNNLayout.strided(right.shape.dimensions, strides: right.strides)
        let dst = try OneDNNLayout.strided(shape.dimensions)
        let biasLayout = try bias.map { _ in try OneDNNLayout.strided([Int](repeating: 1, count: shape.rank - 1) + [shape[-1]]) }
        let primitive = try OneDNNPrimitive([src, weights, biasLayout, dst]) {
            hd_matmul_create(&$0, $1[0], $1[1], $1[2], nil, $1[3], Int32(HD_POST_NONE.rawValue))
        }
        var reads = [(Int32(HD_MATMUL_SRC), a.buffer), (Int32(HD_MATMUL_WEIGHTS), b.buffer)]
        if let bias { reads.append((Int32(HD_MATMUL_BIAS), bias)) }
        let text = "matmul \(left.shape) × \(right.shape)\(bias == nil ? "" : " + bias")"
        steps.append(OneDNNStep(primitive, reads: reads, writes: [(Int32(HD_MATMUL_DST), makeBuffer(for: target))], text))
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
        guard instruction.type.dtype != .uint8 else { return try lowerByDefinition(value, instruction) }
        let a = try strided(instruction.operands[0])
        let b = try strided(instruction.operands[1])
        steps.append(
            MatrixMultiplyStep(
                instruction.type, a.buffer, product.transposesLeft ? a.view.transposedMatrices : a.view, b.buffer,
                product.transposesRight ? b.view.transposedMatrices : b.view, makeBuffer(for: value)))
    }

    /// If a value's only use is that a bias is added to it, the position of that addition and the bias's buffer.
    ///
    /// The bias is a dense vector of `channels` elements, repeated along every axis but the last (`isRow`) or but axis 1.
    mutating func biasRow(of value: Int, channels: Int, isRow: Bool) throws -> (sum: Int, bias: BufferID)? {
        guard uses[value].count == 1, !program.outputs.contains(value) else { return nil }
        let sum = uses[value][0]
        let instruction = program.instructions[sum]
        guard instruction.primitive is Add, let other = instruction.operands.first(where: { $0 != value }) else { return nil }
        // The repeated vector must be known by now: it is reached through views of an argument or of an earlier value.
        let rank = instruction.type.shape.rank
        let axis = isRow ? rank - 1 : 1
        guard let (root, view) = viewBelow(other), places[root] != nil, view.offset == 0, program.type(of: root).shape.count == channels,
            instruction.type.shape[axis] == channels
        else { return nil }
        for k in 0..<rank where view.strides[k] != (k == axis && channels > 1 ? 1 : 0) && view.shape[k] != 1 { return nil }
        return (sum, try buffer(root, in: .plain))
    }

    /// A value as a view of an earlier one, found through instructions that may not be lowered yet.
    private func viewBelow(_ value: Int) -> (root: Int, view: Strided)? {
        guard value >= program.inputs.count,
            let primitive = program.instructions[value - program.inputs.count].primitive as? any ViewPrimitive
        else { return (value, Strided(dense: program.type(of: value).shape)) }
        guard let (root, view) = viewBelow(program.instructions[value - program.inputs.count].operands[0]) else { return nil }
        return primitive.view(of: view, as: program.type(of: value).shape).map { (root, $0) }
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

    var explanation: String { "matmul \(a.view.shape) × \(b.view.shape) \(type.dtype), reads \(reads), writes \(target)" }
}
