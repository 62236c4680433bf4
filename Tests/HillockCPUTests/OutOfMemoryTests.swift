import HillockCPU
import HillockCore
import Testing

@Suite("Out of memory") struct OutOfMemoryTests {
    /// More than any address space has, so that no machine promises it.
    private let tooMuch = Self.line([1 << 16, 1, 1]) + Self.line([1 << 16, 1]) + Self.line([1 << 14])

    private static func line(_ shape: Shape) -> Tensor { Tensor([Float](repeating: 1, count: shape.count)).reshaped(to: shape) }

    @Test func aResultThatNothingHoldsIsAnError() throws {
        let error = #expect(throws: CPUEngineError.self) { try tooMuch.hostArray() }
        #expect(error.map { "\($0)" }?.contains("out of memory: the system refused a block of 281474976710656 bytes") ?? false)
    }

    @Test func whatIsMadeOfItCarriesTheError() throws {
        _ = try? tooMuch.hostArray()
        #expect(throws: CPUEngineError.self) { try (tooMuch * 2).hostArray() }
    }

    @Test func theNextPlanRuns() throws {
        // A temporary in the arena, which is to be as it was.
        let product = matmul(tooMuch, Tensor.ones([1 << 14, 1]))
        #expect(throws: CPUEngineError.self) { try product.hostArray() }
        #expect(try matmul(Tensor.ones([64, 32]), Tensor.ones([32, 16])).sum().hostArray().elements(as: Float.self) == [32_768])
    }
}
