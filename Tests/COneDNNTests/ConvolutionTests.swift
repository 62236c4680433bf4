import COneDNN
import Testing

/// Shapes with everything that can be set: groups, stride, dilation, asymmetric padding, one to three spatial dimensions.
let convolutions = [
    Convolution(name: "plain", batch: 2, inputs: 3, outputs: 5, input: [7, 6], window: Window([3, 3])),
    Convolution(
        name: "strided, unevenly padded", batch: 3, inputs: 16, outputs: 20, input: [9, 8],
        window: Window([3, 2], strides: [2, 3], low: [1, 0], high: [2, 1])),
    Convolution(
        name: "dilated", batch: 2, inputs: 4, outputs: 16, input: [11, 12],
        window: Window([3, 3], dilations: [2, 3], low: [2, 3], high: [2, 3])),
    Convolution(
        name: "grouped", batch: 2, inputs: 8, outputs: 12, groups: 4, input: [6, 5],
        window: Window([3, 3], low: [1, 1], high: [1, 1])),
    Convolution(
        name: "depthwise", batch: 4, inputs: 18, outputs: 18, groups: 18, input: [8, 8],
        window: Window([3, 3], strides: [2, 2], low: [1, 1], high: [1, 1])),
    Convolution(name: "pointwise", batch: 8, inputs: 32, outputs: 16, input: [5, 5], window: Window([1, 1])),
    Convolution(
        name: "one dimension", batch: 2, inputs: 6, outputs: 7, input: [20], window: Window([5], strides: [2], low: [4], high: [0])),
    Convolution(
        name: "three dimensions", batch: 2, inputs: 3, outputs: 4, input: [5, 4, 6],
        window: Window([2, 3, 2], strides: [1, 2, 2], dilations: [2, 1, 1], low: [0, 1, 1], high: [1, 1, 0])),
    Convolution(name: "divided by images", batch: 16, inputs: 2, outputs: 4, input: [16, 16], window: Window([3, 3])),
    Convolution(name: "few images", batch: 4, inputs: 4, outputs: 8, input: [16, 15], window: Window([3, 3])),
]

enum Arrangement: String, CaseIterable { case plain, any, channelsLast }

func layout(_ dims: [Int], _ arrangement: Arrangement) throws -> Layout {
    switch arrangement {
    case .plain: try Layout(dims)
    case .any: try .any(dims)
    case .channelsLast: try .format(dims, HD_FORMAT_CHANNELS_LAST)
    }
}

/// Weights have no channels-last of their own here: the primitive chooses.
func weightsLayout(_ dims: [Int], _ arrangement: Arrangement) throws -> Layout {
    arrangement == .plain ? try Layout(dims) : try .any(dims)
}

extension Window {
    /// Passes strides, dilations and padding as C wants them.
    func withPointers<R>(
        _ body: (UnsafePointer<Int64>, UnsafePointer<Int64>, UnsafePointer<Int64>, UnsafePointer<Int64>) throws -> R
    ) rethrows -> R {
        try body(strides.map(Int64.init), dilations.map(Int64.init), low.map(Int64.init), high.map(Int64.init))
    }
}

func forward(
    _ c: Convolution, _ arrangement: Arrangement, bias: Bool = true, algorithm: hd_algorithm = HD_ALGORITHM_DIRECT,
    post: hd_post = HD_POST_NONE
) throws -> Primitive {
    let src = try layout(c.source, arrangement), dst = try layout(c.destination, arrangement)
    let weights = try weightsLayout(c.weights, arrangement), biasLayout = try Layout([c.outputs])
    return try c.window.withPointers { s, d, l, h in
        try Primitive(reading: src, weights, biasLayout, dst) {
            hd_convolution_forward_create(
                $0, src.pointer, weights.pointer, bias ? biasLayout.pointer : nil, dst.pointer, s, d, l, h, algorithm,
                Int32(post.rawValue))
        }
    }
}

func backwardData(
    _ c: Convolution, _ arrangement: Arrangement, algorithm: hd_algorithm = HD_ALGORITHM_DIRECT
) throws -> Primitive {
    let src = try layout(c.source, arrangement), dst = try layout(c.destination, arrangement)
    let weights = try weightsLayout(c.weights, arrangement)
    return try c.window.withPointers { s, d, l, h in
        try Primitive(reading: dst, weights, src) {
            hd_convolution_backward_data_create($0, dst.pointer, weights.pointer, src.pointer, s, d, l, h, algorithm)
        }
    }
}

func backwardWeights(
    _ c: Convolution, _ arrangement: Arrangement, bias: Bool = true, algorithm: hd_algorithm = HD_ALGORITHM_DIRECT
) throws -> Primitive {
    let src = try layout(c.source, arrangement), dst = try layout(c.destination, arrangement)
    let weights = try weightsLayout(c.weights, arrangement), biasLayout = try Layout([c.outputs])
    return try c.window.withPointers { s, d, l, h in
        try Primitive(reading: src, dst, weights, biasLayout) {
            hd_convolution_backward_weights_create(
                $0, src.pointer, dst.pointer, weights.pointer, bias ? biasLayout.pointer : nil, s, d, l, h, algorithm)
        }
    }
}

