import HillockCore
import Testing

/// Misuse stops the program where the operation is called, with the same text that validation throws.
@Suite struct TrapTests {
    private func lines(_ result: ExitTest.Result) -> [String] {
        String(decoding: result.standardErrorContent, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func wrongShapesStopWithOperationShapesAndPlace() async throws {
        // The body of an exit test has the line where its statement begins.
        let line = #line + 1
        let result = try #require(
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = matmul(Tensor.zeros([2, 3]), Tensor.zeros([4, 5]))
            })
        #expect(
            lines(result).first
                == "HillockCoreTests/TrapTests.swift:\(line): Fatal error: [matmul] left has 3 columns, right has 4 rows: left [2, 3], right [4, 5] "
                + "· at HillockCoreTests/TrapTests.swift:\(line)")
    }

    @Test func operatorsStopWithOperationAndShapes() async throws {
        let result = try #require(
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Tensor.zeros([2, 3]) + Tensor.zeros([4])
            })
        #expect(
            lines(result).first?.hasSuffix(
                "Fatal error: [add] left is f32[2, 3], right is f32[4]: shapes cannot be broadcast together "
                    + "· extents must be equal or 1, counted from the last axis") == true)
    }

    @Test func readingAsAnotherTypeStops() async throws {
        let result = try #require(
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Tensor([1, 2] as [Float]).elements(as: Double.self)
            })
        #expect(lines(result).first?.hasSuffix("Fatal error: [elements] array holds f32, f64 was asked for") == true)
    }
}
