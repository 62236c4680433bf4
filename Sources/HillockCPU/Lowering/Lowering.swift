import CKernels
import HillockCore

/// Turns a program into steps.
///
/// One walk over the instructions, which the passes have put into order and fused. Changes of shape are views that cost nothing where the
/// consumer can walk strides; everything else becomes a step at once. Values are kept in the layout that made them and copied into another
/// where a consumer wants it.
struct Lowering {
    /// Where a value is.
    enum Place {
        /// In one buffer for each layout that was wanted so far.
        case buffers([PhysicalLayout: BufferID])
        /// A way of walking another value's plain buffer.
        case view(of: Int, Strided)
        /// The same number everywhere.
        case splat(BufferID)
        /// Another value, f32, rounded to bf16 for who wants it so: convolutions may round it themselves.
        case rounded(Int)
        /// Rows of one value to be added up by the indices that are another: written only for who wants all of it.
        case scattered(updates: Int, indices: Int)
        /// The product of its instruction's operands, which only an optimizer wants and computes itself.
        case factored
    }

    let program: Program
    let uses: [[Int]]
    /// For each value whether it depends on parameters alone.
    let isOfParameters: [Bool]
    // Both are asked for by many instructions, and answered by looking at all.
    lazy var isBrief = program.isBrief
    lazy var hasWeightGradients = program.instructions.contains {
        $0.primitive is ConvolutionWeightGradient || $0.primitive is FusedWeightGradient
    }
    private lazy var sumsOntoOneAxis = program.sumsOntoOneAxis
    var places: [Place?]
    var buffers: [BufferInfo] = []
    var steps: [any Step] = []
    /// Buffers that a composite left for its gradient, by the composite's value number; what they mean is the composite's own affair.
    var workspaces: [Int: [BufferID]] = [:]
    /// Chooses among kernels.
    var tuner = Tuner()
    /// Kernels of convolutions that were met: networks repeat themselves, and primitives take long to make.
    var convolutions: [ConvolutionCall: any ConvolutionKernel] = [:]
    /// Indices that were grouped by row.
    var rowGroups: [RowGroupsKey: BufferID] = [:]
    /// Max-pooling steps by their input value, for the gradient to find their workspace.
    var poolings: [Int: [PooledForward]] = [:]

    init(_ program: Program) {
        self.program = program
        uses = program.uses
        isOfParameters = program.valuesOfParameters
        places = [Place?](repeating: nil, count: uses.count)
    }

    /// The steps of the whole program, with each result in memory of its own.
    mutating func makeDraft() throws -> PlanDraft {
        for (position, input) in program.inputs.enumerated() {
            let size = input.isScalar ? 8 : input.type.byteCount
            let kind: BufferInfo.Kind = input.isScalar ? .scalar(position) : .argument(position)
            let buffer = add(BufferInfo(kind: kind, byteCount: size, layout: .plain, value: position))
            places[position] = input.isScalar ? .splat(buffer) : .buffers([.plain: buffer])
        }
        /// The instruction that each step is made for.
        var origins: [Int?] = []
        for position in program.instructions.indices {
            try lower(position)
            origins += [Int?](repeating: position, count: steps.count - origins.count)
        }
        let results = try makeResults()
        origins += [Int?](repeating: nil, count: steps.count - origins.count)
        return PlanDraft(
            program: program, buffers: buffers, steps: zip(steps, origins).map { PlanDraft.Entry(step: $0, origin: $1) }, results: results,
            tuning: tuner.summary)
    }

    /// Puts every result into memory of its own; values that are arguments or views of one stay there.
    private mutating func makeResults() throws -> [(buffer: BufferID, type: TensorType)] {
        var results: [(buffer: BufferID, type: TensorType)] = []
        for (position, value) in program.outputs.enumerated() {
            // What lies in a layout of its own stays there: only reading it on the host copies it.
            var buffer =
                if case .buffers(let known)? = places[value], known[.plain] == nil, program.type(of: value).dtype == .float32 {
                    known.values.min()!
                } else {
                    try plainBuffer(value)
                }
            if case .temporary = buffers[buffer].kind {
                buffers[buffer].kind = .result(position)
            } else if case .scalar = buffers[buffer].kind {
                buffer = try copy(value, kind: .result(position))
            }
            results.append((buffer, program.type(of: value)))
        }
        return results
    }

    /// The sum over all rows of a value that is about to be written, if that is wanted later, as a bias's gradient is.
    mutating func sumOfRows(of value: Int) -> Int? {
        let sums = sumsOntoOneAxis[value] ?? []
        return sums.first { $0.extent == program.type(of: value).shape[-1] && $0.inner == 1 && places[$0.value] == nil }?.value
    }

    // MARK: - Buffers

    mutating func add(_ buffer: BufferInfo) -> BufferID {
        buffers.append(buffer)
        return buffers.count - 1
    }

