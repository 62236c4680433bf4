import HillockCPU
import HillockCore
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
                let depth = Program(computing: results.map(\.0)).productDepth
                evaluate(results.map(\.0))
                for (result, wanted, what) in results {
                    BFloatCloseness(depth: depth, scale: stored.scale).expect(
                        try result.hostArray(), wanted, "\(stored.name) \(what) on \(device)")
                }
            }
        }
    }

    /// A product of rounded operands, and no other: what would show that nothing, or too much, is rounded.
    @Test(arguments: devices) func operandsAreRoundedAndNothingElse(on device: Device) throws {
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

/// How far results of products in bf16 may be from exact ones, by the norm of the whole result.
///
/// An operand that is rounded to 8 bits is off by up to 2⁻⁹ of itself, so each term of a sum of products by 2⁻⁸, in the root of the mean square
/// by 2⁻⁸ / √6; errors of terms are as little aligned as the terms are, so that a sum is off by that part of the sums' norm. A chain of
/// products passes on and adds such errors, `depth` times at most, and what accelerators store in between is rounded once more, by another
/// 2⁻⁹ at most. What cancels is measured by what it cancels from.
struct BFloatCloseness {
    /// How many products follow on each other.
    let depth: Int
    let scale: Double

    func expect(_ got: HostArray, _ wanted: HostArray, _ what: String) {
        guard wanted.dtype.isFloatingPoint, depth > 0 else {
            Closeness(scale: Swift.max(scale, 1)).expect(got, wanted, what)
            return
        }
        let (g, w) = (got.doubles, wanted.doubles)
        #expect(got.shape == wanted.shape, "\(what)")
        guard got.shape == wanted.shape else { return }
        let pairs = zip(g, w).filter { !($0 == $1 || $0.isNaN && $1.isNaN) }
        let error = pairs.map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
        let finite = w.filter(\.isFinite)
        let norm = finite.map { $0 * $0 }.reduce(0, +).squareRoot() + scale * Double(w.count).squareRoot()
        let limit = 0x1p-8 * Double(depth) * norm
        #expect(error <= limit, "\(what): off by \(error) of \(norm), \(depth) products deep")
    }
}

extension Program {
    /// The largest number of products that are computed from each other.
    fileprivate var productDepth: Int {
        let whole = ExpandComposites.all.run(self)
        var depths = [Int](repeating: 0, count: whole.inputs.count)
        for instruction in whole.instructions {
            depths.append((instruction.operands.map { depths[$0] }.max() ?? 0) + (instruction.primitive is any Product ? 1 : 0))
        }
        return depths.max() ?? 0
    }
}
