import HillockCore

/// Makes chains of element-wise operations one pass over memory: each input read once, each output written once. Reductions of trailing
/// axes, or of all, end such a pass: what they alone read is never written.
///
/// A group runs where it was opened, so that an operation can join only if everything else that it reads is there by then. Groups that
/// nobody has read yet move along to a later one: a chain becomes one pass however its parts were ordered.
package struct FuseElementwise: Pass {
    package static let name = "fuse"
    package static let isOptional = true
    package static let summary =
        "chains of element-wise operations become one pass over memory each"

    package init() {}

    package func run(_ program: Program) -> Program {
        var grouping = Grouping(program)
        for position in program.instructions.indices { grouping.place(position) }
        return grouping.fused()
    }
}

extension RandomNumbers {
    /// Whether an element-wise pass can draw the numbers where it needs them, so that they are never written.
    fileprivate var isDrawnInPlace: Bool { distribution == .uniform && type.dtype == .float32 && type.shape.count > 0 }
}

/// Operations that will be one ``Fusion``.
private final class Group {
    let shape: Shape
    /// When it runs.
    let slot: Int
    /// Value numbers computed, in order.
    var values: [Int] = []
    /// Value numbers of the reductions of some of them.
    var folds: [Int] = []
    /// Value numbers read from outside.
    var inputs: Set<Int> = []
    /// Whether something outside reads a value of the group, so that it cannot run later.
    var isRead = false

    init(shape: Shape, slot: Int) {
        self.shape = shape
        self.slot = slot
    }

    /// Larger programs would only shrink the machine's tiles.
    func hasRoom(for other: Group?) -> Bool {
        inputs.count + (other?.inputs.count ?? 0) <= 44 && values.count + (other?.values.count ?? 0) < 4096
    }
}

/// Which operation runs when, and with which others.
private struct Grouping {
    let program: Program
    private let uses: [[Int]]
    /// When each value is there: after this slot.
    private var slots: [Int]
    /// The group that computes a value, as an element-wise operation or as a reduction at its end.
    private var groups: [Group?]
    private var nextSlot = 0

    init(_ program: Program) {
        self.program = program
        uses = program.uses
        slots = [Int](repeating: -1, count: program.inputs.count + program.instructions.count)
        groups = [Group?](repeating: nil, count: slots.count)
    }

    mutating func place(_ position: Int) {
        let instruction = program.instructions[position]
        let value = program.inputs.count + position
        if program.isRoundedForConvolutions(value, uses) {
            groups[instruction.operands[0]]?.isRead = true
            slots[value] = slots[instruction.operands[0]]
            return
        }
        if let kernel = instruction.primitive as? any KernelOperation, instruction.type.shape.count > 0,
            kernel.isSupported(for: instruction.operands.map { program.type(of: $0).dtype })
        {
            return join(value, instruction)
        }
        if let reduce = instruction.primitive as? Reduce, let group = group(folding: instruction.operands[0], reduce) {
            group.folds.append(value)
            groups[value] = group
            slots[value] = group.slot
            return
        }
        if let random = instruction.primitive as? RandomNumbers, random.isDrawnInPlace {
            groups[instruction.operands[0]]?.isRead = true
            return open(value, instruction)
        }
        for operand in instruction.operands { groups[operand]?.isRead = true }
        if instruction.primitive is any ViewPrimitive || instruction.primitive is CompositeResult {
            // Costs nothing: there as soon as what it looks at.
            slots[value] = slots[instruction.operands[0]]
        } else if !instruction.operands.isEmpty {
            slots[value] = nextSlot
            nextSlot += 1
        }
    }

    /// The group that a reduction of one of its values can end.
    private func group(folding operand: Int, _ reduce: Reduce) -> Group? {
        let type = program.type(of: operand)
        guard let group = groups[operand], !group.folds.contains(operand), reduce.endsPass(over: type), group.hasRoom(for: nil) else {
            return nil
        }
        return group
    }

    /// Makes a group of a value that others may join.
    private mutating func open(_ value: Int, _ instruction: Program.Instruction) {
        let group = Group(shape: instruction.type.shape, slot: nextSlot)
        nextSlot += 1
        group.values = [value]
        group.inputs = Set(instruction.operands)
        groups[value] = group
        slots[value] = group.slot
    }

