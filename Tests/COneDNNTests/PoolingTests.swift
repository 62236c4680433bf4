import COneDNN
import Testing

struct Pooling: CustomStringConvertible {
    var name: String
    var kind: hd_pool
    var batch: Int, channels: Int
    var input: [Int]
    var window: Window

    var description: String { name }
    var source: [Int] { [batch, channels] + input }
    var destination: [Int] { [batch, channels] + window.output(input) }

    func forward(_ format: hd_format, isTraining: Bool) throws -> Primitive {
        let src = try Layout.format(source, format), dst = try Layout.format(destination, format)
        return try window.withPointers { s, _, l, h in
            try Primitive(reading: src, dst) {
                hd_pooling_forward_create(
                    $0, kind, isTraining ? 1 : 0, src.pointer, dst.pointer, window.kernel.map(Int64.init), s, l, h)
            }
        }
    }

    func backward(_ format: hd_format) throws -> Primitive {
        let src = try Layout.format(source, format), dst = try Layout.format(destination, format)
        return try window.withPointers { s, _, l, h in
            try Primitive(reading: src, dst) {
                hd_pooling_backward_create($0, kind, dst.pointer, src.pointer, window.kernel.map(Int64.init), s, l, h)
            }
        }
    }

    /// For each output, the input positions of its window, in order.
    func forEachWindow(_ body: (Int, [Int]) -> Void) {
        forEachIndex(destination) { y in
            var positions: [Int] = []
            forEachIndex(window.kernel) { element in
                guard let x = window.input(Array(y[2...]), element, extent: input) else { return }
                positions.append(flat([y[0], y[1]] + x, source))
            }
            body(flat(y, destination), positions)
        }
    }

    /// The output, and for each output the weight of each input of its window.
    func expected(_ x: [Float]) -> (y: [Double], weights: [[(Int, Double)]]) {
        var y = [Double](repeating: 0, count: product(destination))
        var weights = [[(Int, Double)]](repeating: [], count: y.count)
        forEachWindow { position, inputs in
            switch kind {
            case HD_POOL_MAX:
                // In a tie the first element wins.
                let best = inputs.reduce(inputs[0]) { x[$1] > x[$0] ? $1 : $0 }
                weights[position] = [(best, 1)]
            case HD_POOL_AVERAGE_INCLUDE_PADDING:
                weights[position] = inputs.map { ($0, 1 / Double(product(window.kernel))) }
            default:
                weights[position] = inputs.map { ($0, 1 / Double(inputs.count)) }
            }
            y[position] = weights[position].reduce(0) { $0 + Double(x[$1.0]) * $1.1 }
        }
        return (y, weights)
    }
}

let poolings: [Pooling] = [HD_POOL_MAX, HD_POOL_AVERAGE_EXCLUDE_PADDING, HD_POOL_AVERAGE_INCLUDE_PADDING].flatMap { kind in
    [
        Pooling(name: "2x2", kind: kind, batch: 4, channels: 20, input: [8, 6], window: Window([2, 2], strides: [2, 2])),
        Pooling(
            name: "overlapping, unevenly padded", kind: kind, batch: 3, channels: 16, input: [9, 7],
            window: Window([3, 3], strides: [2, 1], low: [1, 0], high: [0, 2])),
        Pooling(name: "one dimension", kind: kind, batch: 2, channels: 5, input: [11], window: Window([3], strides: [3])),
        Pooling(
            name: "three dimensions", kind: kind, batch: 1, channels: 8, input: [4, 5, 6],
            window: Window([2, 2, 3], strides: [2, 1, 3])),
    ]
}

private let formats = [HD_FORMAT_CHANNELS_FIRST, HD_FORMAT_CHANNELS_LAST, HD_FORMAT_CHANNELS_BLOCKED_8, HD_FORMAT_CHANNELS_BLOCKED_16]

@Suite struct PoolingTests {
    @Test(arguments: poolings, 0..<4)
    func matchesLoops(_ p: Pooling, _ format: Int) throws {
        // Few distinct values, so that there are ties.
        let x = values(product(p.source), seed: 1).map { ($0 * 4).rounded() / 4 }
        let dy = values(product(p.destination), seed: 2)
        let (y, weights) = p.expected(x)
        var dx = [Double](repeating: 0, count: x.count)
        for (position, inputs) in weights.enumerated() {
            for (input, weight) in inputs { dx[input] += Double(dy[position]) * weight }
        }

        let inference = try p.forward(formats[format], isTraining: false)
        #expect(inference.layout(2) == nil)
        #expect(difference(try inference.run([0: x], reading: [1])[0], y) < 1e-6, "\(inference.implementation)")

        let training = try p.forward(formats[format], isTraining: true), backward = try p.backward(formats[format])
        var shared: [Int: Memory] = [:]
        if p.kind == HD_POOL_MAX {
            try withExtendedLifetime((training, backward)) {
                let workspace = try #require(training.layout(2))
                #expect(hd_layout_equal(workspace, backward.layout(1)!) == 1)
                shared[2] = Memory(bytes: hd_layout_bytes(workspace))
            }
        }
        #expect(difference(try training.run([0: x], reading: [1], shared: shared)[0], y) < 1e-6)
        let result = try backward.run([0: dy], reading: [2], shared: shared[2].map { [1: $0] } ?? [:])[0]
        #expect(difference(result, dx) < 1e-6, "\(backward.implementation)")
    }
}
