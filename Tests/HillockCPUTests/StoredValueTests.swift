import HillockCPU
import HillockCore
import Testing

/// Every operation against values and gradients made by PyTorch, on every device.
@Suite struct StoredValueTests {
    static let cases = Dictionary(uniqueKeysWithValues: OperationCase.all.map { ($0.name, $0) })
    static let devices: [Device] = [.reference, .cpu]

    @Test(arguments: StoredCase.all) func valuesAreThoseStored(stored: StoredCase) throws {
        let operation = try #require(Self.cases[stored.name])
        for device in Self.devices {
            for dtype in stored.dtypes {
                try Device.$current.withValue(device) {
                    let inputs = stored.list("input", dtype).map { Tensor($0) }
                    let outputs = operation.apply(inputs, DType(named: dtype))
                    let wanted = stored.list("output", dtype)
                    #expect(outputs.count == wanted.count)
                    evaluate(outputs)
                    for (position, (output, expected)) in zip(outputs, wanted).enumerated() {
                        Closeness(scale: stored.scale).expect(
                            try output.hostArray(), expected, "\(stored.name) \(dtype) output \(position) on \(device)")
                    }
                }
            }
        }
    }

    @Test(arguments: StoredCase.all.filter(\.gradient)) func gradientsAreThoseStored(stored: StoredCase) throws {
        let operation = try #require(Self.cases[stored.name])
        for device in Self.devices {
            for dtype in stored.dtypes {
                try Device.$current.withValue(device) {
                    let inputs = stored.list("input", dtype).map { Tensor($0) }
                    let wanted = stored.arrays("gradient", dtype)
                    let gradients = Self.gradients(of: operation, at: inputs, by: wanted.keys.sorted(), stored, dtype)
                    evaluate(gradients)
                    for (position, gradient) in zip(wanted.keys.sorted(), gradients) {
                        Closeness(scale: Swift.max(stored.scale, 1)).expect(
                            try gradient.hostArray(), wanted[position]!, "\(stored.name) \(dtype) gradient \(position) on \(device)")
                    }
                }
            }
        }
    }

    /// Gradients of Σ output · cotangent by the inputs at these positions.
    static func gradients(
        of operation: OperationCase, at inputs: [Tensor], by positions: [Int], _ stored: StoredCase, _ dtype: String
    ) -> [Tensor] {
        let cotangents = stored.list("cotangent", dtype).map { Tensor($0) }
        return valueAndGradients(at: positions.map { inputs[$0] }) { variables in
            var all = inputs
            for (position, variable) in zip(positions, variables) { all[position] = variable }
            let outputs = operation.apply(all, DType(named: dtype))
            let sums = zip(outputs, cotangents).map { ($0 * $1).sum() }
            return sums.dropFirst().reduce(sums[0]) { $0 + $1 }
        }.gradients
    }
}
