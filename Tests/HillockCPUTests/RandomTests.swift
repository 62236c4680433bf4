import HillockCore
import Testing

/// Random numbers are the generator's words, the same on every device.
@Suite(.serialized) struct RandomTests {
    /// The key that the first draw with this seed takes.
    private func key(_ seed: UInt64) -> UInt64 { RandomSource(seed: seed).nextKey() }

    private func onEachDevice(_ body: () throws -> Void) rethrows {
        for device in StoredValueTests.devices { try Device.$current.withValue(device) { try body() } }
    }

    @Test func uniformFloatsAre24BitsOfAWord() {
        let philox = Philox(key: key(5))
        onEachDevice {
            for count in [0, 1, 5, 103] {
                let numbers = withSeed(5) { Tensor.uniform([count]).elements(as: Float.self) }
                #expect(numbers == (0..<count).map { Float(philox[$0] >> 8) * 0x1p-24 })
            }
        }
    }

    @Test func uniformDoublesAre53BitsOfTwoWords() {
        let philox = Philox(key: key(6))
        onEachDevice {
            let numbers = withSeed(6) { Tensor.uniform([31], dtype: .float64).elements(as: Double.self) }
            #expect(
                numbers == (0..<31).map { Double(UInt64(philox[2 * $0] >> 5) << 26 | UInt64(philox[2 * $0 + 1] >> 6)) * 0x1p-53 })
        }
    }

    @Test func normalNumbersAgreeAcrossDevices() throws {
        for dtype in [DType.float32, .float64] {
            let wanted = try Device.$current.withValue(.reference) {
                try withSeed(7) { try Tensor.normal([3, 37], dtype: dtype).hostArray() }
            }
            try onEachDevice {
                let got = try withSeed(7) { try Tensor.normal([3, 37], dtype: dtype).hostArray() }
                Closeness(scale: 1).expect(got, wanted, "normal \(dtype) on \(Device.current)")
            }
        }
    }

    @Test func longerTensorsBeginAsShorterOnes() {
        onEachDevice {
            for draw in [{ Tensor.uniform([$0]) }, { Tensor.normal([$0]) }] as [(Int) -> Tensor] {
                let long = withSeed(1) { draw(101).elements(as: Float.self) }
                for count in [1, 2, 7, 64] {
                    #expect(withSeed(1) { draw(count).elements(as: Float.self) } == Array(long[..<count]))
                }
            }
        }
    }

    @Test("Dropout draws in place, in any layout around it, and its gradient has the same mask")
    func dropoutDrawsInPlace() throws {
        func play(_ x: Tensor, _ before: @escaping (Tensor) -> Tensor) throws -> [HostArray] {
            try withSeed(8) {
                let (y, gradient) = valueAndGradient(at: x) { x in
                    let y = dropout(before(x), rate: 0.4)
                    return (y * y).sum() + dropout(y, rate: 0.2).sum()
                }
                return [try y.hostArray(), try gradient.hostArray()]
            }
        }
        func compare(_ x: Tensor, _ before: @escaping (Tensor) -> Tensor) throws {
            let wanted = try Device.$current.withValue(.reference) { try play(x, before) }
            let got = try Device.$current.withValue(.cpu) { try play(x, before) }
            for (a, b) in zip(got, wanted) { Closeness(scale: b.doubles.map(\.magnitude).max() ?? 1).expect(a, b, "\(x.shape)") }
        }
        for count in [1, 15, 16, 64, 100, 4099, 70_001] {
            try compare(Tensor.arange(to: Double(count)) * (1 / Double(count)) + 0.5) { $0 * 2 + 1 }
        }
        let w = cos(Tensor.arange(to: 32 * 16 * 9)).reshaped(to: [32, 16, 3, 3])
        let x = sin(Tensor.arange(to: 2 * 16 * 6 * 6)).reshaped(to: [2, 16, 6, 6])
        evaluate(w, x)
        try compare(x) { relu(conv2d($0, w, padding: (1, 1))) }
    }

    @Test("Numbers that several operations want are the same numbers")
    func sharedNumbers() throws {
        func play() throws -> [[Double]] {
            try withSeed(9) {
                let u = Tensor.uniform([1000])
                let (a, b) = (u * 2, (u .>= 0.5).converted(to: .float32).reshaped(to: [10, 100]).sum(axes: 0))
                evaluate(u, a, b)
                return try [u, a, b].map { try $0.hostArray().doubles }
            }
        }
        let wanted = try Device.$current.withValue(.reference) { try play() }
        #expect(try Device.$current.withValue(.cpu) { try play() } == wanted)
    }

    /// Mean, variance, skewness and kurtosis of many numbers lie within five standard errors of the distribution's.
    @Test func momentsAreTheDistributions() {
        let n = 100_000
        func power(_ x: Double, _ exponent: Int) -> Double { (0..<exponent).reduce(1.0) { product, _ in product * x } }
        func expectMoments(_ x: [Double], around center: Double, _ wanted: [(mean: Double, variance: Double)]) {
            for (index, moment) in wanted.enumerated() {
                let got = x.reduce(0.0) { $0 + power($1 - center, index + 1) } / Double(n)
                let error = (moment.variance / Double(n)).squareRoot()
                #expect((got - moment.mean).magnitude < 5 * error, "moment \(index + 1) on \(Device.current)")
            }
        }
        onEachDevice {
            for dtype in [DType.float32, .float64] {
                let uniform = withSeed(2) { Tensor.uniform([n], dtype: dtype).converted(to: .float64).elements(as: Double.self) }
                #expect(uniform.allSatisfy { $0 >= 0 && $0 < 1 })
                expectMoments(uniform, around: 0.5, [(0, 1.0 / 12), (1.0 / 12, 1.0 / 180), (0, 1.0 / 448), (1.0 / 80, 1.0 / 3600)])
                let normal = withSeed(3) { Tensor.normal([n], dtype: dtype).converted(to: .float64).elements(as: Double.self) }
                #expect(normal.allSatisfy { $0.isFinite })
                expectMoments(normal, around: 0, [(0, 1), (1, 2), (0, 15), (3, 96)])
                // Neighbours come from one pair of uniform numbers and must not be correlated.
                let pairs = stride(from: 0, to: n, by: 2).reduce(0) { $0 + normal[$1] * normal[$1 + 1] } / Double(n / 2)
                #expect(pairs.magnitude < 5 / Double(n / 2).squareRoot())
            }
        }
    }

    @Test func boundsMeanAndDeviationAreTheirs() {
        onEachDevice {
            let numbers = withSeed(4) { Tensor.uniform([1000], low: -3, high: 5).elements(as: Float.self) }
            #expect(numbers.allSatisfy { $0 >= -3 && $0 < 5 })
            #expect(numbers.min()! < -2.9 && numbers.max()! > 4.9)
            let unit = withSeed(4) { Tensor.normal([5], dtype: .float64).elements(as: Double.self) }
            let moved = withSeed(4) { Tensor.normal([5], mean: 10, standardDeviation: 2, dtype: .float64).elements(as: Double.self) }
            for (a, b) in zip(unit, moved) { #expect((a * 2 + 10 - b).magnitude < 1e-14 * 20) }
        }
    }

    @Test func sameSeedSameBits() {
        onEachDevice {
            func draw() -> [[Float]] {
                [Tensor.uniform([33]), Tensor.normal([33]), dropout(Tensor.ones([33]), rate: 0.3)].map { $0.elements() }
            }
            let first = withSeed(11) { draw() }
            #expect(withSeed(11) { draw() } == first)
            #expect(withSeed(12) { draw() } != first)
            // In another order of evaluation.
            let (a, b) = withSeed(11) { (Tensor.uniform([33]), Tensor.normal([33])) }
            #expect(b.elements(as: Float.self) == first[1])
            #expect(a.elements(as: Float.self) == first[0])
        }
    }

    @Test func dropoutKeepsTheMean() {
        onEachDevice {
            let n = 20_000
            let y = withSeed(13) { dropout(Tensor.ones([n]), rate: 0.25).elements(as: Float.self) }
            #expect(y.allSatisfy { $0 == 0 || ($0 - 4 / 3).magnitude < 1e-6 })
            let dropped = Double(y.filter { $0 == 0 }.count)
            #expect((dropped - 0.25 * Double(n)).magnitude < 5 * (Double(n) * 0.25 * 0.75).squareRoot())
        }
    }

    @Test func dropoutsGradientIsItsMask() {
        onEachDevice {
            let x = Tensor.ones([100])
            let (value, gradient) = withSeed(14) {
                var y = x
                let (_, gradient) = valueAndGradient(at: x) {
                    y = dropout($0 * 2, rate: 0.5)
                    return y.sum()
                }
                return (y, gradient)
            }
            #expect(gradient.elements(as: Float.self) == value.elements(as: Float.self))
        }
    }
}
