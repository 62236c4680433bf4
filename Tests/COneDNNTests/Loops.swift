/// The obvious loops that oneDNN is tested against, in double precision.

/// Pseudo-random values in -1...1, the same for the same seed (a linear congruential generator).
func values(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int32(truncatingIfNeeded: state >> 33) % 10_000) / 10_000
    }
}

/// Calls `body` with every index below `dims`, last dimension fastest.
func forEachIndex(_ dims: [Int], _ body: ([Int]) -> Void) {
    guard !dims.contains(0) else { return }
    var index = dims.map { _ in 0 }
    while true {
        body(index)
        var d = dims.count - 1
        while d >= 0 {
            index[d] += 1
            if index[d] < dims[d] { break }
            index[d] = 0
            d -= 1
        }
        if d < 0 { return }
    }
}

/// The row-major position of an index.
func flat(_ index: [Int], _ dims: [Int]) -> Int { zip(index, dims).reduce(0) { $0 * $1.1 + $1.0 } }

/// A sliding window over spatial dimensions.
struct Window {
    var kernel: [Int], strides: [Int], dilations: [Int], low: [Int], high: [Int]

    init(_ kernel: [Int], strides: [Int]? = nil, dilations: [Int]? = nil, low: [Int]? = nil, high: [Int]? = nil) {
        self.kernel = kernel
        self.strides = strides ?? kernel.map { _ in 1 }
        self.dilations = dilations ?? kernel.map { _ in 1 }
        self.low = low ?? kernel.map { _ in 0 }
        self.high = high ?? kernel.map { _ in 0 }
    }

    func output(_ input: [Int]) -> [Int] {
        input.indices.map { (input[$0] + low[$0] + high[$0] - (kernel[$0] - 1) * dilations[$0] - 1) / strides[$0] + 1 }
    }

    /// The input position that `output` reads with kernel element `element`; nil in the padding.
    func input(_ output: [Int], _ element: [Int], extent: [Int]) -> [Int]? {
        let position = output.indices.map { output[$0] * strides[$0] + element[$0] * dilations[$0] - low[$0] }
        return zip(position, extent).allSatisfy { $0 >= 0 && $0 < $1 } ? position : nil
    }
}

/// A convolution's geometry: [N, C, spatial...] by [O, C/G, kernel...].
struct Convolution: CustomStringConvertible {
    var name: String
    var batch: Int, inputs: Int, outputs: Int, groups = 1
    var input: [Int]
    var window: Window

    var description: String { name }
    var source: [Int] { [batch, inputs] + input }
    var destination: [Int] { [batch, outputs] + window.output(input) }
    var plainWeights: [Int] { [outputs, inputs / groups] + window.kernel }
    var weights: [Int] {
        groups == 1 ? plainWeights : [groups, outputs / groups, inputs / groups] + window.kernel
    }

    /// Calls `body` with the positions in input, weights and output of every product.
    func forEachProduct(_ body: (Int, Int, Int) -> Void) {
        let spatial = window.output(input)
        forEachIndex([batch, outputs] + spatial) { y in
            let group = y[1] / (outputs / groups)
            forEachIndex([inputs / groups] + window.kernel) { w in
                guard let x = window.input(Array(y[2...]), Array(w[1...]), extent: input) else { return }
                body(
                    flat([y[0], group * (inputs / groups) + w[0]] + x, source), flat([y[1]] + w, plainWeights),
                    flat(y, destination))
            }
        }
    }
}

func product(_ dims: [Int]) -> Int { dims.reduce(1, *) }

/// The largest difference between two arrays, over the largest magnitude of the expected one.
func difference(_ actual: [Float], _ expected: [Double]) -> Double {
    guard actual.count == expected.count else { return .infinity }
    let scale = max(expected.map(abs).max() ?? 0, 1e-30)
    return zip(actual, expected).map { abs(Double($0) - $1) / scale }.max { $0 < $1 || $1.isNaN } ?? 0
}
