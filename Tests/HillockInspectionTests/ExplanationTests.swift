import Hillock
import HillockCore
import HillockSystems
import Testing

/// Programs as `explain` prints them.
struct ExplanationTests {
    /// A layer of a network, the same at every call.
    private func layer() -> Tensor {
        let x = Tensor([1, -2, 3, -4] as [Float], shape: [2, 2])
        let w = Tensor([1, 0, 0, 1] as [Float], shape: [2, 2])
        let b = Tensor([0.5, -0.5] as [Float])
        return relu(matmul(x, w) + b) * 1
    }

    @Test func aLayerOnTheReference() {
        let text = Device.$current.withValue(.reference) { explain { evaluate(layer()) }.description }
        #expect(
            text == """
                Program 1 of 1 on reference: 6 operations, ran once
                ═══════════════════════════════════════════════════

                ── graph ── the program as the code built it

                %0 = input : f32[2, 2]
                %1 = input : f32[2, 2]
                %2 = input : f32[2]
                %3 = scalar : f32[]
                %4 = matmul(transposesLeft: false, transposesRight: false) %0, %1 : f32[2, 2]
                %5 = broadcast %2 : f32[2, 2]
                %6 = add %4, %5 : f32[2, 2]
                %7 = relu %6 : f32[2, 2]
                %8 = broadcast %3 : f32[2, 2]
                %9 = multiply %7, %8 : f32[2, 2]
                return %9

                ── plan ── kernels, in the layouts that suit them, over planned memory
                6 operations → 6 steps

                0  definition of matmul f32[2, 2]  (%0, %1 → %4)
                1  definition of broadcast f32[2, 2]  (%2 → %5)
                2  definition of add f32[2, 2]  (%4, %5 → %6)
                3  definition of relu f32[2, 2]  (%6 → %7)
                4  definition of broadcast f32[2, 2]  (%3 → %8)
                5  definition of multiply f32[2, 2]  (%7, %8 → %9)
                """)
    }

    @Test(.enabled(if: PassSelection.current.isWhole, "says what passes do, and some are switched off")) func stagesOfTheCPU() throws {
        let explanation = explain { evaluate(layer()) }
        let program = try #require(explanation.programs.first)
        #expect(explanation.programs.count == 1)
        #expect(program.runs == 1)
        #expect(program.stages[0].name == "graph")
        #expect(program.stages.map(\.name).contains("postops"))
        // The product adds the bias and rectifies, and the plan says so.
        let fused = try #require(program.stages.last { $0.name == "postops" }).program
        #expect(fused.operations.contains("matmul+") && !fused.operations.contains("relu"))
        #expect(program.plan.steps.contains { $0.kernel.contains("matmul [2, 2] × [2, 2] + bias, relu") })
        #expect(program.plan.steps.allSatisfy { !$0.writes.isEmpty && $0.byteCount > 0 })
        let text = explanation.description
        #expect(text.contains("── postops ── biases, residuals, rectifiers and their gradients are applied by the product before them"))
        #expect(text.contains("matmul 1 → 0, matmul+ 0 → 1"))
        #expect(text.contains("\nNo change by: "))
        #expect(text.contains("\narena: "))
        #expect(program.planStages.map(\.name) == ["lower", "order", "inplace", "layouts", "donation", "arguments", "prologue", "arena"])
        #expect(text.contains("── lower ── operations become steps, each a kernel in the layouts that suit it\n\n"))
        #expect(text.contains(", order, inplace, layouts, donation, arguments, prologue"), "stages that had nothing to decide")
    }

    @Test func aProgramThatWasPlannedBeforeIsExplainedAgain() {
        evaluate(layer())
        #expect(explain { evaluate(layer()) }.programs.count == 1)
        let twice = explain {
            evaluate(layer())
            evaluate(layer())
        }
        #expect(twice.programs.map(\.runs) == [2])
        #expect(twice.description.hasPrefix("Program 1 of 1 on cpu: "))
        #expect(twice.description.contains("ran 2 times"))
        #expect(explain {}.description == "nothing was evaluated")
    }

    @Test(.enabled(if: PassSelection.current.isWhole, "says what passes do, and some are switched off")) func selections() {
        let explanation = explain { evaluate(layer()) }
        #expect(explanation.text(.all).contains("\nno change\n"))
        #expect(!explanation.text(.changes).contains("\nno change\n"))
        let plan = explanation.text(.pass("plan"))
        #expect(plan.contains("── plan ──") && !plan.contains("── graph ──"))
        let graph = explanation.text(.pass("graph"))
        #expect(graph.contains("── graph ──") && !graph.contains("── plan ──"))
        let arena = explanation.text(.pass("arena"))
        #expect(arena.contains("── arena ── temporaries that are never alive at the same time share memory\n\n"))
        #expect(arena.contains("\narena: ") && !arena.contains("── plan ──") && !arena.contains("── lower ──"))
        let names = Explanation.passNames()
        #expect(names.first == "graph" && names.last == "plan" && names.contains("fuse"))
        #expect(Set(names).count == names.count)
    }

    /// Every pass says in a line what it does: a new one must, too.
    @Test func passesHaveSummaries() {
        for pass in CPUEngine().pipeline.passes { #expect(!type(of: pass).summary.isEmpty, "\(type(of: pass).name)") }
    }

    @Test func parametersAreNamed() throws {
        let model = Sequential(Linear(3, 2))
        evaluate(model.contents().parameters.map(\.parameter.value))
        let explanation = explain { evaluate(model(Tensor([1, 2, 3] as [Float], shape: [1, 3]))) }
        let names = try #require(explanation.programs.last).names
        #expect(names.contains("0.weight") && names.contains("0.bias"))
        #expect(explanation.description.contains("  (0.weight)\n"))
    }

    @Test func aTrainingStepIsOneProgram() throws {
        let training = try DigitTraining(.init(model: .mlp, batchSize: 8))
        let limit = StepLimit(2, stopRequest: training.trainer.stopRequest)
        var outcome: Trainer.Outcome?
        let explanation = try explain { outcome = try training.train([limit]) }
        #expect(outcome == .interrupted)
        #expect(limit.isReached)
        #expect(explanation.programs.map(\.runs) == [2])
        // Its optimizer writes over what it replaces.
        if PassSelection.current.includes("donation") {
            #expect(explanation.programs[0].plan.memory.contains { $0.hasPrefix("donations: ") })
            #expect(explanation.text(.pass("donation")).contains(" may be written over %"))
        }
    }
}

extension Program {
    /// The names of its operations, in order.
    fileprivate var operations: [String] { instructions.map { Swift.type(of: $0.primitive).name } }
}