@Suite struct ConvolutionTests {
    @Test(arguments: convolutions, Arrangement.allCases)
    func forwardMatchesLoops(_ c: Convolution, _ arrangement: Arrangement) throws {
        let x = values(product(c.source), seed: 1), w = values(product(c.weights), seed: 2)
        let bias = values(c.outputs, seed: 3)
        var expected = [Double](repeating: 0, count: product(c.destination))
        let perChannel = product(c.window.output(c.input))
        for i in expected.indices { expected[i] = Double(bias[i / perChannel % c.outputs]) }
        c.forEachProduct { expected[$2] += Double(x[$0]) * Double(w[$1]) }

        let primitive = try forward(c, arrangement)
        let result = try primitive.run([0: x, 1: w, 2: bias], reading: [3])[0]
        #expect(difference(result, expected) < 1e-5, "\(primitive.implementation)")
    }

    @Test(arguments: convolutions, Arrangement.allCases)
    func backwardDataMatchesLoops(_ c: Convolution, _ arrangement: Arrangement) throws {
        let dy = values(product(c.destination), seed: 4), w = values(product(c.weights), seed: 2)
        var expected = [Double](repeating: 0, count: product(c.source))
        c.forEachProduct { expected[$0] += Double(dy[$2]) * Double(w[$1]) }

        let primitive = try backwardData(c, arrangement)
        let result = try primitive.run([0: dy, 1: w], reading: [2])[0]
        #expect(difference(result, expected) < 1e-5, "\(primitive.implementation)")
    }

    @Test(arguments: convolutions, Arrangement.allCases)
    func backwardWeightsMatchesLoops(_ c: Convolution, _ arrangement: Arrangement) throws {
        let x = values(product(c.source), seed: 1), dy = values(product(c.destination), seed: 4)
        var expected = [Double](repeating: 0, count: product(c.weights))
        var expectedBias = [Double](repeating: 0, count: c.outputs)
        c.forEachProduct { expected[$1] += Double(x[$0]) * Double(dy[$2]) }
        let perChannel = product(c.window.output(c.input))
        for i in dy.indices { expectedBias[i / perChannel % c.outputs] += Double(dy[i]) }

        let primitive = try backwardWeights(c, arrangement)
        let result = try primitive.run([0: x, 1: dy], reading: [2, 3])
        #expect(difference(result[0], expected) < 1e-5, "\(primitive.implementation)")
        #expect(difference(result[1], expectedBias) < 1e-5, "\(primitive.implementation)")

        if c.batch > 1, product(c.destination) / c.outputs > 700 { #expect(primitive.implementation.hasSuffix(" parts")) }

        // Without a bias the weights are the same.
        let alone = try backwardWeights(c, arrangement, bias: false)
        #expect(alone.layout(3) == nil)
        #expect(difference(try alone.run([0: x, 1: dy], reading: [2])[0], expected) < 1e-5)
    }

    /// Winograd's transformations lose about two digits more than the direct sum.
    @Test func winogradMatchesLoops() throws {
        let c = Convolution(
            name: "winograd", batch: 4, inputs: 16, outputs: 16, input: [10, 10],
            window: Window([3, 3], low: [1, 1], high: [1, 1]))
        let x = values(product(c.source), seed: 1), w = values(product(c.weights), seed: 2)
        let dy = values(product(c.destination), seed: 4)
        var y = [Double](repeating: 0, count: product(c.destination))
        var dx = [Double](repeating: 0, count: product(c.source)), dw = [Double](repeating: 0, count: product(c.weights))
        c.forEachProduct {
            y[$2] += Double(x[$0]) * Double(w[$1])
            dx[$0] += Double(dy[$2]) * Double(w[$1])
            dw[$1] += Double(x[$0]) * Double(dy[$2])
        }
        do {
            let f = try forward(c, .any, bias: false, algorithm: HD_ALGORITHM_WINOGRAD)
            #expect(f.implementation.contains("wino"))
            #expect(difference(try f.run([0: x, 1: w], reading: [3])[0], y) < 1e-4)
            let d = try backwardData(c, .any, algorithm: HD_ALGORITHM_WINOGRAD)
            #expect(difference(try d.run([0: dy, 1: w], reading: [2])[0], dx) < 1e-4)
            let g = try backwardWeights(c, .any, bias: false, algorithm: HD_ALGORITHM_WINOGRAD)
            #expect(difference(try g.run([0: x, 1: dy], reading: [2])[0], dw) < 1e-4)
        } catch let failure as Failure {
            // Version 3 has none, nor have machines without AVX-512.
            #expect(failure.status == HD_UNSUPPORTED.rawValue)
        }
    }

    @Test func postOperationsAccumulateAndCut() throws {
        let c = convolutions[1]
        let x = values(product(c.source), seed: 1), w = values(product(c.weights), seed: 2)
        let before = values(product(c.destination), seed: 5)
        var expected = before.map(Double.init)
        c.forEachProduct { expected[$2] += Double(x[$0]) * Double(w[$1]) }
        for arrangement in Arrangement.allCases {
            let sum = try forward(c, arrangement, bias: false, post: HD_POST_SUM)
            #expect(difference(try sum.run([0: x, 1: w, 3: before], reading: [3])[0], expected) < 1e-5)
            let both = try forward(c, arrangement, bias: false, post: hd_post(HD_POST_SUM.rawValue | HD_POST_RELU.rawValue))
            let result = try both.run([0: x, 1: w, 3: before], reading: [3])[0]
            #expect(difference(result, expected.map { max($0, 0) }) < 1e-5)
        }
    }
}