    /// Memory for a value that a step is about to write.
    mutating func makeBuffer(for value: Int, layout: PhysicalLayout = .plain) -> BufferID {
        var byteCount = program.type(of: value).byteCount
        if case .opaque(let opaque) = layout { byteCount = opaque.layout.byteCount }
        let buffer = add(BufferInfo(kind: .temporary, byteCount: byteCount, layout: layout, value: value))
        if case .buffers(var known)? = places[value] {
            known[layout] = buffer
            places[value] = .buffers(known)
        } else {
            places[value] = .buffers([layout: buffer])
        }
        return buffer
    }

    /// Memory that one step hands to another outside of any value.
    mutating func makeTemporary(byteCount: Int) -> BufferID {
        add(BufferInfo(kind: .temporary, byteCount: byteCount, layout: .plain))
    }

    mutating func makeConstant(_ array: HostArray) -> BufferID {
        add(BufferInfo(kind: .constant(array.storage), byteCount: array.byteCount, layout: .plain))
    }

    /// The layouts in which a value already is, the plain one last.
    func layouts(of value: Int) -> [PhysicalLayout] {
        switch places[value] {
        case .buffers(let known):
            // In the order in which they were made, so that programs are lowered alike in every process.
            known.filter { $0.key != .plain }.sorted { $0.value < $1.value }.map(\.key) + (known[.plain] == nil ? [] : [.plain])
        case .view, .splat, .rounded, .scattered, .factored, nil: [.plain]
        }
    }

    /// A value's dense buffer in a layout; copied there if need be.
    mutating func buffer(_ value: Int, in layout: PhysicalLayout) throws -> BufferID {
        switch places[value] {
        case .buffers(let known):
            if let buffer = known[layout] { return buffer }
            let (shape, dtype) = (program.type(of: value).shape, program.type(of: value).dtype)
            if dtype != .float32 && !(dtype == .bfloat16 && isOpaque(known, layout)) { return try copy(value, known, to: layout) }
            let from = layouts(of: value)[0]
            let source = known[from]!
            if !from.converts(to: layout) {
                _ = try self.buffer(value, in: .plain)
                return try self.buffer(value, in: layout)
            }
            let target = makeBuffer(for: value, layout: layout)
            steps.append(try ReorderStep(shape, source, from, target, layout, dtypes: (dtype, dtype)))
            return target
        case .rounded(let source):
            return try round(source, to: value, in: layout)
        case .view, .splat:
            let buffer = try wholeBuffer(value) ?? copy(value, kind: .temporary)
            places[value] = .buffers([.plain: buffer])
            return layout == .plain ? buffer : try self.buffer(value, in: layout)
        case .scattered(let updates, let indices):
            let buffer = try addUp(value, updates, indices)
            return layout == .plain ? buffer : try self.buffer(value, in: layout)
        case .factored, nil:
            fatalError("[cpu] value %\(value) is used before it is made")
        }
    }

    /// Whether oneDNN alone can copy a value from where it is into a layout.
    private func isOpaque(_ known: [PhysicalLayout: BufferID], _ layout: PhysicalLayout) -> Bool {
        layout.isOpaque || known.keys.contains(where: \.isOpaque) && known[.plain] == nil
    }

    /// Rounds an f32 value to bf16 on its way into a layout.
    private mutating func round(_ source: Int, to value: Int, in layout: PhysicalLayout) throws -> BufferID {
        let root = resolve(source)
        let from = layouts(of: root)[0]
        guard layout != from, from.converts(to: layout) else {
            places[value] = nil
            try lowerElementwise(Program.Instruction(Convert(to: .bfloat16), [source], program.type(of: value)), value)
            return try buffer(value, in: layout)
        }
        let held = try buffer(root, in: from)
        let target = makeBuffer(for: value, layout: layout)
        steps.append(try ReorderStep(program.type(of: value).shape, held, from, target, layout, dtypes: (.float32, .bfloat16)))
        return target
    }

    /// Copies a value that oneDNN has no type for, such as a mask, into another layout: from the plain one, or into it first.
    private mutating func copy(_ value: Int, _ known: [PhysicalLayout: BufferID], to layout: PhysicalLayout) throws -> BufferID {
        let (source, other) = known[.plain].map { ($0, layout) } ?? (known[layouts(of: value)[0]]!, layouts(of: value)[0])
        guard !other.isOpaque else {
            throw CPUEngineError(description: "[cpu] \(program.type(of: value)) cannot be copied from or to \(other)")
        }
        let type = program.type(of: value)
        // Both walked in the order in which the layout that is not plain lies.
        let axes = other.axes(of: type.shape)
        let plain = type.shape.strides
        let laidOut = Strided(dense: Shape(axes.map(\.extent)))
        let rowMajor = Strided(offset: 0, strides: axes.map { plain[$0.axis] * $0.factor }, shape: laidOut.shape)
        let isFromPlain = known[.plain] != nil
        let target = makeBuffer(for: value, layout: isFromPlain ? layout : .plain)
        steps.append(CopyStep(type.dtype, source, isFromPlain ? rowMajor : laidOut, target, isFromPlain ? laidOut : rowMajor))
        return isFromPlain || layout == .plain ? target : try buffer(value, in: layout)
    }

