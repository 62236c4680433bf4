import HillockCore
import Testing

/// Nothing is computed before it is needed, and nothing that is held is computed twice.
@Suite struct LazinessTests {
    @Test func buildingComputesNothing() {
        CountingEngine.use { engine in
            let x = Tensor([1, 2, 3] as [Float])
            let y = exp(x) * 2 + 1
            #expect(x.isEvaluated)
            #expect(!y.isEvaluated)
            #expect(y.shape == [3] && y.dtype == .float32)
            #expect(engine.ran.isEmpty)
            #expect(y.elements(as: Float.self).count == 3)
            #expect(y.isEvaluated)
            #expect(engine.ran.count == 1)
        }
    }

    @Test func readingAgainComputesNothing() {
        CountingEngine.use { engine in
            let y = Tensor([1, 2, 3] as [Float]) * 2
            for _ in 0..<3 { #expect(y.elements(as: Float.self) == [2, 4, 6]) }
            #expect("\(y)" == "[2. 4. 6.]")
            evaluate(y)
            #expect(engine.ran.count == 1)
        }
    }

    @Test func heldIntermediatesAreKept() {
        CountingEngine.use { engine in
            let x = Tensor([1, 4, 9] as [Float])
            let root = sqrt(x)
            let sum = root.sum()
            #expect(sum.item() == 6)
            #expect(root.isEvaluated, "it was computed along the way, and somebody holds it")
            #expect((root * 2).elements(as: Float.self) == [2, 4, 6])
            #expect(engine.ran.flatMap(\.operations).filter { $0 == "sqrt" }.count == 1)
        }
    }

    @Test func valuesThatNobodyHoldsAreNotOutputs() {
        CountingEngine.use { engine in
            let y = (sqrt(Tensor([1, 4] as [Float])) + 1).sum()
            evaluate(y)
            #expect(engine.ran.map(\.outputs.count) == [1])
        }
    }

    @Test func sharedPartsAreComputedOnce() {
        CountingEngine.use { engine in
            let shared = exp(Tensor([0, 1] as [Float]))
            let y = shared * shared + shared
            evaluate(y)
            #expect(engine.ran.flatMap(\.operations) == ["exp", "multiply", "add"])
        }
    }

    @Test func severalTensorsAreOneProgram() {
        CountingEngine.use { engine in
            let x = Tensor([1, 2] as [Float])
            let (a, b) = (exp(x), sqrt(x))
            evaluate(a, b)
            #expect(a.isEvaluated && b.isEvaluated)
            #expect(engine.ran.map(\.operations) == [["exp", "sqrt"]])
        }
    }

    @Test func copiesShareTheirValue() {
        CountingEngine.use { engine in
            let y = exp(Tensor([0] as [Float]))
            let copy = y
            evaluate(y)
            #expect(copy.isEvaluated)
            #expect(copy.elements(as: Float.self) == [1])
            #expect(engine.ran.count == 1)
        }
    }

    @Test func knownValuesAreNotDropped() {
        let x = Tensor([1, 2, 3] as [Float])
        let read = x.elements(as: Float.self)
        for _ in 0..<3 { evaluate(x + 1) }
        #expect(x.elements(as: Float.self) == read)
    }

    @Test func whatWasReadOutlivesItsTensor() throws {
        // The engine may reuse a dead input's memory, but not when somebody reads it.
        var x: Tensor? = Tensor([Float](repeating: 1, count: 1000)) + 1
        let array = try #require(x).hostArray()
        let y = try #require(x) * 5
        x = nil
        evaluate(y)
        #expect(array.elements(as: Float.self) == [Float](repeating: 2, count: 1000))
    }

    @Test func numbersAndLeavesAreKnown() {
        #expect(Tensor(3).isEvaluated)
        #expect(Tensor([1] as [Float]).isEvaluated)
        #expect(!Tensor.zeros([2]).isEvaluated)
    }
}
