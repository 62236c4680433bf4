import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Normalisation") struct Normalization {
        /// Activations `[images, channels, positions]`, and how they lie and are grouped.
        struct Case: Sendable, CustomTestStringConvertible {
            let images, channels, positions, block, groups: Int
            var testDescription: String { "\([images, channels, positions]) in blocks of \(block), \(groups) groups" }
            var count: Int { images * channels * positions }
            var norm: hk_norm {
                hk_norm(
                    images: Int64(images), channels: Int64(channels), positions: Int64(positions), block: Int64(block),
                    groups: Int64(groups), epsilon: 1e-5)
            }

            /// Where an element lies.
            func place(_ n: Int, _ c: Int, _ s: Int) -> Int {
                ((n * (channels / block) + c / block) * positions + s) * block + c % block
            }

            /// The set that an element is normalised in.
            func set(_ n: Int, _ c: Int) -> Int { groups == 0 ? c : n * groups + c / (channels / groups) }
            var setCount: Int { groups == 0 ? channels : images * groups }

            static let all = [
                Case(images: 3, channels: 5, positions: 7, block: 1, groups: 0),
                Case(images: 33, channels: 6, positions: 16, block: 1, groups: 0),
                Case(images: 2, channels: 3, positions: 9001, block: 1, groups: 0),
                Case(images: 3, channels: 32, positions: 49, block: 16, groups: 0),
                Case(images: 2, channels: 16, positions: 1100, block: 16, groups: 0),
                Case(images: 2, channels: 24, positions: 15, block: 8, groups: 0),
                Case(images: 4, channels: 83, positions: 6, block: 83, groups: 0),
                Case(images: 9, channels: 21, positions: 1, block: 1, groups: 0),
                Case(images: 2, channels: 6, positions: 33, block: 1, groups: 6),
                Case(images: 2, channels: 32, positions: 33, block: 16, groups: 32),
                Case(images: 2, channels: 32, positions: 9, block: 16, groups: 4),
                Case(images: 2, channels: 32, positions: 9, block: 16, groups: 1),
                Case(images: 2, channels: 48, positions: 9, block: 16, groups: 2),
                Case(images: 2, channels: 12, positions: 5, block: 12, groups: 3),
            ]
        }

        private static func floats(_ memory: Memory) -> UnsafeMutablePointer<Float> { memory.start.assumingMemoryBound(to: Float.self) }

        /// Everything that the kernels compute, with a residual and a rectifier if wanted.
        private struct Outcome: Equatable {
            var y, mean, variance, dx, dresidual, dscale, dbias: [Float]
        }

        private static func run(_ c: Case, _ x: [Float], _ dy: [Float], _ scale: [Float], _ bias: [Float], residual: [Float]?, relu: Bool)
            -> Outcome
        {
            var norm = c.norm
            let (mx, mdy, mscale, mbias) = (Memory(x), Memory(dy), Memory(scale), Memory(bias))
            let added = residual.map(Memory.init)
            let big = (0..<3).map { _ in Memory(repeating: Float(7), count: c.count) }
            let sets = (0..<2).map { _ in Memory(repeating: Float(7), count: c.setCount) }
            let sums = (0..<2).map { _ in Memory(repeating: Float(7), count: c.channels) }
            withExtendedLifetime((mx, mdy, mscale, mbias, added)) {
                hk_norm_forward(
                    &norm, floats(mx), floats(mscale), floats(mbias), added.map(floats), relu, floats(big[0]), floats(sets[0]),
                    floats(sets[1]))
                let mask = !relu ? hk_norm_mask_none : residual == nil ? hk_norm_mask_again : hk_norm_mask_output
                hk_norm_gradient(
                    &norm, floats(mx), floats(mdy), Int32(mask.rawValue), mask == hk_norm_mask_output ? floats(big[0]) : nil,
                    floats(sets[0]), floats(sets[1]), floats(mscale), floats(mbias), floats(big[1]),
                    mask == hk_norm_mask_output ? floats(big[2]) : nil, floats(sums[0]), floats(sums[1]))
            }
            return Outcome(
                y: big[0].array(), mean: sets[0].array(), variance: sets[1].array(), dx: big[1].array(), dresidual: big[2].array(),
                dscale: sums[0].array(), dbias: sums[1].array())
        }

        /// The same by the formulas, in f64.
        private static func definition(
            _ c: Case, _ x: [Float], _ dy: [Float], _ scale: [Float], _ bias: [Float], residual: [Float]?, y known: [Float]?
        ) -> (y: [Double], mean: [Double], variance: [Double], dx: [Double], dscale: [Double], dbias: [Double]) {
            var mean = [Double](repeating: 0, count: c.setCount), variance = mean, n = mean
            func each(_ body: (_ place: Int, _ channel: Int, _ set: Int) -> Void) {
                for image in 0..<c.images {
                    for channel in 0..<c.channels {
                        for s in 0..<c.positions { body(c.place(image, channel, s), channel, c.set(image, channel)) }
                    }
                }
            }
            each {
                mean[$2] += Double(x[$0]); n[$2] += 1
            }
            for s in mean.indices { mean[s] /= n[s] }
            each { variance[$2] += pow(Double(x[$0]) - mean[$2], 2) }
            for s in mean.indices { variance[s] /= n[s] }
            let inverse = variance.map { 1 / ($0 + Double(c.norm.epsilon)).squareRoot() }
            var y = [Double](repeating: 0, count: c.count), dx = y
            var dscale = [Double](repeating: 0, count: c.channels), dbias = dscale
            var sum = [Double](repeating: 0, count: c.setCount), product = sum
            func normal(_ i: Int, _ s: Int) -> Double { (Double(x[i]) - mean[s]) * inverse[s] }
            // The mask is the kernel's own: near 0 rounding decides.
            func g(_ i: Int) -> Double { known.map { $0[i] > 0 } ?? true ? Double(dy[i]) : 0 }
            each { i, k, s in
                y[i] = normal(i, s) * Double(scale[k]) + Double(bias[k]) + Double(residual?[i] ?? 0)
                if known != nil { y[i] = max(y[i], 0) }
                dbias[k] += g(i)
                dscale[k] += g(i) * normal(i, s)
                sum[s] += Double(scale[k]) * g(i)
                product[s] += Double(scale[k]) * g(i) * normal(i, s)
            }
            each { i, k, s in dx[i] = inverse[s] * (Double(scale[k]) * g(i) - sum[s] / n[s] - normal(i, s) * product[s] / n[s]) }
            return (y, mean, variance, dx, dscale, dbias)
        }

        @Test("Values and gradients", arguments: Case.all, [(false, false), (false, true), (true, true), (true, false)])
        func agrees(_ c: Case, _ options: (residual: Bool, relu: Bool)) {
            let x: [Float] = samples(c.count, in: -1...3), dy: [Float] = samples(c.count + 1, in: -1...1).dropLast()
            let scale: [Float] = samples(c.channels, in: 0.5...2), bias: [Float] = samples(c.channels + 3, in: -1...1).dropLast(3)
            let residual: [Float]? = options.residual ? samples(c.count + 2, in: -2...2).dropLast(2) : nil
            KernelTests.onEveryVariant { variant in
                let got = Self.run(c, x, dy, scale, bias, residual: residual, relu: options.relu)
                let want = Self.definition(c, x, dy, scale, bias, residual: residual, y: options.relu ? got.y : nil)
                for (name, a, b) in [
                    ("y", got.y, want.y), ("mean", got.mean, want.mean), ("variance", got.variance, want.variance),
                    ("dx", got.dx, want.dx), ("dscale", got.dscale, want.dscale), ("dbias", got.dbias, want.dbias),
                ] {
                    let size = b.reduce(1) { max($0, abs($1)) }
                    let error = zip(a, b).map { abs(Double($0) - $1) }.max() ?? 0
                    if error > 1e-5 * size { Issue.record("\(variant), \(c.testDescription), \(options): \(name) is off by \(error)") }
                }
                if options.relu, options.residual {
                    #expect(got.dresidual == zip(got.y, dy).map { $0 > 0 ? $1 : 0 })
                }
            }
        }

        @Test("The same bits on any number of threads and from cache or not", arguments: [1, 16, 64])
        func threads(_ block: Int) {
            // Two images of 64 x 4,000 fit into no cache of one core together, one of 60 does.
            for positions in [60, 4000] {
                let c = Case(images: 3, channels: 64, positions: positions, block: block, groups: 0)
                let x: [Float] = samples(c.count, in: -1...3), scale: [Float] = samples(64, in: 0.5...2)
                _ = KernelTests.sameBits("batch norm of \(positions)") {
                    let o = Self.run(c, x, x, scale, scale, residual: nil, relu: true)
                    return o.y + o.mean + o.variance + o.dx + o.dscale + o.dbias
                }
            }
        }

        @Test("A mean far from 0 leaves the variance")
        func offset() {
            for block in [1, 16] {
                let c = Case(images: 4, channels: 16, positions: 5000, block: block, groups: 0)
                let x: [Float] = samples(c.count, in: 4095...4097)
                let ones = [Float](repeating: 1, count: 16)
                let want = Self.definition(c, x, x, ones, ones, residual: nil, y: nil).variance
                KernelTests.onEveryVariant { variant in
                    let got = Self.run(c, x, x, ones, ones, residual: nil, relu: false).variance
                    let error = zip(got, want).map { abs(Double($0) / $1 - 1) }.max()!
                    #expect(error < 1e-5, "\(variant)")
                }
            }
        }

        @Test("One outlier at the beginning, infinity, NaN")
        func special() {
            let c = Case(images: 1, channels: 4, positions: 300, block: 1, groups: 0)
            var x: [Float] = samples(c.count, in: -1...1)
            x[0] = 1e4
            x[c.place(0, 1, 17)] = .infinity
            x[c.place(0, 2, 250)] = .nan
            let ones = [Float](repeating: 1, count: 4)
            let want = Self.definition(c, x, x, ones, ones, residual: nil, y: nil)
            KernelTests.onEveryVariant { variant in
                let got = Self.run(c, x, x, ones, ones, residual: nil, relu: true)
                #expect(abs(Double(got.variance[0]) / want.variance[0] - 1) < 1e-5, "\(variant)")
                #expect(got.mean[1] == .infinity && got.variance[1].isNaN)
                #expect(got.mean[2].isNaN && got.variance[2].isNaN)
                #expect(got.y[300..<900].allSatisfy(\.isNaN) && got.y[900...].allSatisfy(\.isFinite))
            }
        }

        @Test("Layer norm of rows of every length", arguments: [1, 2, 15, 16, 17, 300, 5000], [1, 3, 4, 70])
        func layerNorm(_ width: Int, _ rows: Int) {
            let x: [Float] = samples(rows * width, in: -1...3), dy: [Float] = samples(rows * width + 1, in: -1...1).dropLast()
            let scale: [Float] = samples(width, in: 0.5...2), bias: [Float] = samples(width + 3, in: -1...1).dropLast(3)
            // A row is an image of one group whose channels are the elements.
            let c = Case(images: rows, channels: width, positions: 1, block: 1, groups: 1)
            let want = Self.definition(c, x, dy, scale, bias, residual: nil, y: nil)
            let memories = (x: Memory(x), dy: Memory(dy), scale: Memory(scale), bias: Memory(bias))
            defer { withExtendedLifetime(memories) {} }
            KernelTests.onEveryVariant { variant in
                let big = (0..<2).map { _ in Memory(repeating: Float(7), count: rows * width) }
                let (mean, variance) = (Memory(repeating: Float(7), count: rows), Memory(repeating: Float(7), count: rows))
                let sums = (0..<2).map { _ in Memory(repeating: Float(7), count: width) }
                let f = Self.floats
                hk_layer_norm(
                    Int64(rows), Int64(width), 1e-5, f(memories.x), f(memories.scale), f(memories.bias), f(big[0]), f(mean), f(variance))
                hk_layer_norm_gradient(
                    Int64(rows), Int64(width), 1e-5, f(memories.x), f(memories.dy), f(mean), f(variance), f(memories.scale), f(big[1]),
                    f(sums[0]), f(sums[1]))
                for (name, a, b) in [
                    ("y", big[0].array(Float.self), want.y), ("mean", mean.array(), want.mean),
                    ("variance", variance.array(), want.variance), ("dx", big[1].array(), want.dx),
                    ("dscale", sums[0].array(), want.dscale), ("dbias", sums[1].array(), want.dbias),
                ] {
                    let size = b.reduce(1) { max($0, abs($1)) }
                    let error = zip(a, b).map { abs(Double($0) - $1) }.max() ?? 0
                    // A row of one or two has no gradient but what cancels out of 1 / √ε.
                    let tolerance = width <= 2 && name == "dx" ? 1e-3 : 1e-5
                    if error > tolerance * size { Issue.record("\(variant), \(rows) × \(width): \(name) is off by \(error)") }
                }
            }
        }

        @Test("Layer norm gives the same bits on any number of threads")
        func layerNormThreads() {
            let (rows, width) = (1000, 384)
            let x = Memory(samples(rows * width, in: -1...3) as [Float])
            _ = KernelTests.sameBits("layer norm") {
                let y = Memory(repeating: Float(0), count: rows * width), dx = Memory(repeating: Float(0), count: rows * width)
                let statistics = (0..<2).map { _ in Memory(repeating: Float(0), count: rows) }
                let sums = (0..<2).map { _ in Memory(repeating: Float(0), count: width) }
                let f = Self.floats
                hk_layer_norm(Int64(rows), Int64(width), 1e-5, f(x), nil, nil, f(y), f(statistics[0]), f(statistics[1]))
                hk_layer_norm_gradient(
                    Int64(rows), Int64(width), 1e-5, f(x), f(x), f(statistics[0]), f(statistics[1]), nil, f(dx), f(sums[0]), f(sums[1]))
                return withExtendedLifetime((x, statistics)) {
                    y.array(Float.self) + dx.array(Float.self) + sums[0].array(Float.self) + sums[1].array(Float.self)
                }
            }
        }
    }
}
