import CKernels
import HillockCore

/// Which indices of a table of how many rows.
struct RowGroupsKey: Hashable {
    let indices: Int
    let rows: Int
}

extension Lowering {
    /// A buffer with the positions of `indices` grouped by the row that they name; grouped once for all who want it.
    mutating func groups(of indices: Int, rows: Int) throws -> BufferID {
        let key = RowGroupsKey(indices: indices, rows: rows)
        if let known = rowGroups[key] { return known }
        let type = program.type(of: indices)
        let target = makeTemporary(byteCount: GroupRowsStep.byteCount(type.shape.count))
        steps.append(GroupRowsStep(rows: rows, type, try plainBuffer(indices), target))
        rowGroups[key] = target
        return target
    }

    /// One pass over all parameters of an optimizer's step: `slots` tensors beside each parameter and gradient.
    fileprivate mutating func lowerStep(
        _ kind: OptimizerStep.Kind, _ call: CompositeCall, scalars: Int, slots: Int, decays: [Bool], areSparse: [Bool]
    ) throws {
        let cells = try call.operands.prefix(scalars).map { try cell($0) }
        var parameters: [OptimizerStep.Parameter] = []
        for position in decays.indices {
            let operands = Array(call.operands.dropFirst(scalars + position * (2 + slots)).prefix(2 + slots))
            let type = program.type(of: operands[0])
            var gradient = OptimizerStep.Gradient.dense(-1)
            var layout = PhysicalLayout.plain
            if case .scattered(let updates, let indices)? = places[operands[1]], isRows(type, indices) {
                if kind == .sgd, !decays[position] {
                    gradient = .added(try plainBuffer(indices), program.type(of: indices), updates: try plainBuffer(updates))
                } else {
                    let updates = try rows(updates, RowsStep.matrix(type, program.type(of: indices)))
                    gradient = .grouped(try groups(of: indices, rows: type.shape[0]), updates: updates)
                }
            } else if case .factored? = places[operands[1]] {
                let factors = try factors(of: operands[1])
                gradient = .product(factors.left, factors.right)
            } else {
                let value = resolve(operands[1])
                if !areSparse[position] { layout = elementLayout(of: value) }
                gradient = .dense(try layout == .plain ? plainBuffer(value) : buffer(value, in: layout))
            }
            let old = [operands[0]] + operands.dropFirst(2)
            let sources = try old.map { try layout == .plain ? plainBuffer($0) : buffer(resolve($0), in: layout) }
            let targets = (0...slots).map { slot -> BufferID in
                let result = call.results[position * (1 + slots) + slot]
                return result.map { makeBuffer(for: $0, layout: layout) } ?? makeTemporary(byteCount: type.byteCount)
            }
            parameters.append(
                .init(
                    shape: type.shape, layout: layout, gradient: gradient, sources: sources, targets: targets, decays: decays[position],
                    isSparse: areSparse[position]))
        }
        steps.append(OptimizerStep(kind, scalars: cells, parameters))
    }

    /// A value as a matrix with dense rows; copied where strides cannot say it.
    private mutating func rows(_ value: Int, _ shape: Shape) throws -> (buffer: BufferID, view: Strided) {
        let (buffer, view) = try strided(value)
        if let matrix = view.denseRows(shape), matrix.strides[0] >= shape[1] { return (buffer, matrix) }
        return (try plainBuffer(value), Strided(dense: shape))
    }

    /// The two matrices whose product a value is, as they are multiplied.
    private mutating func factors(of value: Int) throws -> (
        left: (buffer: BufferID, view: Strided), right: (buffer: BufferID, view: Strided)
    ) {
        guard let instruction = program.instruction(value), let product = instruction.primitive as? MatrixMultiply else {
            fatalError("[cpu] value %\(value) is no product")
        }
        var (left, right) = (try strided(instruction.operands[0]), try strided(instruction.operands[1]))
        if product.transposesLeft { left.view = left.view.transposedMatrices }
        if product.transposesRight { right.view = right.view.transposedMatrices }
        return (left, right)
    }

    /// Leaves a product to the optimizer that it is the gradient for, if nobody else wants it: the gradient of a large layer on few samples
    /// takes longer to write and to read again than to compute. Products of 16 terms are as fast from memory as from the caches.
    mutating func leavesToOptimizer(_ value: Int) throws -> Bool {
        let shape = program.type(of: value).shape
        guard shape.rank == 2, shape.count >= 1 << 20, uses[value].count == 1, !program.outputs.contains(value) else { return false }
        let user = program.instructions[uses[value][0]]
        /// Operands before the first parameter, and of each parameter.
        let counts: (scalars: Int, each: Int)
        switch user.primitive {
        case let sgd as SGDStep: counts = (SGDStep.scalarCount, 2 + sgd.slotCount)
        case let adam as AdamStep where !adam.areSparse.contains(true): counts = (AdamStep.scalarCount, 2 + adam.slotCount)
        default: return false
        }
        let places = user.operands.indices.filter { user.operands[$0] == value }
        guard places.count == 1, places[0] >= counts.scalars, (places[0] - counts.scalars) % counts.each == 1 else { return false }
        let factors = try factors(of: value)
        guard factors.left.view.shape[1] <= 16, factors.right.view.strides[1] == 1 else { return false }
        self.places[value] = .factored
        return true
    }

    /// The layout that a value lies in, if another of its shape can be walked along with it, element by element.
    private func elementLayout(of value: Int) -> PhysicalLayout {
        let layout = layouts(of: value)[0]
        guard case .opaque(let opaque) = layout else { return layout }
        return opaque.isDense && opaque.shape == program.type(of: value).shape ? layout : .plain
    }

    /// Whether groups of rows can say where a table's updates go.
    private func isRows(_ table: TensorType, _ indices: Int) -> Bool {
        table.shape[0] <= 1 << 32 && program.type(of: indices).shape.count < 1 << 31 && table.shape.count > 0
    }
}

extension SGDStep: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { inputs.allSatisfy { $0.dtype == .float32 } }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        try lowering.lowerStep(
            hasMomentum ? .momentum(isNesterov: isNesterov) : .sgd, call, scalars: Self.scalarCount, slots: hasMomentum ? 1 : 0,
            decays: decays, areSparse: decays.map { _ in false })
    }
}

extension AdamStep: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { inputs.allSatisfy { $0.dtype == .float32 } }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        try lowering.lowerStep(.adam, call, scalars: Self.scalarCount, slots: 2, decays: decays, areSparse: areSparse)
    }
}
