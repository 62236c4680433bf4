import CKernels
import COneDNN
import HillockCore

/// A max pooling that recorded where its maxima are.
struct PooledForward {
    let geometry: PoolingGeometry
    let layout: PhysicalLayout
    let workspace: BufferID
    /// Whether our own kernel recorded them.
    let isOwn: Bool
}

extension Lowering {
    /// In a blocked layout the maxima are recorded if the gradient will want them. Nothing to do if the gradient came first.
    mutating func lowerMaxPool(_ pool: MaxPool, _ value: Int, _ instruction: Program.Instruction) throws {
        guard places[value] == nil else { return }
        let operand = resolve(instruction.operands[0])
        let isTraining = uses[instruction.operands[0]].contains {
            let user = program.instructions[$0].primitive
            return user is MaxPoolScatter || user is RectifiedMaxPoolScatter
        }
        let layout = layouts(of: operand)[0]
        if let layout = blocks(of: operand, pool.geometry, pooled: instruction.type.shape) {
            let target = makeBuffer(for: value, layout: layout)
            try appendMaximum(pool.geometry, operand, target, instruction.type.shape, layout, isRecorded: isTraining)
        } else if layout == .channelsLast, pool.geometry.dilation == [1, 1], instruction.type.shape.count > 0 {
            try lowerOneDNNMaxPool(pool.geometry, operand, value, instruction.type.shape, layout, isTraining)
        } else {
            try lowerPlainPool(.max, pool.geometry, [instruction.operands[0]], value, instruction.operands[0], value)
        }
    }

    private mutating func appendMaximum(
        _ geometry: PoolingGeometry, _ operand: Int, _ target: BufferID, _ pooled: Shape, _ layout: PhysicalLayout, isRecorded: Bool
    ) throws {
        let source = try buffer(operand, in: layout)
        let places = isRecorded ? makeTemporary(byteCount: pooled.count) : nil
        if let places { record(PooledForward(geometry: geometry, layout: layout, workspace: places, isOwn: true), of: operand) }
        let type = program.type(of: operand)
        steps.append(PoolStep(.max, geometry, whole: type, pooled: pooled, [source], target, layout: layout, places: places))
    }

    /// Records maxima in blocks for a gradient that comes before the pooling itself, or in a program that has none.
    private mutating func recordMaxima(_ geometry: PoolingGeometry, _ value: Int, pooled: Shape) throws {
        let operand = resolve(value)
        guard let layout = blocks(of: operand, geometry, pooled: pooled) else { return }
        for position in uses[value] where places[program.inputs.count + position] == nil {
            let instruction = program.instructions[position]
            guard let pool = instruction.primitive as? MaxPool, pool.geometry == geometry else { continue }
            return try lowerMaxPool(pool, program.inputs.count + position, instruction)
        }
        let target = add(BufferInfo(kind: .temporary, byteCount: pooled.count * 4, layout: layout))
        try appendMaximum(geometry, operand, target, pooled, layout, isRecorded: true)
    }

    private mutating func record(_ forward: PooledForward, of operand: Int) {
        poolings[operand, default: []].append(forward)
    }

    private mutating func lowerOneDNNMaxPool(
        _ geometry: PoolingGeometry, _ operand: Int, _ value: Int, _ pooled: Shape, _ layout: PhysicalLayout, _ isTraining: Bool
    ) throws {
        let shape = program.type(of: operand).shape
        let src = try OneDNNLayout.of(shape, layout)
        let dst = try OneDNNLayout.of(pooled, layout)
        let numbers = (geometry.kernel.map(Int64.init), geometry.strides.map(Int64.init), geometry.padding.map(Int64.init))
        let primitive = try OneDNNPrimitive([src, dst]) {
            hd_pooling_forward_create(&$0, HD_POOL_MAX, isTraining ? 1 : 0, $1[0], $1[1], numbers.0, numbers.1, numbers.2, numbers.2)
        }
        let source = try buffer(operand, in: layout)
        var writes = [(Int32(HD_POOL_DST), makeBuffer(for: value, layout: layout))]
        if isTraining {
            let workspace = makeTemporary(byteCount: primitive.layout(Int(HD_POOL_WORKSPACE)).byteCount)
            writes.append((Int32(HD_POOL_WORKSPACE), workspace))
            record(PooledForward(geometry: geometry, layout: layout, workspace: workspace, isOwn: false), of: operand)
        }
        let layouts = [source: layout, writes[0].1: layout]
        steps.append(OneDNNStep(primitive, reads: [(Int32(HD_POOL_SRC), source)], writes: writes, layouts: layouts, "max pool \(shape)"))
    }

