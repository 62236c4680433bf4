import HillockCPU
import HillockCore
import Testing

/// What the stages of a plan decide, as text, before and after each.
@Suite("Plan stages", .enabled(if: PassSelection.current.isWhole, "says what stages do, and some are switched off")) struct PlanStageTests {
    private func known(_ shape: Shape, seed: Double) -> Tensor {
        let x = sin(Tensor.arange(to: Double(shape.count)) * 0.7 + seed).reshaped(to: shape)
        evaluate(x)
        return x
    }

    /// The drafts of the program's plan by the stage that they come out of.
    private func drafts(_ outputs: [Tensor]) throws -> [String: PlanDraft] {
        var drafts: [String: PlanDraft] = [:]
        let program = CPUEngine.optimized(Program(computing: outputs))
        _ = try Numerics.$current.withValue(.strict) {
            try Planner().run(program) { drafts[$0.map { type(of: $0).name } ?? Planner.lowering] = $1 }
        }
        return drafts
    }

    /// What a stage decides about a program.
    private func decisions(_ stage: any PlanStage, _ outputs: [Tensor]) throws -> [String] {
        stage.decisions(in: try #require(try drafts(outputs)[type(of: stage).name]))
    }

    /// A draft's steps, without the kernels' names, which depend on the machine.
    private func steps(_ draft: PlanDraft?) -> [String] {
        (draft?.steps ?? []).map { entry in String(entry.step.explanation.split(separator: ":")[0].split(separator: " [")[0]) }
    }

    // MARK: - Lowering

    @Test func rowsAreGatheredWhereTheyAreUsed() throws {
        let (a, b) = (known([50, 8], seed: 1), known([30, 5], seed: 2))
        let index = Tensor.arange(to: 20).converted(to: .int64)
        evaluate(index)
        func lowered(_ outputs: [Tensor]) throws -> [String] {
            try steps(drafts(outputs)["lower"]).map { String($0.split(separator: " ")[0]) }
        }
        #expect(try lowered([concatenate([a.gathered(index), b.gathered(index)], axis: 1)]) == ["gather", "gather"])
        let rows = a.gathered(index)
        #expect(try lowered([rows, concatenate([rows, b.gathered(index)], axis: 1)]).contains("copy"))
    }

    // MARK: - Order

    /// Gradients of the weights of a chain of convolutions of images that are much larger than weights.
    private var chain: [Tensor] {
        let weights = (0..<5).map { known([16, 16, 3, 3], seed: Double($0)) }
        let x = known([2, 16, 24, 24], seed: 9)
        return valueAndGradients(at: weights) { $0.reduce(x) { relu(conv2d($0, $1, padding: (1, 1))) }.sum() }.gradients
    }

    @Test func gradientsAreComputedAsSoonAsTheyCanBe() throws {
        let outputs = chain
        let drafts = try drafts(outputs)
        let (before, after) = (try #require(drafts["lower"]), try #require(drafts["order"]))
        #expect(Set(steps(before)) == Set(steps(after)) && steps(before) != steps(after) && before.steps.count == after.steps.count)
        #expect(OrderSteps().decisions(in: before).isEmpty && OrderSteps().decisions(in: after).count == 1)
        let program = CPUEngine.optimized(Program(computing: outputs))
        let whole = try Numerics.$current.withValue(.strict) { try Planner(selection: PassSelection("-order")).run(program) }
        let arenas = (try #require(drafts["arena"]?.arena).byteCount, try #require(whole.arena).byteCount)
        #expect(arenas.0 < arenas.1 * 4 / 5, "\(arenas)")
    }

    @Test func whatIsSmallerThanItsGradientStaysWhereItIs() throws {
        let w = known([64, 64, 3, 3], seed: 1)
        let x = known([1, 64, 4, 4], seed: 2)
        let gradients = valueAndGradients(at: [w]) { w in
            relu(conv2d(relu(conv2d(x, w[0], padding: (1, 1))), w[0], padding: (1, 1))).sum()
        }.gradients
        let drafts = try drafts(gradients)
        #expect(steps(drafts["lower"]).count == steps(drafts["order"]).count)
        #expect(OrderSteps().decisions(in: try #require(drafts["order"])).isEmpty)
    }

    // MARK: - In place

    private var convolution: (Tensor) -> Tensor {
        let (w, b) = (known([16, 16, 3, 3], seed: 1), known([16], seed: 2))
        return { conv2d($0, w, padding: (1, 1)) + b.reshaped(to: [16, 1, 1]) }
    }

    @Test func aResidualThatNobodyReadsLaterIsWrittenOver() throws {
        let (x, convolution) = (known([2, 16, 5, 5], seed: 0), convolution)
        let drafts = try drafts([relu(convolution(relu(convolution(x))) + exp(x))])
        let (before, after) = (try #require(drafts["lower"]), try #require(drafts["inplace"]))
        #expect(steps(before).filter { $0 == "copy" }.count == 1)
        #expect(steps(after) == steps(before).filter { $0 != "copy" })
        #expect(before.homes.isEmpty && after.homes.count == 1)
        let (source, target) = try #require(after.homes.first)
        #expect(after.root(source) == target && after.kind(source).isResult)
        #expect(OverwriteResiduals().decisions(in: after) == ["\(after.name(target)) is written over \(after.name(source))"])
    }

    @Test func aResidualThatIsReadAgainIsCopied() throws {
        let (x, convolution) = (known([2, 16, 5, 5], seed: 0), convolution)
        // Read by the convolution itself, by a later step, and wanted as a result.
        let y = { relu(convolution(x)) }
        let alone = try drafts([exp(sin({ convolution($0) + $0 }(y())))])
        #expect(alone["inplace"]?.homes.isEmpty == true && steps(alone["inplace"]).contains("copy"))
        let residual = exp(x)
        let wanted = try drafts([convolution(y()) + residual, residual])
        #expect(wanted["inplace"]?.homes.isEmpty == true)
    }

    // MARK: - Layouts and donation

    /// A step of gradient descent on two convolutions. They have groups, which leaves them to oneDNN on every machine: its weights lie otherwise
    /// than row-major.
    private func step() -> [Tensor] {
        let x = known([2, 32, 8, 8], seed: 0.1)
        let weights = [known([32, 16, 3, 3], seed: 1), known([32, 16, 3, 3], seed: 2)]
        let gradients = valueAndGradients(at: weights) { w in
            let y = conv2d(relu(conv2d(x, w[0], padding: (1, 1), groups: 2)), w[1], padding: (1, 1), groups: 2)
            return (y * y).mean()
        }.gradients
        return zip(weights, gradients).map { $0 - $1 * 0.1 }
    }

    @Test func updatedArgumentsComeAsTheyStay() throws {
        let outputs = step()
        let drafts = try drafts(outputs)
        let (before, after) = (try #require(drafts["inplace"]), try #require(drafts["layouts"]))
        let decisions = KeepLayouts().decisions(in: after)
        #expect(KeepLayouts().decisions(in: before).isEmpty)
        #expect(decisions.count == 2 && decisions.allSatisfy { $0.contains(" comes as ") }, "\(decisions)")
        // Each result lies as its argument comes, and neither is copied.
        for (result, line) in zip(after.results, decisions) { #expect(line.hasSuffix(" comes as \(after.buffers[result.buffer].layout)")) }
        #expect(steps(after).filter { $0 == "reorder" }.count < steps(before).filter { $0 == "reorder" }.count)
        // Then both weights may be written over.
        let given = DonateArguments().decisions(in: try #require(drafts["donation"]))
        #expect(after.donations.isEmpty && given.count == 2 && given.allSatisfy { $0.contains(" may be written over %") }, "\(given)")
    }

    @Test func argumentsThatStayAreLaidOutOnEntry() throws {
        let drafts = try drafts([conv2d(known([2, 32, 5, 5], seed: 0), known([32, 16, 3, 3], seed: 1), groups: 2)])
        let (before, after) = (try #require(drafts["donation"]), try #require(drafts["arguments"]))
        #expect(LayOutArguments().decisions(in: before).isEmpty)
        #expect(LayOutArguments().decisions(in: after).count == 2, "\(before.stepsText)")
        #expect(steps(before) == ["reorder", "reorder", "conv"] && steps(after) == ["conv"])
    }

    // MARK: - Prologue and arena

    @Test func whatNeedsParametersAloneComesFirst() throws {
        let (x, weight) = (known([3, 4], seed: 0), known([4, 4], seed: 1))
        weight.setLabel(NodeLabel())
        let drafts = try drafts([matmul(exp(x), exp(weight) * 2)])
        let (before, after) = (try #require(drafts["arguments"]), try #require(drafts["prologue"]))
        #expect(before.prologue == nil)
        #expect(after.prologue?.count == 1 && after.prologue?.kept.count == 1)
        let isMoved = after.steps[0].step.writes == after.prologue?.kept && before.steps[0].step.writes != after.steps[0].step.writes
        #expect(isMoved, "\(after.stepsText)")
        #expect(HoistPrologue().decisions(in: after).first?.hasPrefix("prologue: step 0 needs parameters alone") == true)
    }

    @Test func temporariesShareMemoryOnceTheyAreDead() throws {
        // Sums end groups: each matrix is written, summed up, and dead.
        var x = known([64, 64], seed: 0)
        for _ in 0..<3 { x = exp(x - x.sum(axes: 1, keepingAxes: true)) }
        let drafts = try drafts([x.sum()])
        let (before, after) = (try #require(drafts["prologue"]), try #require(drafts["arena"]))
        #expect(before.arena == nil)
        let arena = try #require(after.arena)
        let apart = arena.offsets.keys.reduce(0) { $0 + after.buffers[$1].byteCount }
        #expect(arena.byteCount < apart, "\(PlaceTemporaries().decisions(in: after))")
        let lines = PlaceTemporaries().decisions(in: after)
        #expect(lines.count == arena.offsets.count + 1 && lines.last?.hasPrefix("arena: ") == true)
    }

    /// Without any of the optional stages a plan is larger, and gives the same.
    @Test(arguments: ["order", "inplace", "layouts", "donation", "arguments", "prologue", "none"]) func withoutAStageItIsTheSame(
        _ name: String
    )
        throws
    {
        func run() throws -> [[Double]] {
            let outputs = step()
            evaluate(outputs)
            return try outputs.map { try $0.hostArray().doubles }
        }
        let whole = try run()
        let without = try PassSelection.$current.withValue(PassSelection(name == "none" ? name : "-\(name)")) {
            try Device.$current.withValue(Device(UncachedEngine())) { try run() }
        }
        for (a, b) in zip(whole, without) { #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 }) }
    }

    /// Names are told apart from those of passes, and every stage says what it decides.
    @Test func stagesHaveNamesAndSummaries() {
        let stages = Planner(selection: PassSelection("")).stages.map { type(of: $0) }
        let names = stages.map { $0.name } + CPUEngine().pipeline.passes.map { type(of: $0).name }
        #expect(Set(stages.map { $0.name }).count == stages.count)
        #expect(Set(stages.map { $0.name }).isDisjoint(with: names.dropFirst(stages.count)))
        for stage in stages { #expect(!stage.summary.isEmpty, "\(stage.name)") }
        #expect(CPUEngine().planStageNames == ["lower"] + stages.map { $0.name })
    }
}

/// The CPU engine under a name of its own: plans are kept by the engine's name, whatever passes they were made with.
private struct UncachedEngine: Engine {
    let name = "cpu-\(UInt64.random(in: 0 ... .max))"
    func plan(_ program: Program) throws -> any Plan { try CPUEngine().plan(program) }
}

extension BufferInfo.Kind { fileprivate var isResult: Bool { if case .result = self { true } else { false } } }

extension PlanDraft { fileprivate var stepsText: String { steps.map(\.step.explanation).joined(separator: "\n") } }
