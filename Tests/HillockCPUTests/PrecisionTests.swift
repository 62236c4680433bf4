import HillockCPU
import HillockCore
import TestCloseness
import Testing

/// Every operation with products in bf16, on every device that has it, against what PyTorch gives in f32 and f64.
@Suite(.serialized) struct PrecisionTests {
    /// Our own engine, with products however small; XLA's where its plugin is there.
    static let devices: [Device] = [Device(CPUEngine(roundingAllProducts: true))] + [TestAccelerator.device].compactMap { $0 }

    @Test(arguments: StoredCase.all, devices) func resultsAreNearThoseStored(stored: StoredCase, on device: Device) throws {
        guard stored.dtypes.contains("f32") else { return }
        let operation = try #require(StoredValueTests.cases[stored.name])
        try Precision.$current.withValue(.bfloat16) {
            try Device.$current.withValue(device) {
                let inputs = stored.list("input", "f32").map { Tensor($0) }
                var results = zip(operation.apply(inputs, .float32), stored.list("output", "f32")).map { ($0, $1, "output") }
                let gradients = stored.arrays("gradient", "f32")
                if !gradients.isEmpty {
                    let positions = gradients.keys.sorted()
                    let got = StoredValueTests.gradients(of: operation, at: inputs, by: positions, stored, "f32")
                    results += zip(got, positions).map { ($0, gradients[$1]!, "gradient \($1)") }
                }
                let closeness = BFloatCloseness(computing: results.map(\.0))
                evaluate(results.map(\.0))
                for (result, wanted, what) in results {
                    let got = try result.hostArray()
                    if wanted.dtype.isFloatingPoint, closeness.depth > 0 {
                        let fault = closeness.fault(got, wanted) { $0 + stored.scale * $1 }
                        #expect(fault == nil, "\(stored.name) \(what) on \(device)")
                    } else {
                        Closeness(scale: Swift.max(stored.scale, 1)).expect(got, wanted, "\(stored.name) \(what) on \(device)")
                    }
                }
            }
        }
    }

    /// A product of rounded operands, and no other: what would show that nothing, or too much, is rounded.
    @Test(.enabled(if: PassSelection.current.isWhole, "says what passes do, and some are switched off"), arguments: devices)
    func operandsAreRoundedAndNothingElse(on device: Device) throws {
        guard Precision.$current.withValue(.bfloat16, operation: { device.precisionNote }) == nil else { return }
        let (a, b) = withSeed(3) { (Tensor.normal([96, 64]), Tensor.normal([64, 96])) }
        evaluate([a, b])
        func rounded(_ x: Tensor) -> Tensor { x.converted(to: .bfloat16).converted(to: .float64) }
        let exact = try Device.$current.withValue(.reference) { try matmul(rounded(a), rounded(b)).hostArray().doubles }
        let plain = try Device.$current.withValue(.reference) {
            try matmul(a.converted(to: .float64), b.converted(to: .float64)).hostArray().doubles
        }
        let got = try Precision.$current.withValue(.bfloat16) {
            try Device.$current.withValue(device) { try (matmul(a, b) + 0).hostArray().doubles }
        }
        func distance(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot() }
        let size = distance(exact, exact.map { _ in 0 })
        #expect(distance(got, exact) < 1e-6 * size)
        #expect(distance(got, plain) > 1e-3 * size)
    }

    @Test func withoutBFloat16ProductsStayInF32() throws {
        // The reference engine stands in for a CPU without it.
        Precision.$current.withValue(.bfloat16) {
            #expect(Device.reference.actualPrecision == .float32)
            #expect(Device.reference.precisionNote?.hasSuffix("products stay in f32") == true)
        }
        #expect(Device.reference.precisionNote == nil)
    }

    @Test func namesAreThoseOfTheCommandLine() {
        #expect(Precision(named: "bf16") == .bfloat16)
        #expect(Precision(named: "f32") == .float32)
        #expect(Precision(named: "bfloat16") == nil)
    }
}
