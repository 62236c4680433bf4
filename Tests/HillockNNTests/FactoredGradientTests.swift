import Hillock
import Testing

/// Gradients of large layers on few samples, which the optimizer's step computes itself.
@Suite("Factored gradients") struct FactoredGradientTests {
    /// Neither side is a multiple of what kernels work in.
    private static let (rows, columns, samples) = (1030, 1027, 5)

    /// The weight after two steps, by an engine.
    private func train(_ optimizer: OptimizerCase, on device: Device) throws -> [Double] {
        try Device.$current.withValue(device) {
            func known(_ shape: Shape, _ frequency: Double) throws -> Tensor {
                let values = (0..<shape.count).map { Float(($0 * 7919) % 1000) * Float(frequency) / 1000 - 0.02 }
                return Tensor(values, shape: shape)
            }
            let weight = Parameter(try known([Self.rows, Self.columns], 0.05))
            let optimizer = optimizer.make([weight])
            let x = try known([Self.samples, Self.columns], 0.3)
            for _ in 0..<2 {
                let (_, gradients) = valueAndGradient(of: optimizer.parameters) {
                    let y = linear(x, weight.value, bias: nil)
                    return (y * y).sum() * 1e-2
                }
                optimizer.update(gradients)
            }
            return try weight.value.hostArray().doubles
        }
    }

    @Test(arguments: OptimizerCase.all.filter { ["sgd", "sgd-nesterov", "adamw-options"].contains($0.name) })
    func theStepMultiplies(_ optimizer: OptimizerCase) throws {
        let ours = try train(optimizer, on: .cpu)
        let reference = try train(optimizer, on: Device(RecordingEngine()))
        let worst = zip(ours, reference).map { abs($0 - $1) }.max()!
        #expect(worst < 2e-5, "\(worst)")
    }

    @Test func thePlanSaysSo() throws {
        let text = explain { _ = try? train(OptimizerCase.all[0], on: .cpu) }.description
        let isLeft = text.contains("of it the product [\(Self.rows), \(Self.samples)] × [\(Self.samples), \(Self.columns)]")
        #expect(isLeft || !PassSelection.current.isWhole)
    }
}