    /// The gradient of a max pooling, and with `isRectified` of the rectifier before it: operands x and dy. Uses the record of the forward
    /// pass where there is one.
    mutating func lowerMaxPoolGradient(_ geometry: PoolingGeometry, isRectified: Bool, _ value: Int, _ operands: [Int]) throws {
        let operand = resolve(operands[0])
        func known() -> PooledForward? { poolings[operand]?.first { $0.geometry == geometry && ($0.isOwn || !isRectified) } }
        if known() == nil { try recordMaxima(geometry, operands[0], pooled: program.type(of: operands[1]).shape) }
        guard let forward = known() else {
            return try lowerPlainPool(.maxGradient, geometry, operands, value, value, operands[1], isRectified: isRectified)
        }
        let types = (program.type(of: operands[0]), program.type(of: operands[1]))
        let upstream = try buffer(resolve(operands[1]), in: forward.layout)
        let target = makeBuffer(for: value, layout: forward.layout)
        if forward.isOwn {
            steps.append(
                PoolStep(
                    .maxGradient, geometry, whole: types.0, pooled: types.1.shape, [upstream], target, layout: forward.layout,
                    places: forward.workspace, isRectified: isRectified))
            return
        }
        let diffDst = try OneDNNLayout.of(types.1.shape, forward.layout)
        let diffSrc = try OneDNNLayout.of(types.0.shape, forward.layout)
        let numbers = (geometry.kernel.map(Int64.init), geometry.strides.map(Int64.init), geometry.padding.map(Int64.init))
        let primitive = try OneDNNPrimitive([diffDst, diffSrc]) {
            hd_pooling_backward_create(&$0, HD_POOL_MAX, $1[0], $1[1], numbers.0, numbers.1, numbers.2, numbers.2)
        }
        steps.append(
            OneDNNStep(
                primitive, reads: [(Int32(HD_POOL_BWD_DIFF_DST), upstream), (Int32(HD_POOL_BWD_WORKSPACE), forward.workspace)],
                writes: [(Int32(HD_POOL_BWD_DIFF_SRC), target)], layouts: [upstream: forward.layout, target: forward.layout],
                "max pool gradient \(types.0.shape)"))
    }

    mutating func lowerMaxPoolSelect(_ pool: MaxPoolSelect, _ value: Int, _ instruction: Program.Instruction) throws {
        try lowerPlainPool(.select, pool.geometry, instruction.operands, value, instruction.operands[0], value)
    }

    mutating func lowerAveragePool(_ pool: AveragePool, _ value: Int, _ instruction: Program.Instruction) throws {
        let operand = resolve(instruction.operands[0])
        guard let layout = blocks(of: operand, pool.geometry, pooled: instruction.type.shape) else {
            return try lowerPlainPool(
                .average, pool.geometry, instruction.operands, value, instruction.operands[0], value, countsPadding: pool.countsPadding)
        }
        let source = try buffer(operand, in: layout)
        steps.append(
            PoolStep(
                .average, pool.geometry, whole: program.type(of: operand), pooled: instruction.type.shape, [source],
                makeBuffer(for: value, layout: layout), layout: layout, countsPadding: pool.countsPadding))
    }

    /// In the layout in which the pooling's operand was, if the program has the pooling; else in that of the upstream gradient.
    mutating func lowerAveragePoolGradient(_ pool: AveragePoolGradient, _ value: Int, _ instruction: Program.Instruction) throws {
        let upstream = resolve(instruction.operands[0])
        let pooled = program.type(of: upstream).shape
        let forward = program.instructions.first { candidate in
            guard let average = candidate.primitive as? AveragePool else { return false }
            return average.geometry == pool.geometry && program.type(of: candidate.operands[0]) == instruction.type
        }
        let beside = forward.map { resolve($0.operands[0]) } ?? upstream
        guard let layout = blocks(of: beside, pool.geometry, pooled: pooled) ?? blocks(of: upstream, pool.geometry, pooled: pooled) else {
            return try lowerPlainPool(
                .averageGradient, pool.geometry, instruction.operands, value, value, instruction.operands[0],
                countsPadding: pool.countsPadding)
        }
        let source = try buffer(upstream, in: layout)
        steps.append(
            PoolStep(
                .averageGradient, pool.geometry, whole: instruction.type, pooled: pooled, [source], makeBuffer(for: value, layout: layout),
                layout: layout, countsPadding: pool.countsPadding))
    }

    /// The blocked layout in which a value lies, if windows of this kind have kernels there.
    private func blocks(of value: Int, _ geometry: PoolingGeometry, pooled: Shape) -> PhysicalLayout? {
        guard let layout = layouts(of: value).first, case .blocked(let block) = layout, pooled.count > 0,
            program.type(of: value).dtype == .float32
        else { return nil }
        var pool = geometry.windows
        return hk_pools_blocked(&pool, Int64(block)) ? layout : nil
    }

    /// Pools row-major planes; `whole` and `pooled` are the values whose shapes are those before and after pooling.
    private mutating func lowerPlainPool(
        _ kind: PoolStep.Kind, _ geometry: PoolingGeometry, _ operands: [Int], _ value: Int, _ whole: Int, _ pooled: Int,
        countsPadding: Bool = false, isRectified: Bool = false
    ) throws {
        let sources = try operands.map { try plainBuffer($0) }
        let types = (program.type(of: whole), program.type(of: pooled))
        steps.append(
            PoolStep(
                kind, geometry, whole: types.0, pooled: types.1.shape, sources, makeBuffer(for: value), countsPadding: countsPadding,
                isRectified: isRectified))
    }
}
