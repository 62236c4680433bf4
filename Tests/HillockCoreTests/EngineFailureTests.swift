import HillockCore
import Testing

/// An engine that cannot run a program throws, and what depended on it says so from then on.
@Suite struct EngineFailureTests {
    private struct Broken: Error, CustomStringConvertible {
        let description = "out of memory"
    }

    private struct FailingEngine: Engine {
        let name: String
        let failsToPlan: Bool

        func plan(_ program: Program) throws -> any Plan {
            if failsToPlan { throw Broken() }
            return FailingPlan()
        }
    }

    private final class FailingPlan: Plan {
        let explanation = ""
        func run(_ arguments: inout [Argument], results: inout [DeviceBuffer]) throws { throw Broken() }
    }

    @Test func failureToPlanLeavesTheGraphAsItWas() throws {
        let y = Tensor([1, 2] as [Float]) * 2
        Device.$current.withValue(Device(FailingEngine(name: "cannotPlan", failsToPlan: true))) {
            #expect(throws: Broken.self) { try y.hostArray() }
        }
        #expect(!y.isEvaluated)
        #expect(y.elements(as: Float.self) == [2, 4])
    }

    @Test func failureToRunIsRemembered() throws {
        let y = exp(Tensor([1, 2] as [Float]) * 2)
        let z = y + 1
        Device.$current.withValue(Device(FailingEngine(name: "cannotRun", failsToPlan: false))) {
            #expect(throws: Broken.self) { try y.hostArray() }
        }
        // Its inputs may be gone, so that it cannot be tried again.
        #expect(throws: Broken.self) { try y.hostArray() }
        #expect(throws: Broken.self) { try z.hostArray() }
        #expect("\(y)" == "Tensor(f32[2]): out of memory")
        #expect((Tensor([1] as [Float]) + 1).elements(as: Float.self) == [2])
    }

    /// Nothing stops where nothing can be thrown: the tensors carry the error.
    @Test(arguments: [false, true]) func whatIsEvaluatedCarriesTheErrorUntilItIsRead(failsToPlan: Bool) {
        let device = Device(FailingEngine(name: "carried \(failsToPlan)", failsToPlan: failsToPlan))
        let x = Tensor([1, 2] as [Float])
        let (y, z) = Device.$current.withValue(device) {
            let y = x * 2
            let z = y + 1
            evaluate(z)
            return (y, z)
        }
        #expect(!y.isEvaluated && !z.isEvaluated)
        // What was computed together failed together, and so does what is made from it, on a device that works, too.
        #expect(throws: Broken.self) { try z.hostArray() }
        #expect(throws: Broken.self) { try y.hostArray() }
        evaluate(z * z)
        #expect(throws: Broken.self) { try (z * z).hostArray() }
        #expect("\(z)" == "Tensor(f32[2]): out of memory")
        #expect((x * 3).elements(as: Float.self) == [3, 6])
    }
}
