import CKernels
import HillockCore

extension Lowering {
    /// Puts an element-wise operation into the group of one of its operands, or into a new one.
    ///
    /// A group runs at the place where it was opened, so an operation can join only if everything else that it reads is there by then.
    /// Groups of other operands that nobody reads yet move along: a chain becomes one pass however its parts were ordered.
    mutating func lowerElementwise(_ kernel: any KernelOperation, _ value: Int, _ instruction: Program.Instruction) throws {
        let operands = instruction.operands.map(resolve)
        indexWriters()
        var candidates: [ElementwiseGroup] = []
        for operand in operands {
            if case .grouped(let group, _)? = places[operand], !candidates.contains(where: { $0 === group }) { candidates.append(group) }
        }
        candidates.sort { $0.index > $1.index }
        let target: ElementwiseGroup
        if let group = candidates.first(where: { group in group.hasRoom(for: nil) && operands.allSatisfy { isAvailable($0, to: group) } }) {
            target = group
        } else {
            let shape = instruction.type.shape
            let layout = operands.map { layouts(of: $0)[0] }.first { $0 != .plain } ?? .plain
            for operand in operands {
                // Whatever must be computed or copied for the group comes before it.
                if case .grouped(let group, _)? = places[operand], group.layout == layout { continue }
                try prepare(operand, layout)
            }
            target = ElementwiseGroup(shape: shape, layout: layout, index: steps.count)
            steps.append(target)
        }
        for group in candidates
        where group !== target && group.outputs.isEmpty && group.layout == target.layout && target.hasRoom(for: group) {
            if group.index < target.index { target.absorb(group, &self) }
        }
        let reads = try operands.map { try read($0, by: target) }
        let workType = program.type(of: instruction.operands[type(of: kernel).typeOperand]).dtype
        let operation = ElementwiseGroup.Operation(
            kernel: kernel.kernel, workType: workType, type: instruction.type.dtype, operands: reads)
        places[value] = .grouped(target, operation: target.add(operation, value: value))
    }

    /// The value that another is merely a name of.
    func resolve(_ value: Int) -> Int {
        guard case .view(let root, let view)? = places[value], view == Strided(dense: program.type(of: root).shape) else { return value }
        return resolve(root)
    }

    /// Makes a value readable in a layout, or by strides.
    private mutating func prepare(_ operand: Int, _ layout: PhysicalLayout) throws {
        switch places[operand] {
        case .view, .splat: _ = try strided(operand)
        default: _ = try buffer(operand, in: layout)
        }
    }

    /// How a group reads a value that is available to it.
    private mutating func read(_ operand: Int, by group: ElementwiseGroup) throws -> ElementwiseGroup.Operand {
        let dtype = program.type(of: operand).dtype
        switch places[operand] {
        case .grouped(let owner, let operation) where owner === group:
            return .operation(operation)
        case .view, .splat:
            let (buffer, view) = try strided(operand)
            let isFlat = group.layout == .plain && view.offset == 0 && view.isDense && view.shape.count > 1
            return group.addInput(.init(buffer: buffer, dtype: dtype, view: isFlat ? nil : view))
        default:
            return group.addInput(.init(buffer: try buffer(operand, in: group.layout), dtype: dtype, view: nil))
        }
    }

    /// Whether a group can read a value without anything being done first.
    private func isAvailable(_ operand: Int, to group: ElementwiseGroup) -> Bool {
        switch places[operand] {
        case .grouped(let owner, _): owner === group || (owner.index < group.index && owner.layout == group.layout)
        case .splat(let buffer): isWritten(buffer, before: group)
        case .buffers(let known): known[group.layout].map { isWritten($0, before: group) } ?? false
        case .view(let root, _):
            switch places[root] {
            case .buffers(let known): known[.plain].map { isWritten($0, before: group) } ?? false
            case .grouped(let owner, _): owner.index < group.index && owner.layout == .plain
            default: false
            }
        case nil: false
        }
    }

    private func isWritten(_ buffer: BufferID, before group: ElementwiseGroup) -> Bool {
        (writers[buffer] ?? -1) < group.index
    }

    /// Notes which step writes a buffer.
    mutating func setWriter(of buffer: BufferID, _ step: Int) { writers[buffer] = step }

    /// Notes what the steps since the last call write.
    private mutating func indexWriters() {
        while indexedSteps < steps.count {
            for buffer in steps[indexedSteps].writes { writers[buffer] = indexedSteps }
            indexedSteps += 1
        }
    }
}
