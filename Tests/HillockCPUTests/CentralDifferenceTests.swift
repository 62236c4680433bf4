import HillockCore
import Testing

/// Gradients of every smooth case against central differences along a random direction, in f64 by the definitions, to second order.
@Suite struct CentralDifferenceTests {
    private static let step = 1e-4

    @Test(arguments: StoredCase.all.filter { $0.smooth && $0.dtypes.contains("f64") })
    func derivativesAreDifferenceQuotients(stored: StoredCase) throws {
        let operation = try #require(StoredValueTests.cases[stored.name])
        try Device.$current.withValue(.reference) {
            let inputs = stored.list("input", "f64")
            let positions = stored.arrays("gradient", "f64").keys.sorted()
            let cotangents = stored.list("cotangent", "f64").map { Tensor($0) }
            let x = positions.map { Tensor(inputs[$0]) }
            // Directions of the inputs' shapes, the same in every run.
            let v = withSeed(1) { x.map { Tensor.normal($0.shape, dtype: .float64) } }
            let u = withSeed(2) { x.map { Tensor.normal($0.shape, dtype: .float64) } }
            evaluate(x + v + u)

            func value(_ variables: [Tensor]) -> Tensor {
                var all = inputs.map { Tensor($0) }
                for (position, variable) in zip(positions, variables) { all[position] = variable }
                // Curved, so that linear operations too have a second derivative.
                return dot(operation.apply(all, .float64).map { $0 + $0 * $0 * 0.5 }, cotangents)
            }
            func slope(_ variables: [Tensor]) -> Tensor { dot(valueAndGradients(at: variables, of: value).gradients, u) }

            try expectDerivative(of: value, at: x, along: v, "\(stored.name): first derivative")
            // The slope along u, differentiated along v: the Hessian between two directions.
            try expectDerivative(of: slope, at: x, along: v, "\(stored.name): second derivative")
        }
    }

    /// Σ aᵢ·bᵢ over all tensors and elements.
    private func dot(_ a: [Tensor], _ b: [Tensor]) -> Tensor {
        zip(a, b).map { ($0 * $1).sum() }.reduce(Tensor(0, dtype: .float64)) { $0 + $1 }
    }

    private func expectDerivative(
        of function: ([Tensor]) -> Tensor, at x: [Tensor], along v: [Tensor], _ what: String,
        sourceLocation: Testing.SourceLocation = #_sourceLocation
    ) throws {
        let h = Self.step
        let (value, gradients) = valueAndGradients(at: x, of: function)
        let derivative = dot(gradients, v)
        func moved(by steps: Double) -> Tensor { function(zip(x, v).map { $0 + $1 * (steps * h) }) }
        // Of fourth order: truncation leaves h⁴·|f⁽⁵⁾| / 30, rounding ε·|f| / h, near 1e-12 for numbers near 1.
        let quotient = (8 * (moved(by: 1) - moved(by: -1)) - (moved(by: 2) - moved(by: -2))) / (12 * h)
        evaluate(derivative, quotient, value)
        let difference = (derivative.item() - quotient.item()).magnitude
        let size = Swift.max(1, derivative.item().magnitude, value.item().magnitude)
        // Moving x rounds it.
        let largest = try x.flatMap { try $0.hostArray().doubles }.map(\.magnitude).max() ?? 0
        #expect(
            difference <= 1e-9 * size + 1e-11 * largest, "\(what) is \(derivative.item()), difference quotient \(quotient.item())",
            sourceLocation: sourceLocation)
    }
}
