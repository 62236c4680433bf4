import COneDNN
import Testing

/// The same bits with any number of threads. Serialized, since the number is the process's.
@Suite(.serialized) struct ReproducibilityTests {
    /// Runs what `make` makes with several numbers of threads and expects the same bits.
    func expectSameBits(
        _ name: String, _ inputs: [Int: [Float]], reading: [Int], _ make: () throws -> Primitive
    ) throws {
        let before = hd_threads()
        defer { hd_set_threads(before) }
        var first: [[UInt32]]?
        for threads in [1, 2, 3] as [Int32] {
            hd_set_threads(threads)
            let primitive = try make()
            let bits = try primitive.run(inputs, reading: reading).map { $0.map(\.bitPattern) }
            let isSame = bits == first ?? bits
            #expect(isSame, "\(name): \(primitive.implementation) with \(threads) threads")
            first = first ?? bits
        }
    }

    static let cases =
        convolutions + [
            Convolution(name: "LeNet's first", batch: 16, inputs: 1, outputs: 32, input: [28, 28], window: Window([3, 3])),
            Convolution(name: "LeNet's second", batch: 16, inputs: 32, outputs: 64, input: [26, 26], window: Window([3, 3])),
            Convolution(
                name: "one image", batch: 1, inputs: 64, outputs: 64, input: [28, 28],
                window: Window([3, 3], low: [1, 1], high: [1, 1])),
            Convolution(
                name: "few channels in, strided", batch: 8, inputs: 3, outputs: 24, input: [32, 32],
                window: Window([5, 5], strides: [2, 2], low: [2, 2], high: [2, 2])),
        ]

    @Test(arguments: cases, Arrangement.allCases)
    func convolution(_ c: Convolution, _ arrangement: Arrangement) throws {
        let x = values(product(c.source), seed: 1), w = values(product(c.weights), seed: 2)
        let dy = values(product(c.destination), seed: 4)
        // Only in free layouts is there a choice.
        let choices = [HD_ALGORITHM_DIRECT, HD_ALGORITHM_AUTO, HD_ALGORITHM_WINOGRAD]
        for algorithm in arrangement == .any ? choices : [HD_ALGORITHM_DIRECT] {
            do {
                try expectSameBits("\(c) forward", [0: x, 1: w], reading: [3]) {
                    try forward(c, arrangement, bias: false, algorithm: algorithm)
                }
                try expectSameBits("\(c) backward data", [0: dy, 1: w], reading: [2]) {
                    try backwardData(c, arrangement, algorithm: algorithm)
                }
                try expectSameBits("\(c) backward weights", [0: x, 1: dy], reading: [2, 3]) {
                    try backwardWeights(c, arrangement, algorithm: algorithm)
                }
            } catch let failure as Failure where failure.status == HD_UNSUPPORTED.rawValue {
                #expect(algorithm == HD_ALGORITHM_WINOGRAD)
            }
        }
    }

    static let large =
        products + [
            Product(name: "hidden layer", m: 128, k: 784, n: 512, isRightTransposed: true),
            Product(name: "its weight gradient", m: 512, k: 128, n: 784, isLeftTransposed: true),
            Product(name: "long, small", m: 64, k: 8192, n: 64, isLeftTransposed: true),
            Product(name: "very long", m: 32, k: 30_000, n: 32, isRightTransposed: true),
        ]

    @Test(arguments: large)
    func matmul(_ p: Product) throws {
        let (a, b) = p.operands
        try expectSameBits("\(p)", [0: a, 1: b], reading: [4]) { try p.primitive() }
    }

    @Test(arguments: poolings.filter { $0.kind != HD_POOL_MAX }, [HD_FORMAT_CHANNELS_LAST.rawValue, HD_FORMAT_CHANNELS_FIRST.rawValue])
    func pooling(_ p: Pooling, _ format: UInt32) throws {
        let dy = values(product(p.destination), seed: 2)
        try expectSameBits("\(p)", [0: dy], reading: [2]) { try p.backward(hd_format(format)) }
    }

    @Test(arguments: NormalizationTests.shapes)
    func normalization(_ dims: [Int]) throws {
        let x = values(product(dims), seed: 1), ones = [Float](repeating: 1, count: dims[1])
        for layout in try NormalizationTests().layouts(dims) {
            try expectSameBits("batch normalization", [0: x, 1: ones, 2: ones], reading: [5, 3, 4]) {
                try Primitive(reading: layout) { hd_batch_normalization_forward_create($0, 1, layout.pointer, layout.pointer, 1e-5) }
            }
            try expectSameBits("its gradient", [0: x, 1: ones, 2: ones, 3: ones, 4: x], reading: [5, 6, 7]) {
                try Primitive(reading: layout) {
                    hd_batch_normalization_backward_create($0, layout.pointer, layout.pointer, layout.pointer, 1e-5)
                }
            }
        }
    }

    /// A second run of one primitive, and another primitive for the same, give the same bits.
    @Test func again() throws {
        let c = convolutions.first { $0.name == "divided by images" }!
        let x = values(product(c.source), seed: 1), dy = values(product(c.destination), seed: 4)
        let primitive = try backwardWeights(c, .any)
        let first = try primitive.run([0: x, 1: dy], reading: [2, 3])
        #expect(try primitive.run([0: x, 1: dy], reading: [2, 3]) == first)
        #expect(try backwardWeights(c, .any).run([0: x, 1: dy], reading: [2, 3]) == first)
    }
}
