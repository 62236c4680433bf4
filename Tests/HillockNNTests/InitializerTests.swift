import HillockCore
import HillockNN
import Testing

@Suite struct InitializerTests {
    /// Mean, standard deviation, least and greatest of what an initialiser gives.
    private func moments(_ initializer: Initializer, _ shape: Shape, dtype: DType = .float32) throws -> (Double, Double, Double, Double) {
        let values = try withSeed(11) { try initializer(shape, dtype: dtype).hostArray().doubles }
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        return (mean, variance.squareRoot(), values.min()!, values.max()!)
    }

    // 3·5 taps: fan in 60 · 15, fan out 40 · 15.
    private static let shape: Shape = [40, 60, 3, 5]

    @Test(
        "Uniform ones fill their bounds",
        arguments: [
            ("uniform", Initializer.uniform(low: -2, high: 3), -2, 3),
            ("kaiming", .kaimingUniform(), -(6.0 / 900).squareRoot(), (6.0 / 900).squareRoot()),
            ("kaiming fan out", .kaimingUniform(.tanh, mode: .fanOut), -5 / 3 * (3.0 / 600).squareRoot(), 5 / 3 * (3.0 / 600).squareRoot()),
            ("kaiming leaky", .kaimingUniform(.leakyReLU(slope: 0.5)), -(4.8 / 900).squareRoot(), (4.8 / 900).squareRoot()),
            ("xavier", .xavierUniform(gain: 2), -2 * (6.0 / 1500).squareRoot(), 2 * (6.0 / 1500).squareRoot()),
        ] as [(String, Initializer, Double, Double)])
    func uniform(_ name: String, _ initializer: Initializer, _ low: Double, _ high: Double) throws {
        let (mean, deviation, least, greatest) = try moments(initializer, Self.shape)
        let width = high - low
        #expect(least >= low - 1e-6 && greatest <= high + 1e-6, "\(name)")
        #expect(least < low + width * 1e-3 && greatest > high - width * 1e-3, "\(name)")
        #expect(abs(mean - (low + high) / 2) < width * 0.01, "\(name)")
        #expect(abs(deviation - width / 12.0.squareRoot()) < width * 0.01, "\(name)")
    }

    @Test(
        "Normal ones have their mean and deviation",
        arguments: [
            ("normal", Initializer.normal(mean: 3, standardDeviation: 0.5), 3, 0.5),
            ("kaiming", .kaimingNormal(.relu), 0, (2.0 / 900).squareRoot()),
            ("kaiming linear fan out", .kaimingNormal(.linear, mode: .fanOut), 0, (1.0 / 600).squareRoot()),
            ("xavier", .xavierNormal(gain: 5.0 / 3), 0, 5.0 / 3 * (2.0 / 1500).squareRoot()),
        ] as [(String, Initializer, Double, Double)])
    func normal(_ name: String, _ initializer: Initializer, _ mean: Double, _ deviation: Double) throws {
        let (gotMean, gotDeviation, least, greatest) = try moments(initializer, Self.shape)
        #expect(abs(gotMean - mean) < deviation * 0.02, "\(name)")
        #expect(abs(gotDeviation / deviation - 1) < 0.02, "\(name)")
        #expect(least < mean - 3 * deviation && greatest > mean + 3 * deviation, "\(name)")
    }

    @Test("Truncated normal", arguments: [DType.float32, .float64])
    func truncatedNormal(_ dtype: DType) throws {
        let (mean, deviation, least, greatest) = try moments(.truncatedNormal(), Self.shape, dtype: dtype)
        // The deviation of a standard normal cut off at ±2.
        #expect(abs(mean) < 0.02 && abs(deviation - 0.8796) < 0.01)
        #expect(least >= -2 && least < -1.98 && greatest <= 2 && greatest > 1.98)
        let (tail, _, low, high) = try moments(.truncatedNormal(mean: 1, standardDeviation: 2, low: 3, high: 9), Self.shape, dtype: dtype)
        // Mean of the part above one deviation and below four: 1 + 2 · (φ(1) − φ(4)) / (Φ(4) − Φ(1)).
        #expect(low >= 3 && high <= 9 && abs(tail - 4.0492) < 0.03, "\(tail)")
    }

    @Test func constants() {
        #expect(Initializer.zeros([2]).elements(as: Float.self) == [0, 0])
        #expect(Initializer.ones([2], dtype: .float64).elements(as: Double.self) == [1, 1])
        #expect(Initializer.constant(0.25)([2]).elements(as: Float.self) == [0.25, 0.25])
        #expect(Initializer { shape, dtype in .eye(shape[0], dtype: dtype) }([2, 2]).elements(as: Float.self) == [1, 0, 0, 1])
    }

    @Test("Rows or columns are orthogonal", arguments: [[8, 5], [5, 8], [4, 3, 2, 2], [6, 6]])
    func orthogonal(_ shape: [Int]) throws {
        let w = Initializer.orthogonal(gain: 2)(Shape(shape), dtype: .float64).reshaped(to: [shape[0], -1])
        let product = w.shape[0] <= w.shape[1] ? matmul(w, w.transposed()) : matmul(w.transposed(), w)
        try expectClose(product, (Tensor.eye(product.shape[0], dtype: .float64) * 4).hostArray())
    }

    @Test func layersTakeThemAndDependOnTheSeedAlone() throws {
        let layer = Linear(3, 2, weightInitializer: .constant(2), biasInitializer: .ones)
        #expect(layer(Tensor.ones([1, 3])).elements(as: Float.self) == [7, 7])
        func conv(_ seed: UInt64) -> Conv2d { withSeed(seed) { Conv2d(2, 4, kernel: 3) } }
        let (a, b, c) = (conv(3), conv(3), conv(4))
        #expect(try bits(a.weight.value) == bits(b.weight.value) && bits(a.bias!.value) == bits(b.bias!.value))
        #expect(try bits(a.weight.value) != bits(c.weight.value))
    }

    @Test("Defaults are PyTorch's: ±1/√fan in")
    func defaults() throws {
        let linear = Linear(100, 50)
        let conv = Conv2d(8, 16, kernel: [3, 5], groups: 2)
        for (parameter, bound) in [
            (linear.weight, 0.1), (linear.bias!, 0.1), (conv.weight, 1 / 60.0.squareRoot()), (conv.bias!, 1 / 60.0.squareRoot()),
        ] {
            let greatest = try parameter.value.hostArray().doubles.map(abs).max()!
            #expect(greatest <= bound + 1e-7 && greatest > bound * 0.8)
        }
        let (mean, deviation, _, _) = try moments(.init { _, _ in Embedding(300, 40).weight.value }, [])
        #expect(abs(mean) < 0.03 && abs(deviation - 1) < 0.02)
        #expect(Embedding(3, 2, paddingIndex: 1).weight.value[1].elements(as: Float.self) == [0, 0])
    }
}
