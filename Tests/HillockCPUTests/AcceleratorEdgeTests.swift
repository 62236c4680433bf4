import HillockCore
import Testing

/// What PyTorch has no values for, on XLA's CPU plugin where there is one, against the reference engine.
@Suite(.enabled(if: TestAccelerator.device != nil), .serialized) struct AcceleratorEdgeTests {
    /// The results of `make` are those of the reference: exactly, unless a scale is given.
    private func expectSame(
        _ what: String, factor: Double = 0, scale: Double = 0, at location: Testing.SourceLocation = #_sourceLocation,
        _ make: () -> [Tensor]
    ) throws {
        func results(on device: Device) throws -> [HostArray] {
            try Device.$current.withValue(device) {
                let tensors = withSeed(5) { make() }
                evaluate(tensors)
                return try tensors.map { try $0.hostArray() }
            }
        }
        let wanted = try results(on: .reference)
        for (position, (got, expected)) in zip(try results(on: #require(TestAccelerator.device)), wanted).enumerated() {
            Closeness(factor: factor, scale: scale).expect(got, expected, "\(what), result \(position)", at: location)
        }
    }

    private static let wholes: [Int64] = [
        0, 1, -1, 2, -2, 3, 7, -7, 127, 128, 255, 256, -129, 65535, 2_147_483_647, -2_147_483_648, .max, .min,
    ]
    private static let reals: [Double] = [
        0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 255, 256, 300, -300, 2_147_483_648, -2_147_483_649, 1e10, 9.3e18, -9.3e18, 1e30,
        .infinity,
        -.infinity, .nan, 65504, 70000, 1.003_906_2,
    ]

    private static func values(_ dtype: DType) -> Tensor {
        dtype.isFloatingPoint
            ? Tensor(HostArray(reals, as: TensorType(dtype, [reals.count])))
            : Tensor(HostArray(wholes, as: TensorType(dtype, [wholes.count])))
    }

    @Test(arguments: DType.allCases) func conversions(from dtype: DType) throws {
        try expectSame("from \(dtype)") { DType.allCases.filter { $0 != dtype }.map { Self.values(dtype).converted(to: $0) } }
    }

    @Test(arguments: [DType.int32, .int64, .uint8]) func wholeNumbers(dtype: DType) throws {
        try expectSame("\(dtype)") {
            let x = Self.values(dtype)
            let (a, b) = (x.unsqueezed(axis: 1), x.unsqueezed(axis: 0))
            let arithmetic = [a + b, a - b, a * b, a / b, a % b, pow(a, b), maximum(a, b), minimum(a, b)]
            return arithmetic + [a .< b, a .== b, -x, abs(x), sign(x), x.sum(), x.product(), x.max(), x.min(), x.argmax(), x.argmin()]
        }
    }

    @Test(arguments: [DType.float32, .float64]) func realNumbers(dtype: DType) throws {
        try expectSame("\(dtype)") {
            let x = Self.values(dtype)
            let (a, b) = (x.unsqueezed(axis: 1), x.unsqueezed(axis: 0))
            let comparisons = [a .< b, a .<= b, a .> b, a .>= b, a .== b, a .!= b]
            let unary = [floor(x), ceil(x), round(x), -x, abs(x), sign(x), relu(x)]
            return comparisons + unary + [maximum(a, b), minimum(a, b), x.max(), x.min(), x.argmax(), x.argmin(), x[0..<21].argmax()]
        }
    }

    @Test(
        "Windows that overlap, do not, have gaps, and reach into the padding",
        arguments: [
            PoolingGeometry(kernel: [2, 2], strides: [2, 2], padding: [0, 0], dilation: [1, 1]),
            PoolingGeometry(kernel: [2, 2], strides: [1, 1], padding: [1, 1], dilation: [1, 1]),
            PoolingGeometry(kernel: [2, 2], strides: [2, 2], padding: [1, 1], dilation: [1, 1]),
            PoolingGeometry(kernel: [3, 2], strides: [2, 3], padding: [1, 1], dilation: [2, 1]),
            PoolingGeometry(kernel: [3, 3], strides: [4, 4], padding: [1, 1], dilation: [1, 1]),
            PoolingGeometry(kernel: [6, 6], strides: [1, 1], padding: [3, 3], dilation: [1, 1]),
        ]) func windows(geometry: PoolingGeometry) throws
    {
        var cells = (0..<2 * 49).map { Double(($0 * 37) % 11) }
        for place in [0, 1, 7, 8] { cells[place] = -.infinity }
        for place in [20, 21] { cells[place] = .nan }
        for place in [40, 60] { cells[place] = .infinity }
        try expectSame("\(geometry)") {
            let x = Tensor(HostArray(cells, as: TensorType(.float64, [1, 2, 7, 7])))
            let y = Tensor.apply(MaxPool(geometry), [x])
            let dy = Tensor.arange(to: Double(y.count), dtype: .float64).reshaped(to: y.shape)
            let v = Tensor.arange(to: Double(x.count), dtype: .float64).reshaped(to: x.shape)
            return [y, .apply(MaxPoolScatter(geometry), [x, dy]), .apply(MaxPoolSelect(geometry), [x, v])]
        }
    }

    @Test func indicesOutside() throws {
        try expectSame("rows") {
            let table = Tensor.arange(to: 12).reshaped(to: [4, 3])
            let indices = Tensor([-5, -1, 0, 3, 3, 100] as [Int])
            let rows = Tensor.arange(to: 18).reshaped(to: [6, 3])
            return [table.gathered(indices), table.scatterAdded(rows, at: indices), .apply(ScatterAdd(rows: 4), [rows, indices])]
        }
    }

    @Test func nothing() throws {
        try expectSame("no elements") {
            let none = Tensor([] as [Int])
            let table = Tensor.arange(to: 12).reshaped(to: [4, 3])
            return [
                table.gathered(none), table[1..<1].sum(axes: 0), matmul(Tensor.zeros([2, 0]), Tensor.zeros([0, 3])),
                Tensor.zeros([0, 3]).padded([(2, 1), (0, 0)], value: 4), table.scatterAdded(Tensor.zeros([0, 3]), at: none),
                maxPool2d(Tensor.zeros([0, 1, 4, 4]), kernel: (2, 2)), Tensor.uniform([0, 2]),
            ]
        }
    }

    @Test func uniformNumbersAreTheSameBits() throws {
        try expectSame("uniform") { [.uniform([3, 7]), .uniform([]), .uniform([1001], dtype: .float64)] }
    }

    @Test func normalNumbersAreTheSame() throws {
        try expectSame("normal", factor: 16, scale: 1) { [.normal([1001]), .normal([]), .normal([7, 3], dtype: .float64)] }
    }

    @Test("A pass of skip-gram, in blocks and what is left", arguments: [5, 16, 37]) func skipGram(words: Int) throws {
        try expectSame("\(words) words", factor: 64, scale: 1) {
            let tables = [Tensor.normal([20, 5], dtype: .float64), .normal([20, 5], dtype: .float64)]
            let centers = Tensor(HostArray((0..<words).map { Int64($0 * 7 % 20) }, as: TensorType(.int32, [words])))
            let targets = Tensor(HostArray((0..<words * 6).map { Int64($0 * 13 % 23) - 3 }, as: TensorType(.int32, [words, 6])))
            return Tensor.composite(SkipGramStep(period: 3), tables + [centers, targets, Tensor(0.2, dtype: .float64)])
        }
    }

    @Test("Recurrences over 40 steps, both ways, with gradients", arguments: [false, true]) func recurrences(reversed: Bool) throws {
        try expectSame("reversed \(reversed)", factor: 64, scale: 1) {
            func normal(_ extents: Int...) -> Tensor { .normal(Shape(extents), standardDeviation: 0.4, dtype: .float64) }
            let variables = [normal(3, 40, 4), normal(20, 4), normal(20, 5), normal(20), normal(3, 5), normal(3, 5)]
            let long = valueAndGradients(at: variables) { v in
                let (y, h, c) = lstm(
                    v[0], inputWeight: v[1], recurrentWeight: v[2], recurrentBias: v[3], h0: v[4], c0: v[5], reversed: reversed)
                return (y * y).sum() + h.sum() + (c * c).sum()
            }
            let gated = valueAndGradients(at: [variables[0], normal(15, 4), normal(15, 5), normal(15), normal(3, 5)]) { v in
                let (y, h) = gru(v[0], inputWeight: v[1], recurrentWeight: v[2], inputBias: v[3], h0: v[4], reversed: reversed)
                return (y * y).sum() + h.sum()
            }
            return [long.value, gated.value] + long.gradients + gated.gradients
        }
    }
}
