import HillockCore

/// Primitives that only change how memory is walked.
protocol ViewPrimitive: Primitive {
    /// The output as a walk over the memory of an input that is walked so; `nil` if strides cannot say it.
    func view(of input: Strided, as shape: Shape) -> Strided?
}

extension Reshape: ViewPrimitive {
    func view(of input: Strided, as shape: Shape) -> Strided? { input.reshaped(to: shape) }
}

extension Broadcast: ViewPrimitive {
    func view(of input: Strided, as shape: Shape) -> Strided? {
        let lead = shape.rank - input.shape.rank
        let strides = (0..<shape.rank).map { axis in
            axis < lead || (input.shape[axis - lead] == 1 && shape[axis] != 1) ? 0 : input.strides[axis - lead]
        }
        return Strided(offset: input.offset, strides: strides, shape: shape)
    }
}

extension Transpose: ViewPrimitive {
    func view(of input: Strided, as shape: Shape) -> Strided? {
        Strided(offset: input.offset, strides: permutation.map { input.strides[$0] }, shape: shape)
    }
}

extension Slice: ViewPrimitive {
    func view(of input: Strided, as shape: Shape) -> Strided? {
        let offset = zip(starts, input.strides).reduce(input.offset) { $0 + $1.0 * $1.1 }
        return Strided(offset: offset, strides: zip(strides, input.strides).map(*), shape: shape)
    }
}

extension Reverse: ViewPrimitive {
    func view(of input: Strided, as shape: Shape) -> Strided? {
        guard shape.count > 0 else { return nil }
        var view = input
        for axis in axes {
            view.offset += (shape[axis] - 1) * input.strides[axis]
            view.strides[axis] = -input.strides[axis]
        }
        return view
    }
}

extension Lowering {
    /// Records a value as a view; writes it out where strides cannot say it.
    mutating func lowerView(_ primitive: any ViewPrimitive, _ value: Int, _ instruction: Program.Instruction) throws {
        // A step that knew of this view has written in its order.
        if places[value] != nil { return }
        let operand = instruction.operands[0]
        if case .splat(let buffer)? = places[operand] {
            places[value] = .splat(buffer)
            return
        }
        var (root, view) = (operand, Strided(dense: program.type(of: operand).shape))
        if case .view(let below, let walk)? = places[operand] { (root, view) = (below, walk) }
        if let result = primitive.view(of: view, as: instruction.type.shape) {
            places[value] = .view(of: root, result)
        } else {
            // Written out, the operand is dense, and every view of dense memory is strided but of an empty one.
            let buffer = try plainBuffer(operand)
            places[operand] = .buffers([.plain: buffer])
            let dense = Strided(dense: program.type(of: operand).shape)
            let result = primitive.view(of: dense, as: instruction.type.shape) ?? Strided(dense: instruction.type.shape)
            places[value] = .view(of: operand, result)
        }
    }
}
