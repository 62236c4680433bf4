/// Makes one operation of the terms of a sum where that is less work, as gradients of what is used many times are such sums.
///
/// - Products aᵀ·b of small matrices, such as the gradients of a weight that every step of a loop uses: one product of the matrices one
///   below the other. Each alone would write, and the sum read, a whole gradient.
/// - Sums over the rows of the same matrices, the bias's gradients: one sum over the rows of all.
/// - Tensors padded with zeros so that they do not meet, the gradients of a tensor's parts: their concatenation.
package struct MergeSums: Pass {
    /// `sums`
    package static let name = "sums"
    /// Results are the same without it, up to rounding.
    package static let isOptional = true
    /// For people.
    package static let summary = "sums of many products, row sums or padded parts become one product, sum or concatenation"

    /// The pass has no settings.
    package init() {}

    /// The program with merged terms; what they were computed by is dead.
    package func run(_ program: Program) -> Program {
        let sums = Sums(program)
        if sums.termsByRoot.isEmpty { return program }
        var rewriting = Rewriting(sums: sums, builder: ProgramBuilder(inputs: program.inputs), numbers: Array(program.inputs.indices))
        for (position, instruction) in program.instructions.enumerated() {
            let value = sums.termsByRoot[position].flatMap { rewriting.merged($0, instruction.type) } ?? rewriting.copied(instruction)
            rewriting.numbers.append(value)
        }
        return rewriting.builder.program(outputs: program.outputs.map { rewriting.numbers[$0] })
    }
}

/// The sums of a program: additions whose results nobody uses but the next one are one sum.
private struct Sums {
    let program: Program
    /// Value numbers of the terms, by the position of the last addition.
    private(set) var termsByRoot: [Int: [Int]] = [:]
    private let uses: [[Int]]
    private let outputs: Set<Int>
    /// Rows that are multiplied from the left in a merged product, in order: sums of the same rows may join.
    private(set) var stacks: Set<[Int]> = []

    init(_ program: Program) {
        self.program = program
        uses = program.uses
        outputs = Set(program.outputs)
        let isInner = program.instructions.indices.map { position in
            let value = program.inputs.count + position
            return program.instructions[position].primitive is Add && isUsedOnce(value)
                && program.instructions[uses[value][0]].primitive is Add
        }
        for (position, instruction) in program.instructions.enumerated() where instruction.primitive is Add && !isInner[position] {
            var terms: [Int] = []
            var stack = Array(instruction.operands.reversed())
            while let value = stack.popLast() {
                let place = value - program.inputs.count
                if place >= 0, isInner[place] { stack += program.instructions[place].operands.reversed() } else { terms.append(value) }
            }
            // A term that is added twice is not used up by one merger.
            if terms.count > 1, Set(terms).count == terms.count { termsByRoot[position] = terms }
        }
        for terms in termsByRoot.values {
            if let products = products(terms) { stacks.insert(products.map { operands($0)[0] }) }
        }
    }

    func isUsedOnce(_ value: Int) -> Bool { uses[value].count == 1 && !outputs.contains(value) }

    func operands(_ value: Int) -> [Int] { program.instruction(value)?.operands ?? [] }

    /// The terms aᵀ·b, by the number of a, if merging them is worth while.
    func products(_ terms: [Int]) -> [Int]? {
        let products = terms.filter { term in
            guard let instruction = program.instruction(term), let product = instruction.primitive as? MatrixMultiply else { return false }
            return product.transposesLeft && !product.transposesRight && instruction.type.shape.rank == 2 && isUsedOnce(term)
        }
        // What is copied once against what is written and read for each.
        let copied = products.flatMap(operands).reduce(0) { $0 + program.type(of: $1).shape.count }
        let written = products.reduce(0) { $0 + program.type(of: $1).shape.count }
        return products.count > 1 && copied < written ? products.sorted { operands($0)[0] < operands($1)[0] } : nil
    }

    /// The terms that are sums over the rows of a stack that a product makes, in its order.
    func rowSums(_ terms: [Int]) -> [Int]? {
        let found = terms.filter { term in
            guard let instruction = program.instruction(term), let reduce = instruction.primitive as? Reduce else { return false }
            return reduce.kind == .sum && reduce.axes == [0] && instruction.type.shape.rank == 1 && isUsedOnce(term)
        }.sorted { operands($0)[0] < operands($1)[0] }
        return stacks.contains(found.map { operands($0)[0] }) ? found : nil
    }

