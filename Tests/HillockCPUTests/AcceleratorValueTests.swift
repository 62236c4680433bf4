import HillockCore
import HillockPJRT
import Testing

/// XLA on this machine's processor.
enum TestAccelerator {
    /// The device, where its plugin is installed.
    static let device: Device? = {
        guard let device = try? Device(named: "xla-cpu"), device.engine is PJRTEngine else { return nil }
        return device
    }()
}

/// Every operation on XLA's CPU plugin, where there is one, against the values and gradients made by PyTorch: what the StableHLO text means.
@Suite(.enabled(if: TestAccelerator.device != nil), .serialized) struct AcceleratorValueTests {
    /// One program for all dtypes, values and gradients: compiling costs more than running.
    @Test(arguments: StoredCase.all) func resultsAreThoseStored(stored: StoredCase) throws {
        let operation = try #require(StoredValueTests.cases[stored.name])
        try Device.$current.withValue(try #require(TestAccelerator.device)) {
            var results: [(tensor: Tensor, wanted: HostArray, scale: Double, what: String)] = []
            for dtype in stored.dtypes {
                let inputs = stored.list("input", dtype).map { Tensor($0) }
                let outputs = operation.apply(inputs, DType(named: dtype))
                for (position, (output, wanted)) in zip(outputs, stored.list("output", dtype)).enumerated() {
                    results.append((output, wanted, stored.scale, "\(dtype) output \(position)"))
                }
                let gradients = stored.arrays("gradient", dtype)
                if gradients.isEmpty { continue }
                let positions = gradients.keys.sorted()
                let got = StoredValueTests.gradients(of: operation, at: inputs, by: positions, stored, dtype)
                for (position, gradient) in zip(positions, got) {
                    results.append((gradient, gradients[position]!, Swift.max(stored.scale, 1), "\(dtype) gradient \(position)"))
                }
            }
            evaluate(results.map(\.tensor))
            for result in results {
                Closeness(scale: result.scale).expect(
                    try result.tensor.hostArray(), result.wanted, "\(stored.name) \(result.what) on xla-cpu")
            }
        }
    }
}