    /// Puts an element-wise operation into the group of one of its operands, or into a new one.
    private mutating func join(_ value: Int, _ instruction: Program.Instruction) {
        var candidates: [Group] = []
        for operand in instruction.operands {
            if let group = groups[operand], !group.folds.contains(operand), !candidates.contains(where: { $0 === group }) {
                candidates.append(group)
            }
        }
        candidates.sort { $0.slot > $1.slot }
        let fitting = candidates.first { group in
            group.hasRoom(for: nil)
                && instruction.operands.allSatisfy { groups[$0] === group ? !group.folds.contains($0) : slots[$0] < group.slot }
        }
        let target = fitting ?? Group(shape: instruction.type.shape, slot: nextSlot)
        if fitting == nil { nextSlot += 1 }
        for group in candidates where group !== target && !group.isRead && group.slot < target.slot && target.hasRoom(for: group) {
            target.values += group.values
            target.folds += group.folds
            target.inputs.formUnion(group.inputs)
            for moved in group.values + group.folds {
                groups[moved] = target
                slots[moved] = target.slot
            }
            group.values = []
            group.folds = []
        }
        target.values.append(value)
        for operand in instruction.operands where groups[operand] !== target {
            groups[operand]?.isRead = true
            target.inputs.insert(operand)
        }
        groups[value] = target
        slots[value] = target.slot
    }

    /// The program in the order of the slots, with groups of several operations as fusions.
    func fused() -> Program {
        var builder = ProgramBuilder(inputs: program.inputs)
        var numbers = Array(program.inputs.indices) + [Int](repeating: -1, count: program.instructions.count)
        let isOutput = Set(program.outputs)
        func isWanted(_ value: Int, outside group: Group) -> Bool {
            isOutput.contains(value) || uses[value].contains { groups[program.inputs.count + $0] !== group }
        }
        // Within a slot its operation or group comes first, then views of it in their order.
        let order = program.instructions.indices.sorted { a, b in
            let (x, y) = (program.inputs.count + a, program.inputs.count + b)
            return (slots[x], isView(x) ? 1 : 0, a) < (slots[y], isView(y) ? 1 : 0, b)
        }
        for position in order {
            let value = program.inputs.count + position
            guard numbers[value] < 0 else { continue }
            if let group = groups[value], group.values.count + group.folds.count > 1 {
                // Values taken over from another group came in that group's order.
                let members = group.values.sorted() + group.folds.sorted()
                append(members, wanted: members.filter { isWanted($0, outside: group) }, to: &builder, &numbers)
            } else {
                let instruction = program.instructions[position]
                numbers[value] = builder.append(instruction.primitive, instruction.operands.map { numbers[$0] }, instruction.type)
            }
        }
        return builder.program(outputs: program.outputs.map { numbers[$0] })
    }

    private func isView(_ value: Int) -> Bool {
        guard let primitive = program.instruction(value)?.primitive else { return false }
        return groups[value] == nil
            && (primitive is any ViewPrimitive || primitive is CompositeResult || program.isRoundedForConvolutions(value, uses))
    }

    /// Appends one fusion of the values `members`, and its results.
    private func append(_ members: [Int], wanted: [Int], to builder: inout ProgramBuilder, _ numbers: inout [Int]) {
        let inside = Set(members)
        var inputs: [Int] = []
        for member in members {
            for operand in program.instruction(member)!.operands where !inside.contains(operand) && !inputs.contains(operand) {
                inputs.append(operand)
            }
        }
        var local: [Int: Int] = [:]
        for (position, input) in inputs.enumerated() { local[input] = position }
        for (position, member) in members.enumerated() { local[member] = inputs.count + position }
        let piece = Program(
            inputs: inputs.map { Program.Input(type: program.type(of: $0), isScalar: false) },
            instructions: members.map { member in
                let instruction = program.instruction(member)!
                return Program.Instruction(instruction.primitive, instruction.operands.map { local[$0]! }, instruction.type)
            },
            outputs: wanted.map { local[$0]! })
        let fusion = builder.append(Fusion(program: piece), inputs.map { numbers[$0] }, program.type(of: wanted[0]))
        for member in members { numbers[member] = fusion }
        guard wanted.count > 1 else { return }
        for (index, value) in wanted.enumerated() {
            let type = program.type(of: value)
            numbers[value] = builder.append(CompositeResult(index: index, type: type), [fusion], type)
        }
    }
}