    /// A value's row-major buffer.
    mutating func plainBuffer(_ value: Int) throws -> BufferID {
        try wholeBuffer(value) ?? buffer(value, in: .plain)
    }

    /// The buffer that a value is all of, under another shape.
    private mutating func wholeBuffer(_ value: Int) throws -> BufferID? {
        guard case .view(let root, let view)? = places[value], view.offset == 0, view.isDense,
            program.type(of: root).shape.count == view.shape.count
        else { return nil }
        return try buffer(root, in: .plain)
    }

    /// How to walk a value without copying it: a buffer, and strides over its elements.
    mutating func strided(_ value: Int) throws -> (buffer: BufferID, view: Strided) {
        let shape = program.type(of: value).shape
        switch places[value] {
        case .view(let root, let view): return (try buffer(root, in: .plain), view)
        case .splat(let buffer): return (buffer, Strided(offset: 0, strides: [Int](repeating: 0, count: shape.rank), shape: shape))
        default: return (try buffer(value, in: .plain), Strided(dense: shape))
        }
    }

    /// A buffer that begins with a scalar.
    mutating func cell(_ value: Int) throws -> BufferID {
        let (buffer, view) = try strided(value)
        return view.offset == 0 ? buffer : try plainBuffer(value)
    }

    /// Writes a view or splat out.
    private mutating func copy(_ value: Int, kind: BufferInfo.Kind) throws -> BufferID {
        let (source, view) = try strided(value)
        let type = program.type(of: value)
        let target = add(BufferInfo(kind: kind, byteCount: type.byteCount, layout: .plain, value: value))
        steps.append(CopyStep(type.dtype, source, view, target, Strided(dense: type.shape)))
        return target
    }
}

/// A way of walking memory: for each axis an extent and the distance between neighbours, in elements.
struct Strided: Equatable {
    var offset: Int
    var strides: [Int]
    var shape: Shape

    init(offset: Int, strides: [Int], shape: Shape) {
        self.offset = offset
        self.strides = strides
        self.shape = shape
    }

    init(dense shape: Shape) {
        self.init(offset: 0, strides: shape.strides, shape: shape)
    }

    /// How many elements of memory it meets: repeated ones count once.
    var elementCount: Int {
        (0..<shape.rank).reduce(1) { $0 * (strides[$1] == 0 && shape[$1] > 0 ? 1 : shape[$1]) }
    }

    /// Whether the elements follow each other in row-major order.
    var isDense: Bool {
        var expected = 1
        for axis in stride(from: shape.rank - 1, through: 0, by: -1) {
            if shape[axis] != 1, strides[axis] != expected { return false }
            expected *= shape[axis]
        }
        return true
    }

    /// The same elements as a matrix whose rows are dense, if strides can say so.
    func denseRows(_ matrix: Shape) -> Strided? {
        reshaped(to: matrix).flatMap { $0.strides[1] == 1 || matrix[1] == 1 ? $0 : nil }
    }

    /// The same elements under another shape, if strides can say so.
    func reshaped(to target: Shape) -> Strided? {
        if shape.count == 0 || target.count == 0 { return nil }
        var axis = 0
        var position = 0
        let source = shape.dimensions.indices.filter { shape[$0] != 1 }
        let wanted = target.dimensions.indices.filter { target[$0] != 1 }
        var byAxis = [Int](repeating: 0, count: target.rank)
        while position < wanted.count {
            guard axis < source.count else { return nil }
            // The smallest runs of axes on both sides with as many elements.
            var (a, b) = (axis + 1, position + 1)
            var (countA, countB) = (shape[source[axis]], target[wanted[position]])
            while countA != countB {
                if countA < countB {
                    guard a < source.count else { return nil }
                    countA *= shape[source[a]]
                    a += 1
                } else {
                    guard b < wanted.count else { return nil }
                    countB *= target[wanted[b]]
                    b += 1
                }
            }
            // The run must be evenly spaced to be cut differently.
            for k in axis..<a - 1 where strides[source[k]] != strides[source[k + 1]] * shape[source[k + 1]] { return nil }
            var step = strides[source[a - 1]]
            for k in stride(from: b - 1, through: position, by: -1) {
                byAxis[wanted[k]] = step
                step *= target[wanted[k]]
            }
            (axis, position) = (a, b)
        }
        return Strided(offset: offset, strides: byAxis, shape: target)
    }
}
