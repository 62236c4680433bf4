import Foundation
import HillockCore
import Synchronization
import Testing

/// Nothing is missing from the table: the stored cases, the public operations and the primitives are compared with it.
@Suite struct CoverageTests {
    @Test func storedCasesAndTableAreTheSame() {
        let table = OperationCase.all.map(\.name)
        let stored = StoredCase.all.map(\.name)
        #expect(Set(table).count == table.count, "names in the table are unique")
        #expect(Set(table).subtracting(stored).sorted() == [], "in the table but not stored: add it to make_operations.py and run that")
        #expect(Set(stored).subtracting(table).sorted() == [], "stored but not in the table: add it to Cases+….swift")
    }

    @Test func filesHoldWhatIsListed() {
        let listed = StoredCase.all.flatMap { stored in stored.dtypes.map { "\(stored.name)/\($0)" } }
        let files = Set(StoredCase.storedNames.map { $0.split(separator: "/").dropLast().joined(separator: "/") })
        #expect(Set(listed).symmetricDifference(files).sorted() == [])
        for stored in StoredCase.all {
            for dtype in stored.dtypes {
                #expect(stored.arrays("input", dtype).count == stored.inputs, "\(stored.name)")
                #expect(!stored.arrays("output", dtype).isEmpty, "\(stored.name)")
                #expect(stored.gradient || stored.arrays("gradient", dtype).isEmpty, "\(stored.name)")
            }
        }
    }

    /// Operations whose results are random have tests of their own.
    private static let randomOperations: Set = [
        "uniform(Shape, low: Double, high: Double, dtype: DType)", "normal(Shape, mean: Double, standardDeviation: Double, dtype: DType)",
    ]

    @Test func everyPublicOperationHasACase() throws {
        let covered = Set(OperationCase.all.flatMap(\.covers)).union(Self.randomOperations)
        let published = Set(try CoreSources.publicOperations())
        #expect(published.count > 90)
        #expect(published.subtracting(covered).sorted() == [], "public operations without a case")
        #expect(covered.subtracting(published).sorted() == [], "cases of operations that are not there")
    }

    @Test func everyPrimitiveIsEvaluated() throws {
        let recorder = RecordingEngine()
        try Device.$current.withValue(Device(recorder)) {
            for stored in StoredCase.all {
                let operation = try #require(StoredValueTests.cases[stored.name])
                for dtype in stored.dtypes {
                    let inputs = stored.list("input", dtype).map { Tensor($0) }
                    let outputs = operation.apply(inputs, DType(named: dtype))
                    evaluate(outputs)
                    let positions = stored.arrays("gradient", dtype).keys.sorted()
                    if positions.isEmpty { continue }
                    let second = valueAndGradients(at: positions.map { inputs[$0] }) { variables in
                        let first = valueAndGradients(at: variables) { variables in
                            var all = inputs
                            for (position, variable) in zip(positions, variables) { all[position] = variable }
                            return sumOfSquares(operation.apply(all, DType(named: dtype)))
                        }
                        return sumOfSquares(first.gradients)
                    }
                    evaluate(second.gradients + [second.value])
                }
            }
            _ = Tensor.uniform([2]).elements(as: Float.self)
        }
        // A leaf is a value that is known, and a result is computed by its composite.
        let primitives = Set(try CoreSources.primitives()).subtracting(["Leaf", "CompositeResult"])
        #expect(primitives.count > 45)
        #expect(primitives.subtracting(recorder.seen).sorted() == [], "primitives that no case evaluates")
    }
}

private func sumOfSquares(_ tensors: [Tensor]) -> Tensor {
    let sums = tensors.map { ($0 * $0).sum() }
    return sums.dropFirst().reduce(sums[0]) { $0 + $1 }
}

/// The reference engine, with a list of the primitives that it was given.
private final class RecordingEngine: Engine {
    let name = "recording"
    private let names = Mutex<Set<String>>([])

    var seen: Set<String> { names.withLock { $0 } }

    func plan(_ program: Program) throws -> any Plan {
        names.withLock { $0.formUnion(program.instructions.map { "\(type(of: $0.primitive))" }) }
        return ReferenceEngine().plan(program)
    }
}
