import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Cross-entropy") struct CrossEntropy {
        struct Result {
            var loss: Float = 0
            var gradient: [Float] = []
            /// Over the rows of the gradient.
            var gradientSums: [Float] = []
        }

        /// The loss and its gradient, in two calls or in one.
        static func run(
            _ x: [Float], _ labels: [Int64], weights: [Float]? = nil, smoothing: Double = 0, upstream: Float = 1, atOnce: Bool
        ) -> Result {
            let rows = labels.count, logits = Memory(x), label = Memory(labels), weight = weights.map { Memory($0) }
            let gradient = Memory(repeating: Float(7), count: x.count), sums = Memory(repeating: Float(0), count: 2 * rows)
            let columns = Memory(repeating: Float(5), count: x.count / rows)
            func floats(_ m: Memory) -> UnsafeMutablePointer<Float> { m.start.assumingMemoryBound(to: Float.self) }
            var result = Result()
            withExtendedLifetime((logits, label, weight)) {
                var call = hk_cross_entropy_rows(
                    rows: Int64(rows), classes: Int64(x.count / rows), logits: floats(logits), label_type: Int32(hk_type_i64.rawValue),
                    labels: label.start, class_weights: weight.map { UnsafePointer(floats($0)) }, smoothing: smoothing)
                if atOnce {
                    hk_cross_entropy_with_gradient(&call, upstream, floats(gradient), floats(columns), &result.loss)
                } else {
                    hk_cross_entropy(&call, floats(sums), &result.loss)
                    hk_cross_entropy_gradient(&call, floats(sums), upstream, floats(gradient), floats(columns))
                }
            }
            result.gradient = gradient.array()
            result.gradientSums = columns.array()
            return result
        }

        /// The definition, in f64.
        static func expected(_ x: [Float], _ labels: [Int64], _ weights: [Float]?, _ smoothing: Double, _ upstream: Double) -> (
            loss: Double, gradient: [Double]
        ) {
            let classes = x.count / labels.count
            func weight(_ j: Int) -> Double { weights.map { Double($0[j]) } ?? 1 }
            func valid(_ label: Int64) -> Bool { label >= 0 && label < classes }
            let total = weights == nil ? Double(labels.count) : labels.filter(valid).reduce(0) { $0 + weight(Int($1)) }
            var loss = 0.0, gradient: [Double] = []
            for (row, label) in labels.enumerated() {
                let values = x[row * classes..<(row + 1) * classes].map(Double.init)
                let most = values.max()!, sum = most + log(values.reduce(0) { $0 + exp($1 - most) })
                let wanted = (0..<classes).map { j in
                    ((valid(label) && Int(label) == j ? 1 - smoothing : 0) + smoothing / Double(classes)) * weight(j) / total
                }
                let all = wanted.reduce(0, +)
                for j in 0..<classes {
                    if wanted[j] != 0 { loss -= wanted[j] * (values[j] - sum) }
                    gradient.append((all * exp(values[j] - sum) - wanted[j]) * upstream)
                }
            }
            return (loss, gradient)
        }

        static func sum(_ gradient: [Double], column: Int, of columns: Int) -> Double {
            stride(from: column, to: gradient.count, by: columns).reduce(0) { $0 + gradient[$1] }
        }

        @Test("Sums of the gradient's rows, of fewer and more rows than there are parts", arguments: [1, 15, 16, 17, 333])
        func sums(_ rows: Int) {
            let x: [Float] = samples(rows * 37, in: -5...5), labels: [Int64] = samples(rows, in: 0...36)
            let want = Self.expected(x, labels, nil, 0, 1)
            KernelTests.onEveryVariant { variant in
                for atOnce in [false, true] {
                    let got = Self.run(x, labels, atOnce: atOnce).gradientSums
                    let off = (0..<37).map { abs(Double(got[$0]) - Self.sum(want.gradient, column: $0, of: 37)) }.max()!
                    #expect(off < 1e-6, "\(variant): off by \(off)")
                }
            }
        }

        @Test("Rows of every length, weights, smoothing", arguments: [1, 3, 16, 17, 333, 5000, 70_000])
        func rows(_ n: Int) {
            let x: [Float] = samples(4 * n, in: -8...8), weights: [Float] = samples(n, in: 0.2...2)
            // One label is no class.
            let labels = [0, Int64(n - 1), Int64(n / 2), Int64(n)]
            for (w, smoothing) in [(nil, 0), (nil, 0.1), (weights, 0), (weights, 0.3)] as [([Float]?, Double)] {
                let want = Self.expected(x, labels, w, smoothing, 1.5)
                let size = want.gradient.map(abs).max()! + 1e-9
                KernelTests.onEveryVariant { variant in
                    for atOnce in [false, true] {
                        let got = Self.run(x, labels, weights: w, smoothing: smoothing, upstream: 1.5, atOnce: atOnce)
                        let error = zip(got.gradient, want.gradient).map { abs(Double($0) - $1) }.max()! / size
                        for j in 0..<n where abs(Double(got.gradientSums[j]) - Self.sum(want.gradient, column: j, of: n)) > 1e-5 * size {
                            Issue.record("\(variant), n \(n), smoothing \(smoothing): sum of column \(j) is \(got.gradientSums[j])")
                            return
                        }
                        if abs(Double(got.loss) - want.loss) > 2e-6 * (1 + abs(want.loss)) || error > 3e-6 {
                            Issue.record(
                                "\(variant), n \(n), smoothing \(smoothing): loss \(got.loss), not \(want.loss); gradient off \(error)")
                            return
                        }
                    }
                }
            }
        }

        @Test("Far above the row's beginning, infinities, NaN")
        func special() {
            var high = [Float](repeating: 0, count: 3000)
            (high[2500], high[2999]) = (200, 199)
            KernelTests.onEveryVariant { _ in
                for atOnce in [false, true] {
                    #expect(abs(Self.run(high, [7], atOnce: atOnce).loss - 200.313_26) < 1e-4)
                    #expect(Self.run([0, -.infinity, 3], [2], atOnce: atOnce).gradient[1] == 0)
                    #expect(Self.run([0, -.infinity, 3], [1], atOnce: atOnce).loss == .infinity)
                    #expect(Self.run([1e30, -1e30, 0], [0], atOnce: atOnce).loss == 0)
                    #expect(Self.run([1, .nan, 2], [0], atOnce: atOnce).loss.isNaN)
                    #expect(Self.run([-.infinity, -.infinity], [0], atOnce: atOnce).loss.isNaN)
                }
            }
        }

        @Test("The same bits on any number of threads")
        func threads() {
            let x: [Float] = samples(300_000, in: -5...5), labels: [Int64] = samples(300, in: 0...999)
            for atOnce in [false, true] {
                _ = KernelTests.sameBits("cross-entropy") { () -> [Float] in
                    let result = Self.run(x, labels, atOnce: atOnce)
                    return result.gradient + result.gradientSums + [result.loss]
                }
            }
        }
    }

    @Suite("CTC") struct CTC {
        /// Losses, and the gradient of the sum of `upstream` times them.
        static func run(
            _ x: [Float], _ shape: (time: Int, batch: Int, symbols: Int), _ targets: [[Int32]], _ lengths: [Int32], blank: Int = 0,
            zeroInfinity: Bool = false, upstream: [Float]
        ) -> (bad: Int64, losses: [Float], gradient: [Float]) {
            let width = targets.map(\.count).max() ?? 0
            let input = Memory(x), scale = Memory(upstream), inputLengths = Memory(lengths)
            let padded = Memory(targets.flatMap { $0 + [Int32](repeating: -9, count: width - $0.count) })
            let targetLengths = Memory(targets.map { Int32($0.count) })
            let losses = Memory(repeating: Float(9), count: shape.batch), gradient = Memory(repeating: Float(9), count: x.count)
            func floats(_ m: Memory) -> UnsafeMutablePointer<Float> { m.start.assumingMemoryBound(to: Float.self) }
            let i32 = Int32(hk_type_i32.rawValue)
            let bad = withExtendedLifetime((input, scale, inputLengths, padded, targetLengths)) {
                var batch = hk_ctc_batch(
                    time: Int64(shape.time), batch: Int64(shape.batch), symbols: Int64(shape.symbols), log_probabilities: floats(input),
                    strides: (Int64(shape.batch * shape.symbols), Int64(shape.symbols), 1), target_type: i32, target_width: Int64(width),
                    targets: padded.start, length_type: i32, input_lengths: inputLengths.start, target_lengths: targetLengths.start,
                    blank: Int64(blank), zero_infinity: zeroInfinity)
                return hk_ctc(&batch, floats(scale), 1, floats(losses), floats(gradient))
            }
            return (bad, losses.array(), gradient.array())
        }

        /// Every path there is, added up: probability of spelling the target, and of doing so through each symbol at each time.
        static func enumerate(_ p: [[Double]], _ target: [Int32], blank: Int) -> (total: Double, through: [[Double]]) {
            let (time, symbols) = (p.count, p.first?.count ?? 1)
            var total = 0.0, through = p.map { $0.map { _ in 0.0 } }
            var path = [Int](repeating: 0, count: time)
            while true {
                var spelled: [Int32] = [], last = -1
                for symbol in path {
                    if symbol != last, symbol != blank { spelled.append(Int32(symbol)) }
                    last = symbol
                }
                if spelled == target {
                    let probability = path.enumerated().reduce(1) { $0 * p[$1.offset][$1.element] }
                    total += probability
                    for (t, symbol) in path.enumerated() { through[t][symbol] += probability }
                }
                guard let place = path.lastIndex(where: { $0 < symbols - 1 }) else { break }
                path[place] += 1
                for later in place + 1..<time { path[later] = 0 }
            }
            return (total, through)
        }

        @Test("Sums over all paths, one by one", arguments: [0, 2])
        func paths(blank: Int) {
            let shape = (time: 6, batch: 5, symbols: 4)
            let others = (0..<4).map(Int32.init).filter { $0 != blank }
            let targets = [
                [others[0], others[1]], [others[2], others[2], others[0]], [], [others[1]], [others[0], others[0], others[0]],
            ]
            let lengths: [Int32] = [6, 6, 5, 1, 4]
            let raw: [Float] = samples(shape.time * shape.batch * shape.symbols, in: -2...2)
            let upstream: [Float] = [1, 0.5, 2, -1, 3]
            var x: [Float] = []
            for row in stride(from: 0, to: raw.count, by: 4) {
                let sum = log(raw[row..<row + 4].reduce(0) { $0 + exp(Double($1)) })
                x += raw[row..<row + 4].map { Float(Double($0) - sum) }
            }
            for zeroInfinity in [false, true] {
                KernelTests.onEveryVariant { variant in
                    let got = Self.run(x, shape, targets, lengths, blank: blank, zeroInfinity: zeroInfinity, upstream: upstream)
                    #expect(got.bad == -1)
                    for b in 0..<shape.batch {
                        let p = (0..<Int(lengths[b])).map { t in (0..<4).map { exp(Double(x[(t * 5 + b) * 4 + $0])) } }
                        let want = Self.enumerate(p, targets[b], blank: blank)
                        let loss = want.total == 0 ? (zeroInfinity ? 0 : .infinity) : -log(want.total)
                        #expect(
                            loss.isInfinite ? got.losses[b] == .infinity : abs(Double(got.losses[b]) - loss) < 1e-5,
                            "\(variant), sample \(b)")
                        for t in 0..<shape.time {
                            for j in 0..<4 {
                                let g = got.gradient[(t * 5 + b) * 4 + j]
                                if t >= p.count || (want.total == 0 && zeroInfinity) {
                                    #expect(g == 0)
                                } else if want.total == 0 {
                                    #expect(g.isNaN)
                                } else {
                                    let slope = -Double(upstream[b]) * want.through[t][j] / want.total
                                    #expect(abs(Double(g) - slope) < 1e-5, "\(variant), sample \(b), time \(t), symbol \(j)")
                                }
                            }
                        }
                    }
                }
            }
        }

        @Test("Lengths and symbols out of range are told")
        func range() {
            let x = [Float](repeating: -1, count: 12)
            #expect(Self.run(x, (2, 2, 3), [[1], [1, 2]], [2, 3], upstream: [1, 1]).bad == 1)
            #expect(Self.run(x, (2, 2, 3), [[3], [1]], [2, 2], upstream: [1, 1]).bad == 0)
            #expect(Self.run(x, (2, 2, 3), [[1], [2]], [2, 2], upstream: [1, 1]).bad == -1)
        }
    }
}