    /// Terms padded along one axis so that none meets another, in order, and where each begins and ends.
    func pads(_ terms: [Int]) -> (axis: Int, pads: [(value: Int, from: Int, to: Int)])? {
        var byAxis: [Int: [(value: Int, from: Int, to: Int)]] = [:]
        for term in terms {
            guard let instruction = program.instruction(term), let pad = instruction.primitive as? Pad else { continue }
            let axes = pad.low.indices.filter { pad.low[$0] != 0 || pad.high[$0] != 0 }
            guard axes.count == 1, pad.interior.allSatisfy({ $0 == 0 }), pad.low[axes[0]] >= 0, pad.high[axes[0]] >= 0 else { continue }
            byAxis[axes[0], default: []].append((term, pad.low[axes[0]], instruction.type.shape[axes[0]] - pad.high[axes[0]]))
        }
        for (axis, pads) in byAxis.sorted(by: { $0.key < $1.key }) where pads.count > 1 {
            let sorted = pads.sorted { ($0.from, $0.value) < ($1.from, $1.value) }
            if zip(sorted, sorted.dropFirst()).allSatisfy({ $0.to <= $1.from }) { return (axis, sorted) }
        }
        return nil
    }
}

/// The new program in the making.
private struct Rewriting {
    let sums: Sums
    var builder: ProgramBuilder
    /// New numbers by old ones.
    var numbers: [Int]
    /// Matrices one below the other, by their numbers.
    private var stacked: [[Int]: Int] = [:]

    init(sums: Sums, builder: ProgramBuilder, numbers: [Int]) {
        self.sums = sums
        self.builder = builder
        self.numbers = numbers
    }

    mutating func copied(_ instruction: Program.Instruction) -> Int {
        builder.append(instruction.primitive, instruction.operands.map { numbers[$0] }, instruction.type)
    }

    /// The sum of these terms, merged as far as it goes; `nil` where nothing can be merged.
    mutating func merged(_ terms: [Int], _ type: TensorType) -> Int? {
        var results: [Int] = []
        var used: Set<Int> = []
        if let products = sums.products(terms) {
            let left = stack(products.map { sums.operands($0)[0] })
            let right = stack(products.map { sums.operands($0)[1] })
            results.append(builder.append(MatrixMultiply(transposingLeft: true), [left, right], type))
            used.formUnion(products)
        }
        if let rows = sums.rowSums(terms) {
            results.append(builder.append(Reduce(.sum, axes: [0]), [stack(rows.map { sums.operands($0)[0] })], type))
            used.formUnion(rows)
        }
        if let (axis, pads) = sums.pads(terms) {
            results.append(concatenation(pads, axis, type))
            used.formUnion(pads.map(\.value))
        }
        if results.isEmpty { return nil }
        results += terms.filter { !used.contains($0) }.map { numbers[$0] }
        return results.dropFirst().reduce(results[0]) { builder.append(Add(), [$0, $1], type) }
    }

    private mutating func stack(_ values: [Int]) -> Int {
        if let known = stacked[values] { return known }
        let types = values.map { sums.program.type(of: $0) }
        let rows = types.reduce(0) { $0 + $1.shape[0] }
        let type = TensorType(types[0].dtype, [rows, types[0].shape[1]])
        let value = builder.append(Concatenate(axis: 0), values.map { numbers[$0] }, type)
        stacked[values] = value
        return value
    }

    /// The padded tensors one after the other, zeros where there is none.
    private mutating func concatenation(_ pads: [(value: Int, from: Int, to: Int)], _ axis: Int, _ type: TensorType) -> Int {
        var parts: [Int] = []
        var position = 0
        func extents(_ count: Int) -> TensorType {
            var dimensions = type.shape.dimensions
            dimensions[axis] = count
            return TensorType(type.dtype, Shape(dimensions))
        }
        func fill(to end: Int, _ builder: inout ProgramBuilder) {
            if end > position { parts.append(builder.append(Fill(0, extents(end - position)), [], extents(end - position))) }
        }
        for pad in pads {
            fill(to: pad.from, &builder)
            parts.append(numbers[sums.operands(pad.value)[0]])
            position = pad.to
        }
        fill(to: type.shape[axis], &builder)
        return builder.append(Concatenate(axis: axis), parts, type)
    }
}
