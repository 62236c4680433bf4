import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Optimizers") struct Optimizers {
        static let numbers = hk_optimizer_step_numbers(
            kind: 0, nesterov: false, rate: 0.01, momentum: 0.9, share: 0.7, share1: 0.1, beta2: 0.99, share2: 0.01, correction: 1.25,
            epsilon: 1e-6)

        /// One element of a step, in f64: parameter, first and second slot.
        static func expected(
            _ kind: hk_optimizer, nesterov: Bool, decay: Double, keep: Double, _ p: Double, _ g: Double, _ m: Double, _ v: Double
        )
            -> (Double, Double, Double)
        {
            let n = numbers, slope = g + decay * p
            switch kind {
            case hk_optimizer_sgd: return (p - Double(n.rate) * slope, m, v)
            case hk_optimizer_momentum:
                let velocity = Double(n.momentum) * m + Double(n.share) * slope
                return (p - Double(n.rate) * (nesterov ? slope + Double(n.momentum) * velocity : velocity), velocity, v)
            default:
                let first = m + Double(n.share1) * (slope - m), second = Double(n.beta2) * v + Double(n.share2) * slope * slope
                return (keep * p - Double(n.rate) * first / (Double(n.correction) * second.squareRoot() + Double(n.epsilon)), first, second)
            }
        }

        @Test(
            "Many tensors at once",
            arguments: [
                (hk_optimizer_sgd, false), (hk_optimizer_momentum, false), (hk_optimizer_momentum, true), (hk_optimizer_adam, false),
            ])
        func tensors(kind: hk_optimizer, nesterov: Bool) {
            let counts = [1, 17, 0, 4096, 9001, 64]
            let inputs = counts.map { n in
                (0..<4).map { k in samples(n, in: k == 3 ? 0...1 : -1...1).map { (v: Float) in v + Float(k) * 0.01 } }
            }
            KernelTests.onEveryVariant { variant in
                var numbers = Self.numbers
                (numbers.kind, numbers.nesterov) = (Int32(kind.rawValue), nesterov)
                let memory = inputs.map { $0.map { Memory($0) } }
                func floats(_ m: Memory) -> UnsafeMutablePointer<Float> { m.start.assumingMemoryBound(to: Float.self) }
                // Every other tensor decays; new values in the old ones' place.
                let tensors = memory.enumerated().map { index, m in
                    var t = hk_optimizer_tensor()
                    t.count = Int64(counts[index])
                    (t.parameter, t.new_parameter) = (UnsafePointer(floats(m[0])), floats(m[0]))
                    t.gradient = UnsafePointer(floats(m[1]))
                    (t.slots, t.new_slots) = ((UnsafePointer(floats(m[2])), UnsafePointer(floats(m[3]))), (floats(m[2]), floats(m[3])))
                    (t.decay, t.keep) = index % 2 == 0 ? (0, 1) : (0.25, 0.75)
                    return t
                }
                withExtendedLifetime(memory) { hk_optimizer_run(&numbers, tensors, Int64(tensors.count)) }
                for (index, m) in memory.enumerated() {
                    let (p, first, second): ([Float], [Float], [Float]) = (m[0].array(), m[2].array(), m[3].array())
                    let old = inputs[index]
                    for i in p.indices {
                        let want = Self.expected(
                            kind, nesterov: nesterov, decay: index % 2 == 0 ? 0 : 0.25, keep: index % 2 == 0 ? 1 : 0.75, Double(old[0][i]),
                            Double(old[1][i]), Double(old[2][i]), Double(old[3][i]))
                        let off = max(abs(Double(p[i]) - want.0), abs(Double(first[i]) - want.1), abs(Double(second[i]) - want.2))
                        if off > 1e-6 {
                            Issue.record("\(variant), tensor \(index), element \(i): off by \(off)")
                            return
                        }
                    }
                }
            }
        }

        /// One step of Adam on a table whose gradient is rows: as a dense gradient, as groups of rows, on the touched rows only.
        static func rows(_ mode: String, rows: Int, width: Int, _ indices: [Int32], _ updates: [Float]) -> [Float] {
            var dense = [Float](repeating: 0, count: rows * width)
            for (i, row) in indices.enumerated() { for j in 0..<width { dense[Int(row) * width + j] += updates[i * width + j] } }
            let p = Memory(samples(rows * width, in: -1...1) as [Float]), m = Memory(samples(rows * width, in: -0.5...0.5) as [Float])
            // Groups' updates lie apart, with something else between them.
            let pitch = mode == "rows" ? width + 3 : width
            let apart = indices.indices.flatMap { updates[$0 * width..<($0 + 1) * width] + [Float](repeating: .nan, count: pitch - width) }
            let v = Memory(samples(rows * width, in: 0...1) as [Float]), g = Memory(dense), u = Memory(apart), index = Memory(indices)
            let work = Memory(repeating: UInt8(0), count: hk_row_groups_bytes(Int64(indices.count)))
            func floats(_ m: Memory) -> UnsafeMutablePointer<Float> { m.start.assumingMemoryBound(to: Float.self) }
            var groups = hk_row_groups()
            var numbers = Self.numbers
            numbers.kind = Int32(hk_optimizer_adam.rawValue)
            withExtendedLifetime((g, u, index, work)) {
                let bad = hk_group_rows(Int64(rows), Int32(hk_type_i32.rawValue), index.start, Int64(indices.count), work.start, &groups)
                #expect(bad == -1)
                var t = hk_optimizer_tensor()
                (t.count, t.width) = (Int64(rows * width), Int64(width))
                (t.parameter, t.new_parameter) = (UnsafePointer(floats(p)), floats(p))
                (t.slots, t.new_slots) = ((UnsafePointer(floats(m)), UnsafePointer(floats(v))), (floats(m), floats(v)))
                (t.decay, t.keep) = (0, 1)
                t.touched_only = mode.hasPrefix("touched")
                withUnsafePointer(to: &groups) { groups in
                    if mode.hasSuffix("dense") {
                        t.gradient = UnsafePointer(floats(g))
                    } else {
                        (t.groups, t.updates, t.update_row) = (groups, UnsafePointer(floats(u)), Int64(pitch))
                    }
                    hk_optimizer_run(&numbers, &t, 1)
                }
            }
            return p.array() + m.array() + v.array()
        }

        @Test("Gradients as rows", arguments: [(50, 1, 20), (300, 16, 900), (7, 5000, 12), (2000, 33, 400)])
        func scattered(rows: Int, width: Int, count: Int) {
            let indices: [Int32] = samples(count, in: 0...Int32(rows - 1)).map { $0 / 3 * 3 }
            let updates: [Float] = samples(count * width, in: -1...1)
            let touched = Set(indices.map(Int.init))
            let old = [samples(rows * width, in: -1...1), samples(rows * width, in: -0.5...0.5), samples(rows * width, in: 0...1)].flatMap {
                (a: [Float]) in a
            }
            KernelTests.onEveryVariant { variant in
                let dense = Self.rows("dense", rows: rows, width: width, indices, updates)
                #expect(Self.rows("rows", rows: rows, width: width, indices, updates) == dense, "\(variant)")
                for mode in ["touched rows", "touched dense"] {
                    let some = Self.rows(mode, rows: rows, width: width, indices, updates)
                    let right = some.indices.allSatisfy { some[$0] == (touched.contains($0 / width % rows) ? dense[$0] : old[$0]) }
                    #expect(right, "\(variant), \(mode)")
                }
            }
        }

        /// Three steps on a table of which some rows are looked up, as groups of rows; `past` is kept from step to step, or is none.
        static func steps(
            _ kind: hk_optimizer, rows: Int, width: Int, keepsPast: Bool, isApart: Bool = false, decay: Float = 0, correction: Float = 1.25
        ) -> (bits: [UInt32], past: [UInt8]) {
            // Some rows have a past from before, one of them no more than a zero with a sign.
            var (first, second) = ([Float](repeating: 0, count: rows * width), [Float](repeating: 0, count: rows * width))
            (first[1], second[rows * width / 2], first[4 * width]) = (0.25, 0.5, -0.0)
            var (p, m, v) = (Memory(samples(rows * width, in: -1...1) as [Float]), Memory(first), Memory(second))
            let unit = Int(hk_optimizer_unit_rows(Int64(width)))
            let past = Memory(repeating: UInt8(7), count: (rows + unit - 1) / unit)
            func floats(_ m: Memory) -> UnsafeMutablePointer<Float> { m.start.assumingMemoryBound(to: Float.self) }
            var numbers = Self.numbers
            (numbers.kind, numbers.correction) = (Int32(kind.rawValue), correction)
            for step in 0..<3 {
                let indices: [Int32] = [3, Int32(step), Int32(rows - 1 - step), 3]
                let u = Memory(samples(indices.count * width, in: -1...1) as [Float]), index = Memory(indices)
                let work = Memory(repeating: UInt8(0), count: hk_row_groups_bytes(Int64(indices.count)))
                var groups = hk_row_groups()
                // As where somebody else holds the old values: the second step writes new ones elsewhere.
                let new = isApart && step == 1 ? (0..<3).map { _ in Memory(repeating: Float.nan, count: rows * width) } : [p, m, v]
                withExtendedLifetime((p, m, v, u, index, work)) {
                    _ = hk_group_rows(Int64(rows), Int32(hk_type_i32.rawValue), index.start, Int64(indices.count), work.start, &groups)
                    var t = hk_optimizer_tensor()
                    (t.count, t.width, t.update_row) = (Int64(rows * width), Int64(width), Int64(width))
                    (t.parameter, t.new_parameter) = (UnsafePointer(floats(p)), floats(new[0]))
                    (t.slots, t.new_slots) = ((UnsafePointer(floats(m)), UnsafePointer(floats(v))), (floats(new[1]), floats(new[2])))
                    (t.decay, t.keep, t.updates) = (decay, 1, UnsafePointer(floats(u)))
                    if keepsPast { (t.past, t.knows_past) = (past.start.assumingMemoryBound(to: UInt8.self), step > 0) }
                    withUnsafePointer(to: &groups) { groups in
                        t.groups = groups
                        hk_optimizer_run(&numbers, &t, 1)
                    }
                }
                (p, m, v) = (new[0], new[1], new[2])
            }
            let numbersAfter: [[Float]] = [p.array(), m.array(), v.array()]
            return (numbersAfter.flatMap { $0.map(\.bitPattern) }, past.array())
        }

        @Test("Rows without a gradient or a past are left alone", arguments: [(700, 1), (64, 5), (600, 16), (9, 5000), (3000, 33)])
        func past(rows: Int, width: Int) {
            KernelTests.onEveryVariant { variant in
                for kind in [hk_optimizer_momentum, hk_optimizer_adam] {
                    let all = Self.steps(kind, rows: rows, width: width, keepsPast: false)
                    let some = KernelTests.sameBits(variant) { Self.steps(kind, rows: rows, width: width, keepsPast: true).bits }
                    #expect(all.bits == some, "\(variant), \(kind)")
                }
                let unit = Int(hk_optimizer_unit_rows(Int64(width)))
                let touched = [0, 1, 2, 3, 4, rows - 3, rows - 2, rows - 1, rows * width / 2 / width]
                let marked = Set(touched.map { $0 / unit })
                let all = Self.steps(hk_optimizer_adam, rows: rows, width: width, keepsPast: false)
                for isApart in [false, true] {
                    let (bits, past) = Self.steps(hk_optimizer_adam, rows: rows, width: width, keepsPast: true, isApart: isApart)
                    #expect(bits == all.bits, "\(variant), apart \(isApart)")
                    #expect(past.indices.allSatisfy { (past[$0] != 0) == marked.contains($0) }, "\(variant), apart \(isApart)")
                }
            }
        }

        @Test("Where a step of zero changes something, no row is left out")
        func noRest() {
            for (decay, correction): (Float, Float) in [(0.25, 1.25), (0, .infinity)] {
                let (all, some) = (
                    Self.steps(hk_optimizer_adam, rows: 600, width: 16, keepsPast: false, decay: decay, correction: correction),
                    Self.steps(hk_optimizer_adam, rows: 600, width: 16, keepsPast: true, decay: decay, correction: correction)
                )
                #expect(all.bits == some.bits)
                #expect(some.past.allSatisfy { $0 != 0 })
            }
        }
    }

    @Suite("Groups of rows") struct Groups {
        @Test("Sorted by row, in order within a row, bad ones left out", arguments: [1, 5, 3000, 5_000_000])
        func groups(_ rows: Int) {
            var indices: [Int64] = samples(2000, in: 0...Int64(rows - 1))
            (indices[1000], indices[1999]) = (Int64(rows), -1)
            let index = Memory(indices), work = Memory(repeating: UInt8(0), count: hk_row_groups_bytes(2000))
            var groups = hk_row_groups()
            let bad = hk_group_rows(Int64(rows), Int32(hk_type_i64.rawValue), index.start, 2000, work.start, &groups)
            #expect(bad == 1000)
            let good = indices.indices.filter { indices[$0] >= 0 && indices[$0] < rows }
            let want = Dictionary(grouping: good) { indices[$0] }
            #expect(groups.count == Int64(want.count))
            #expect((0..<want.count).map { Int64(groups.rows[$0]) } == want.keys.sorted())
            for g in 0..<want.count {
                let positions = (groups.starts[g]..<groups.starts[g + 1]).map { Int(groups.positions[Int($0)]) }
                #expect(positions == want[Int64(groups.rows[g])])
            }
            withExtendedLifetime((index, work)) {}
        }

        @Test("Scaled rows into a table", arguments: [1, 16, 100, 700])
        func scaled(_ width: Int) {
            let table: [Float] = samples(60 * width, in: -1...1), updates: [Float] = samples(3000 * width, in: -1...1)
            let indices: [Int32] = samples(3000, in: 0...59)
            var want = table.map(Double.init)
            for (i, row) in indices.enumerated() {
                for j in 0..<width { want[Int(row) * width + j] -= 0.1 * Double(updates[i * width + j]) }
            }
            KernelTests.onEveryVariant { variant in
                let got = KernelTests.sameBits(variant) { () -> [Float] in
                    let t = Memory(table), u = Memory(updates), index = Memory(indices)
                    let bad = withExtendedLifetime((u, index)) {
                        hk_scatter_add_scaled_rows(
                            t.start.assumingMemoryBound(to: Float.self), 60, Int64(width), Int32(hk_type_i32.rawValue), index.start, 3000,
                            u.start.assumingMemoryBound(to: Float.self), -0.1)
                    }
                    #expect(bad == -1)
                    return t.array()
                }
                #expect(zip(got, want).allSatisfy { abs(Double($0) - $1) < 1e-4 }, "\(variant)")
            }
        }
    }

    @Suite("Skip-gram") struct SkipGram {
        static func run(_ centers: [Int32], _ targets: [Int32], period: Int, _ input: [Float], _ output: [Float], dimensions: Int)
            -> [Float]
        {
            let a = Memory(input), b = Memory(output), c = Memory(centers), t = Memory(targets)
            func floats(_ m: Memory) -> UnsafeMutablePointer<Float> { m.start.assumingMemoryBound(to: Float.self) }
            var batch = hk_skip_gram_batch()
            (batch.vocabulary, batch.dimensions) = (Int64(input.count / dimensions), Int64(dimensions))
            (batch.count, batch.slots, batch.period) = (Int64(centers.count), Int64(targets.count / centers.count), Int64(period))
            batch.centers = UnsafePointer(c.start.assumingMemoryBound(to: Int32.self))
            batch.targets = UnsafePointer(t.start.assumingMemoryBound(to: Int32.self))
            batch.rate = 0.05
            #expect(withExtendedLifetime((c, t)) { hk_skip_gram(&batch, floats(a), floats(b)) } == -1)
            return a.array() + b.array()
        }

        @Test("The recipe, number by number; the same bits on any number of threads", arguments: [1, 33, 64, 100, 300])
        func recipe(_ d: Int) {
            let words = 40, slots = 12, count = 50
            let centers: [Int32] = samples(count, in: 0...39), targets: [Int32] = samples(count * slots, in: -12...39)
            let input: [Float] = samples(words * d, in: -0.3...0.3), output: [Float] = samples(words * d, in: -0.2...0.2)
            var (a, b) = (input.map(Double.init), output.map(Double.init))
            let block = Int(HK_SKIP_GRAM_BLOCK)
            for begin in stride(from: 0, to: count, by: block) {
                let range = begin..<min(begin + block, count)
                var g: [Int: Double] = [:]
                for i in range {
                    for k in 0..<slots where targets[i * slots + k] >= 0 {
                        let score = (0..<d).reduce(0) { $0 + a[Int(centers[i]) * d + $1] * b[Int(targets[i * slots + k]) * d + $1] }
                        g[i * slots + k] = 0.05 * ((k % 6 == 0 ? 1 : 0) - 1 / (1 + exp(-score)))
                    }
                }
                for i in range {
                    let v = (0..<d).map { a[Int(centers[i]) * d + $0] }
                    for k in 0..<slots {
                        guard let step = g[i * slots + k] else { continue }
                        let row = Int(targets[i * slots + k]) * d
                        for j in 0..<d {
                            a[Int(centers[i]) * d + j] += step * b[row + j]
                            b[row + j] += step * v[j]
                        }
                    }
                }
            }
            let want = a + b
            KernelTests.onEveryVariant { variant in
                let got = KernelTests.sameBits(variant) { Self.run(centers, targets, period: 6, input, output, dimensions: d) }
                let off = zip(got, want).map { abs(Double($0) - $1) }.max()!
                #expect(off < 1e-5, "\(variant): off by \(off)")
            }
        }
    }
}
