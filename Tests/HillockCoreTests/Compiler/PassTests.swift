import HillockCore
import Testing

/// Programs before and after each pass, as text.
@Suite("Passes")
struct PassTests {
    private let a = Tensor([1, 2, 3, 4, 5, 6] as [Float]).reshaped(to: [2, 3]).evaluated()
    private let b = Tensor([6, 5, 4, 3, 2, 1] as [Float]).reshaped(to: [2, 3]).evaluated()

    private func program(_ outputs: Tensor...) -> Program { Program(computing: outputs) }

    /// The program's instructions without its inputs.
    private func text(_ program: Program) -> [String] {
        program.description.split(separator: "\n").map(String.init).filter { !$0.contains("= input") && !$0.contains("= scalar") }
    }

    @Test func canonicalizeSortsAndDropsNames() {
        let before = program(b * a + (a * b).stoppingGradient())
        let after = Canonicalize().run(before)
        #expect(text(before).count == 5)
        let products = after.instructions.filter { $0.primitive is Multiply }
        #expect(products.count == 2 && products[0].operands == products[1].operands)
        #expect(!after.instructions.contains { $0.primitive is StopGradient && after.uses.isEmpty })
    }

    @Test func shareComputesOnce() {
        let before = program(exp(a) + exp(a) * exp(a))
        #expect(before.instructions.filter { $0.primitive is Exponential }.count == 3)
        let after = ShareSubexpressions().run(before)
        #expect(after.instructions.filter { $0.primitive is Exponential }.count == 1)
    }

    @Test func sharingKeepsAttributesApart() {
        let after = ShareSubexpressions().run(program(a.sum(axes: 0), a.sum(axes: 1), a.sum(axes: 0)))
        #expect(after.instructions.filter { $0.primitive is Reduce }.count == 2)
    }

    @Test func deadCodeGoes() {
        let whole = program(exp(a), sin(b))
        let one = Program(inputs: whole.inputs, instructions: whole.instructions, outputs: [whole.outputs[0]])
        let after = RemoveDeadCode().run(one)
        #expect(text(after) == ["%2 = exp %0 : f32[2, 3]", "return %2"])
        #expect(after.inputs == one.inputs)
    }

    @Test(arguments: [
        ("reshape of reshape", 1), ("transpose twice", 0), ("multiply by one", 0), ("divide by one", 0), ("minus zero", 0),
        ("negate twice", 0), ("choose among equals", 0), ("constants", 1), ("sum over nothing", 1), ("broadcast of broadcast", 1),
    ])
    func simplify(_ rule: String, _ count: Int) {
        // Not held: what somebody holds is an output.
        func ones() -> Tensor { .apply(Fill(1, a.type), []) }
        func result() -> Tensor {
            switch rule {
            case "reshape of reshape": a.reshaped(to: [6]).reshaped(to: [3, 2])
            case "transpose twice": a.transposed([1, 0]).transposed([1, 0])
            case "multiply by one": ones() * a
            case "divide by one": a / ones()
            case "minus zero": a - Tensor.apply(Fill(0, a.type), [])
            case "negate twice": -(-a)
            case "choose among equals": `where`(a .> b, a, a)
            case "constants": ones() * ones() + ones()
            case "sum over nothing": a.reshaped(to: [2, 1, 3]).sum(axes: 1).reshaped(to: [1, 6])
            default: a.reshaped(to: [2, 3]).broadcast(to: [4, 2, 3]).broadcast(to: [5, 4, 2, 3])
            }
        }
        let before = program(result())
        let after = RemoveDeadCode().run(Simplify().run(before))
        #expect(after.instructions.count == count, "\(before)\nbecame\n\(after)")
        #expect(Verifier.fault(in: after) == nil)
        let engine = CountingEngine { RemoveDeadCode().run(Simplify().run($0)) }
        let simplified = Device.$current.withValue(Device(engine)) { result().elements(as: Float.self) }
        #expect(engine.ran.count == 1)
        #expect(simplified == Device.$current.withValue(.reference) { result().elements(as: Float.self) })
    }

    @Test func wholeNumbersBeyondDoubleAreNotFolded() {
        let large = Tensor.full([2], 9_007_199_254_740_991, dtype: .int64)
        let after = Simplify().run(program(large + Tensor.full([2], 2, dtype: .int64)))
        #expect(after.instructions.contains { $0.primitive is Add })
    }

    @Test func verifierFindsFaults() {
        let f32 = TensorType(.float32, [2])
        let input = Program.Input(type: f32, isScalar: false)
        func fault(_ instructions: [Program.Instruction], _ outputs: [Int]) -> String? {
            Verifier.fault(in: Program(inputs: [input], instructions: instructions, outputs: outputs))
        }
        #expect(fault([.init(StopGradient(), [0], f32)], [1]) == nil)
        #expect(fault([.init(StopGradient(), [1], f32)], [1]) == "%1 = stop_gradient uses %1 before it is computed")
        #expect(fault([.init(StopGradient(), [0], TensorType(.float32, [3]))], [1]) == "%1 = stop_gradient is f32[3], its rule says f32[2]")
        #expect(fault([], [4]) == "output %4 does not exist")
        #expect(fault([.init(CompositeResult(index: 0, type: f32), [0], f32)], [1]) == "%1 is a result of %0, which has none")
    }

    @Test func selectionOfPasses() {
        #expect(PassSelection("").includes("fuse"))
        #expect(!PassSelection("none").includes("fuse"))
        #expect(!PassSelection("-fuse, -share").includes("share"))
        #expect(PassSelection("-fuse").includes("share"))
        #expect(PassSelection("-fuzz, fuse").unknown(among: ["fuse"]) == ["-fuzz", "fuse"])
        #expect(PassSelection("none").unknown(among: ["fuse"]).isEmpty)
    }
}

extension Tensor {
    /// The tensor with its value computed, so that programs begin at it.
    fileprivate func evaluated() -> Tensor {
        evaluate(self)
        return self
    }
}
