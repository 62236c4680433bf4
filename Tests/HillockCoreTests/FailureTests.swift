import HillockCore
import Testing

/// What an engine cannot compute is remembered by the tensors and thrown where they are read; nothing stops before.
@Suite struct FailureTests {
    private struct Fault: Error, CustomStringConvertible { let description: String }

    /// Cannot plan anything, or cannot run what it planned.
    private struct FailingEngine: Engine {
        let name: String
        let plans: Bool

        func plan(_ program: Program) throws -> any Plan {
            if !plans { throw Fault(description: "cannot plan") }
            return FailingPlan()
        }
    }

    private final class FailingPlan: Plan {
        func run(_ arguments: inout [Argument], results: inout [DeviceBuffer]) throws { throw Fault(description: "cannot run") }
        var explanation: String { "" }
    }

    private func message(_ tensor: Tensor) -> String {
        do {
            return "\(try tensor.hostArray().doubles)"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [false, true]) func anErrorIsCarriedUntilAValueIsRead(plans: Bool) {
        let device = Device(FailingEngine(name: "failing \(plans)", plans: plans))
        let expected = plans ? "cannot run" : "cannot plan"
        let x = Tensor([1, 2] as [Float])
        let (y, z) = Device.$current.withValue(device) {
            let y = x * 2
            let z = y + 1
            evaluate(z)
            return (y, z)
        }
        #expect(!y.isEvaluated && !z.isEvaluated)
        #expect(message(z) == expected && message(y) == expected, "whatever was asked for together fails together")
        // On a device that works, too: what it would be made from is not there.
        #expect(message(z * z) == expected)
        #expect(z.description.hasSuffix(expected))
        #expect(message(x) == "[1.0, 2.0]" && message(x * 3) == "[3.0, 6.0]")
    }

    @Test func readingThrowsAtOnce() {
        let device = Device(FailingEngine(name: "failing at once", plans: true))
        Device.$current.withValue(device) {
            let x = Tensor([3] as [Float]) * 2
            #expect(message(x) == "cannot run")
            #expect(message(x) == "cannot run", "again, without running it again")
        }
    }
}
