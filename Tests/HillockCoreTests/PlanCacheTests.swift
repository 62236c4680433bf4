import Glibc
import HillockCore
import Testing

/// A plan is made once for each program, whatever the numbers in it.
///
/// Each test has a process of its own: the cache is one for all, and other tests would drive plans out of it.
@Suite struct PlanCacheTests {
    @Test func anotherNumberIsTheSameProgram() async {
        await #expect(processExitsWith: .success) {
            CountingEngine.use { engine in
                let x = Tensor([1, 2] as [Float])
                for rate in [0.1, 0.01, 0.001] { evaluate(x - exp(x) * rate) }
                #expect(engine.planned.count == 1)
                #expect(engine.ran.count == 3)
            }
        }
    }

    @Test func otherElementsAreTheSameProgram() async {
        await #expect(processExitsWith: .success) {
            CountingEngine.use { engine in
                for value in 0..<3 { evaluate(exp(Tensor([Float(value), 1]))) }
                #expect(engine.planned.count == 1)
            }
        }
    }

    @Test func anotherSeedIsTheSameProgram() async {
        await #expect(processExitsWith: .success) {
            CountingEngine.use { engine in
                for seed in 0..<3 { withSeed(UInt64(seed)) { evaluate(dropout(Tensor([1, 2] as [Float]), rate: 0.5)) } }
                #expect(engine.planned.count == 1)
            }
        }
    }

    @Test func shapeDtypeAttributeAndOperationMakeAnother() async {
        await #expect(processExitsWith: .success) {
            CountingEngine.use { engine in
                let x = Tensor([1, 2] as [Float])
                let bodies: [() -> Tensor] = [
                    { exp(x) }, { exp(Tensor([1] as [Float])) }, { exp(Tensor([1, 2] as [Double])) }, { sqrt(x) }, { x.sum() }, { x.max() },
                    { Tensor.zeros([2, 2]).sum(axes: 0) }, { Tensor.zeros([2, 2]).sum(axes: 1) }, { x + x }, { x + exp(x) }, { exp(x) + x },
                ]
                for (number, body) in bodies.enumerated() {
                    for _ in 0..<2 { evaluate(body()) }
                    #expect(engine.planned.count == number + 1)
                }
            }
        }
    }

    @Test func whatIsHeldMakesAnother() async {
        await #expect(processExitsWith: .success) {
            CountingEngine.use { engine in
                let x = Tensor([1, 2] as [Float])
                evaluate(exp(x) + 1)
                let held = exp(x)
                evaluate(held + 1)
                #expect(engine.planned.map(\.outputs.count) == [1, 2])
            }
        }
    }

    @Test func trainingStepsAreOneProgram() async {
        await #expect(processExitsWith: .success) {
            CountingEngine.use { engine in
                var weight = Tensor([[0.1, 0.2]] as [[Float]])
                for step in 0..<5 {
                    let x = Tensor([[Float(step), 1]])
                    let gradient = gradient(at: weight) { meanSquaredError(matmul(x, $0, transposingRight: true), Tensor.ones([1, 1])) }
                    weight = weight - gradient * (0.1 / Double(step + 1))
                    evaluate(weight)
                }
                #expect(engine.planned.count == 1)
                #expect(engine.ran.count == 5)
            }
        }
    }

    @Test func enginesHaveTheirOwnPlans() async {
        await #expect(processExitsWith: .success) {
            let x = Tensor([1, 2] as [Float])
            for _ in 0..<2 {
                CountingEngine.use { engine in
                    evaluate(exp(x))
                    #expect(engine.planned.count == 1)
                }
            }
        }
    }

    @Test func theCacheIsBounded() async {
        await #expect(processExitsWith: .success) {
            CountingEngine.use { engine in
                for extent in 1...600 { evaluate(exp(Tensor.ones([extent]))) }
                #expect(engine.planned.count == 600)
                // The latest are still there, the first is not.
                evaluate(exp(Tensor.ones([600])))
                #expect(engine.planned.count == 600)
                evaluate(exp(Tensor.ones([1])))
                #expect(engine.planned.count == 601)
            }
        }
    }

    @Test func logSaysWhichInputChanged() async throws {
        let result = try #require(
            await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
                setenv("HILLOCK_LOG", "plans", 1)
                Device.$current.withValue(.reference) {
                    evaluate(exp(Tensor([1, 2] as [Float])) * 2)
                    evaluate(exp(Tensor([3, 4] as [Float])) * 3)
                    evaluate(exp(Tensor([3, 4, 5] as [Float])) * 3)
                }
            })
        let lines = String(decoding: result.standardErrorContent, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("hillock:") }
        let untimed = lines.map { $0.replacing(/made in [0-9]+\.[0-9] ms/, with: "made in N ms") }
        #expect(
            untimed == [
                "hillock: plan 1, made in N ms: 3 operations, 2 inputs",
                "hillock: plan 2, made in N ms: 3 operations, 2 inputs; input 0 was f32[2], is f32[3]",
            ])
    }
}
