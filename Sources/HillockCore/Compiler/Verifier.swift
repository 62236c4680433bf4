import Glibc

/// Checks the grammar of programs: what every pass may rely on and must keep.
package enum Verifier {
    /// Whether pipelines check: in debug builds, and where `HILLOCK_VERIFY` is set.
    package static let isEnabled: Bool = {
        #if DEBUG
            return true
        #else
            return getenv("HILLOCK_VERIFY") != nil
        #endif
    }()

    /// Stops, naming the pass, if the program is not well formed.
    static func check(_ program: Program, after pass: String) {
        if let fault = fault(in: program) { fatalError("[compiler] after \(pass): \(fault)\n\(program)") }
    }

    /// What is wrong with a program; `nil` if nothing is.
    package static func fault(in program: Program) -> String? {
        for (position, instruction) in program.instructions.enumerated() {
            let value = program.inputs.count + position
            let name = Swift.type(of: instruction.primitive).name
            if let early = instruction.operands.first(where: { $0 < 0 || $0 >= value }) {
                return "%\(value) = \(name) uses %\(early) before it is computed"
            }
            if instruction.primitive is Leaf { return "%\(value) is an input among the instructions" }
            let types = instruction.operands.map(program.type(of:))
            do throws(ShapeError) {
                let expected = try instruction.primitive.outputType(for: types)
                if expected != instruction.type { return "%\(value) = \(name) is \(instruction.type), its rule says \(expected)" }
            } catch {
                return "%\(value) = \(name): \(error.message)"
            }
            if let fault = resultFault(program, value, instruction) { return fault }
        }
        if let missing = program.outputs.first(where: { $0 < 0 || $0 >= program.inputs.count + program.instructions.count }) {
            return "output %\(missing) does not exist"
        }
        if let whole = program.outputs.first(where: { isTuple(program, $0) }) { return "output %\(whole) has several results" }
        return nil
    }

    /// Composites of several results are used through ``CompositeResult`` only, and that on nothing else.
    private static func resultFault(_ program: Program, _ value: Int, _ instruction: Program.Instruction) -> String? {
        guard let result = instruction.primitive as? CompositeResult else {
            return instruction.operands.first { isTuple(program, $0) }.map { "%\(value) uses %\($0), which has several results" }
        }
        guard let producer = program.instruction(instruction.operands[0]), let composite = producer.primitive as? any Composite,
            let types = try? composite.outputTypes(for: producer.operands.map(program.type(of:)))
        else { return "%\(value) is a result of %\(instruction.operands[0]), which has none" }
        guard result.index < types.count, types[result.index] == instruction.type else {
            return "%\(value) is result \(result.index) of %\(instruction.operands[0]), whose results are \(types)"
        }
        return nil
    }

    private static func isTuple(_ program: Program, _ value: Int) -> Bool {
        guard let producer = program.instruction(value), let composite = producer.primitive as? any Composite else { return false }
        return ((try? composite.outputTypes(for: producer.operands.map(program.type(of:))))?.count ?? 1) > 1
    }
}
