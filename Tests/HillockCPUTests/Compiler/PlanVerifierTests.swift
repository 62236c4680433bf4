import HillockCPU
import HillockCore
import Testing

/// The verifier of plans finds what would give wrong results.
@Suite("Plan verifier") struct PlanVerifierTests {
    private func known(_ shape: Shape, seed: Double) -> Tensor {
        let x = sin(Tensor.arange(to: Double(shape.count)) * 0.7 + seed).reshaped(to: shape)
        evaluate(x)
        return x
    }

    /// The draft after a stage, all of them running; `nil` is the last.
    private func draft(_ outputs: [Tensor], after stage: String? = nil) throws -> PlanDraft {
        try PassSelection.$current.withValue(PassSelection("")) {
            var found: PlanDraft?
            let program = CPUEngine.optimized(Program(computing: outputs))
            let last = try Planner().run(program) { if $0.map({ type(of: $0).name }) ?? Planner.lowering == stage { found = $1 } }
            return found ?? last
        }
    }

    /// Two steps, the second of which reads what the first wrote, and a result that may take the memory of an argument.
    private func chain() throws -> PlanDraft {
        let x = known([8, 8], seed: 0)
        // Not held: what somebody holds is a result.
        func centred(_ y: Tensor) -> Tensor { y - y.sum(axes: 1, keepingAxes: true) }
        return try draft([sin(centred(exp(x)))])
    }

    @Test func aWholePlanIsSound() throws { #expect(PlanVerifier.fault(in: try chain()) == nil) }

    /// The mistake that post-ops once made: a residual was written over that a later step read.
    @Test func aResidualThatIsReadLaterMustNotBeWrittenOver() throws {
        let (x, w) = (known([2, 16, 5, 5], seed: 0), known([16, 16, 3, 3], seed: 1))
        func sum(_ residual: Tensor) -> Tensor {
            exp(maxPool2d(residual, kernel: (1, 1)) * 0 + residual) * (conv2d(x, w, padding: (1, 1)) + residual)
        }
        var draft = try draft([sum(sin(x) * 2)], after: Planner.lowering)
        let copy = try #require(draft.steps.firstIndex { $0.step.explanation.hasPrefix("copy [2, 16, 5, 5]") })
        let (source, target) = (draft.steps[copy].step.reads[0], draft.steps[copy].step.writes[0])
        #expect(PlanVerifier.fault(in: draft) == nil)
        draft.steps.remove(at: copy)
        draft.homes[source] = target
        let fault = try #require(PlanVerifier.fault(in: draft))
        #expect(fault.contains("reads \(draft.name(source)), over which \(draft.name(target)) was written"), "\(fault)")
    }

    @Test func stepsMustNotBeReordered() throws {
        var draft = try chain()
        draft.steps.swapAt(0, 1)
        let fault = try #require(PlanVerifier.fault(in: draft))
        #expect(fault.hasPrefix("step 0 reads %") && fault.hasSuffix(", which no step wrote"), "\(fault)")
    }

    @Test func aStepThatIsMissingIsMissed() throws {
        var draft = try chain()
        draft.steps.removeLast()
        #expect(PlanVerifier.fault(in: draft)?.hasSuffix("is not there at the end") == true)
    }

    @Test func anArgumentThatIsReadLaterMustNotBeGivenAway() throws {
        let (x, y) = (known([8, 8], seed: 0), known([8, 8], seed: 1))
        // The first result is there before x is read for the last time.
        let first = exp(x)
        var draft = try draft([first, matmul(first, y) * x])
        #expect(!draft.donations.isEmpty && PlanVerifier.fault(in: draft) == nil)
        let result = try #require(draft.results.firstIndex { draft.steps[0].step.writes.contains($0.buffer) })
        let argument = try #require(draft.steps[0].step.reads.first)
        draft.donations = [Donation(argument: argument, result: result)]
        let fault = try #require(PlanVerifier.fault(in: draft))
        #expect(fault.contains("reads %\(argument), over which step 0 may have written"), "\(fault)")
        draft.donations += draft.donations
        #expect(PlanVerifier.fault(in: draft) == "argument %\(argument) is given to two results")
    }

    @Test func aProductMustNotBeWrittenOverItsFactor() throws {
        let (x, y) = (known([8, 8], seed: 0), known([8, 8], seed: 1))
        var draft = try draft([matmul(x, y)])
        #expect(draft.donations.isEmpty && PlanVerifier.fault(in: draft) == nil)
        draft.donations = [Donation(argument: 0, result: 0)]
        #expect(PlanVerifier.fault(in: draft)?.hasPrefix("step 0 may write ") == true)
    }

    @Test func anOperandMustLieAsItsStepWants() throws {
        let (x, w) = (known([2, 16, 5, 5], seed: 0), known([16, 16, 1, 1], seed: 1))
        var draft = try draft([conv2d(x, w)], after: Planner.lowering)
        let reorder = try #require(draft.steps.firstIndex { $0.step.explanation.hasPrefix("reorder [2, 16, 5, 5] plain") })
        let target = draft.steps[reorder].step.writes[0]
        draft.buffers[target] = BufferInfo(
            kind: .temporary, byteCount: draft.buffers[target].byteCount, layout: .plain, value: draft.buffers[target].value)
        let fault = try #require(PlanVerifier.fault(in: draft))
        #expect(fault.hasPrefix("step \(reorder) wants ") && fault.hasSuffix("it is in plain"), "\(fault)")
    }

    @Test func temporariesThatAreAliveTogetherMustNotOverlap() throws {
        var draft = try chain()
        let offsets = try #require(draft.arena?.offsets)
        #expect(offsets.count > 1)
        for buffer in offsets.keys { draft.arena?.offsets[buffer] = 0 }
        #expect(PlanVerifier.fault(in: draft)?.hasSuffix("overlap in the arena while both are alive") == true)
        draft.arena?.offsets = [:]
        #expect(PlanVerifier.fault(in: draft)?.hasSuffix("has no place") == true)
    }

    @Test func whatIsKeptMustDependOnParametersAlone() throws {
        let weight = known([4, 4], seed: 1)
        weight.setLabel(NodeLabel())
        var draft = try draft([matmul(exp(known([3, 4], seed: 0)), exp(weight) * 2)])
        let choice = try #require(draft.prologue)
        #expect(PlanVerifier.fault(in: draft) == nil)
        draft.prologue = PrologueChoice(count: draft.steps.count, kept: choice.kept, arguments: choice.arguments)
        #expect(PlanVerifier.fault(in: draft)?.contains("of the prologue reads %") == true)
        draft.prologue = nil
        #expect(PlanVerifier.fault(in: draft)?.hasSuffix("is kept, but not by the prologue") == true)
    }
}
