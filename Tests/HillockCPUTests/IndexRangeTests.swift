import HillockCore
import Testing

/// Indices that a table does not have: the definition takes the nearest row or leaves an update out, as StableHLO says; the native engine
/// reports them.
@Suite struct IndexRangeTests {
    private let table = Tensor([10, 20, 30] as [Float])
    private let indices = Tensor([-3, 7, 1])

    @Test func theDefinitionTakesTheNearestRow() {
        Device.$current.withValue(.reference) {
            #expect(table.gathered(indices).elements(as: Float.self) == [10, 30, 20])
        }
    }

    @Test func theDefinitionLeavesUpdatesOut() {
        Device.$current.withValue(.reference) {
            let updates = Tensor([1, 2, 4] as [Float])
            let (value, gradient) = valueAndGradient(at: updates) {
                (table.scatterAdded($0, at: indices) * Tensor([1, 10, 100] as [Float])).sum()
            }
            #expect(value.item() == 10 + 240 + 3000)
            #expect(gradient.elements(as: Float.self) == [0, 0, 10])
        }
    }

    @Test func theNativeEngineThrows() {
        Device.$current.withValue(.cpu) {
            let rows = table.gathered(indices)
            let error = #expect(throws: (any Error).self) { try rows.hostArray() }
            #expect(error.map { "\($0)" } == "[gather] index -3 at position 0 is out of range for 3 rows")
            let sums = table.scatterAdded(Tensor([1, 2, 4] as [Float]), at: indices)
            let second = #expect(throws: (any Error).self) { try sums.hostArray() }
            #expect(second.map { "\($0)" } == "[scatteradd] index -3 at position 0 is out of range for 3 rows")
            // It is said again to whoever needs the value.
            #expect(throws: (any Error).self) { try (rows + 1).hostArray() }
        }
    }
}
