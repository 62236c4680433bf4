import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Attention") struct Attention {
        struct Shape: Sendable {
            var (batches, heads, queries, keys, width, values) = (2, 3, 5, 7, 4, 6)
        }

        enum Mask: CaseIterable { case none, causal, diagonal, added, bool, keys }

        static let shapes = [
            (1, 1, 1, 1, 1, 1), (2, 3, 5, 7, 4, 6), (2, 2, 17, 33, 20, 20), (3, 3, 40, 40, 32, 32), (1, 2, 70, 70, 16, 48),
            (2, 2, 1, 600, 32, 17),
            (1, 1, 33, 530, 8, 16), (1, 9, 65, 12, 16, 16),
        ]

        @Test("Values and gradients are those of the formula", arguments: shapes, Mask.allCases)
        func formula(_ extents: (Int, Int, Int, Int, Int, Int), _ mask: Mask) {
            let shape = Shape(
                batches: extents.0, heads: extents.1, queries: extents.2, keys: extents.3, width: extents.4, values: extents.5)
            let problem = Problem(shape, mask)
            let want = problem.reference()
            KernelTests.onEveryVariant { variant in
                for (name, (got, want)) in zip(["o", "lse", "dq", "dk", "dv", "dscores"], zip(problem.run(), want)) {
                    // Where one key has all the weight, gradients cancel from numbers near 4.
                    let size = max(want.filter(\.isFinite).map(abs).max() ?? 0, 4)
                    let worst = zip(got, want).map { Double($0) == $1 ? 0 : abs(Double($0) - $1) }.max { $1.isNaN || $0 < $1 } ?? 0
                    #expect(
                        got.count == want.count && worst <= 4e-6 * size, "\(variant), \(shape) \(mask): \(name) is off by \(worst)")
                }
            }
            _ = KernelTests.sameBits("\(shape) \(mask)") { problem.run().flatMap { $0 } }
        }
    }
}

/// Attention on random numbers, `[batch, row, head, column]` in memory.
private struct Problem {
    let shape: KernelTests.Attention.Shape
    let q: [Float], k: [Float], v: [Float], upstream: [Float]
    /// `[1, heads, queries, keys]`, or `[batches, 1, 1, keys]`.
    let mask: [Double]?
    let isBool: Bool, isForKeys: Bool
    let diagonal: Int?

    init(_ shape: KernelTests.Attention.Shape, _ mask: KernelTests.Attention.Mask) {
        self.shape = shape
        let heads = shape.batches * shape.heads
        q = samples(heads * shape.queries * shape.width, in: -2...2)
        k = samples(heads * shape.keys * shape.width, in: -1...2)
        v = samples(heads * shape.keys * shape.values, in: -1...1)
        upstream = samples(heads * shape.queries * shape.values, in: -1...2)
        diagonal = mask == .causal ? 0 : mask == .diagonal ? shape.keys - shape.queries : nil
        isBool = mask == .bool || mask == .keys
        isForKeys = mask == .keys
        switch mask {
        case .none, .causal, .diagonal: self.mask = nil
        case .added:
            let numbers: [Double] = samples(shape.heads * shape.queries * shape.keys, in: -1...1)
            self.mask = numbers.map { $0 > 0.7 ? -.infinity : $0 }
        case .bool:
            let numbers: [Double] = samples(shape.heads * shape.queries * shape.keys, in: -1...1)
            // The first query of each head sees nothing.
            self.mask = numbers.enumerated().map { $0 % (shape.queries * shape.keys) < shape.keys || $1 > 0.2 ? 0 : 1 }
        case .keys: self.mask = (0..<shape.batches * shape.keys).map { $0 % shape.keys <= $0 / shape.keys * 3 ? 1 : 0 }
        }
    }

    private func rows(_ memory: Memory, _ length: Int, _ width: Int) -> hk_attention_rows {
        hk_attention_rows(
            data: memory.start.assumingMemoryBound(to: Float.self), batch: Int64(length * shape.heads * width), head: Int64(width),
            row: Int64(shape.heads * width))
    }

    /// o, lse, dq, dk, dv, gradient of the scores.
    func run() -> [[Float]] {
        let count = shape.batches * shape.heads * shape.queries
        func nan(_ count: Int) -> Memory { Memory([Float](repeating: .nan, count: count)) }
        let (mq, mk, mv, mu) = (Memory(q), Memory(k), Memory(v), Memory(upstream))
        let (o, lse, dq, dk, dv, ds) = (nan(upstream.count), nan(count), nan(q.count), nan(k.count), nan(v.count), nan(count * shape.keys))
        let maskMemory = mask.map { isBool ? Memory($0.map { UInt8($0) }) : Memory($0.map { Float($0) }) }
        withExtendedLifetime((mq, mk, mv, mu, maskMemory)) {
            var call = hk_attention()
            (call.batches, call.heads) = (Int64(shape.batches), Int64(shape.heads))
            (call.queries, call.keys) = (Int64(shape.queries), Int64(shape.keys))
            (call.width, call.value_width, call.scale) = (Int64(shape.width), Int64(shape.values), 0.3)
            (call.causal, call.diagonal) = (diagonal != nil, Int64(diagonal ?? 0))
            (call.q, call.k) = (rows(mq, shape.queries, shape.width), rows(mk, shape.keys, shape.width))
            call.v = rows(mv, shape.keys, shape.values)
            if let maskMemory {
                call.mask = UnsafeRawPointer(maskMemory.start)
                call.mask_type = Int32(isBool ? boolType : Float.type)
                if isForKeys {
                    call.mask_batch = Int64(shape.keys)
                } else {
                    (call.mask_head, call.mask_row) = (Int64(shape.queries * shape.keys), Int64(shape.keys))
                }
            }
            func floats(_ memory: Memory) -> UnsafeMutablePointer<Float> { memory.start.assumingMemoryBound(to: Float.self) }
            hk_attention_forward(&call, rows(o, shape.queries, shape.values), floats(lse))
            hk_attention_gradient(
                &call, rows(o, shape.queries, shape.values), floats(lse), rows(mu, shape.queries, shape.values),
                rows(dq, shape.queries, shape.width), rows(dk, shape.keys, shape.width), rows(dv, shape.keys, shape.values), floats(ds))
        }
        return [o.array(), lse.array(), dq.array(), dk.array(), dv.array(), ds.array()]
    }

    /// The same in f64, by the formula.
    func reference() -> [[Double]] {
        var o = [Double](repeating: 0, count: upstream.count), lse: [Double] = [], ds: [Double] = []
        var dq = [Double](repeating: 0, count: q.count), dk = [Double](repeating: 0, count: k.count),
            dv = [Double](repeating: 0, count: v.count)
        for batch in 0..<shape.batches {
            for head in 0..<shape.heads {
                func place(_ length: Int, _ width: Int, _ row: Int, _ column: Int) -> Int {
                    ((batch * length + row) * shape.heads + head) * width + column
                }
                for i in 0..<shape.queries {
                    var scores = (0..<shape.keys).map { j in
                        (0..<shape.width).reduce(0.0) {
                            $0 + Double(q[place(shape.queries, shape.width, i, $1)]) * Double(k[place(shape.keys, shape.width, j, $1)])
                        } * Double(Float(0.3))
                    }
                    for j in 0..<shape.keys {
                        if let mask {
                            let m = mask[isForKeys ? batch * shape.keys + j : (head * shape.queries + i) * shape.keys + j]
                            scores[j] = isBool ? (m == 0 ? -.infinity : scores[j]) : scores[j] + Double(Float(m))
                        }
                        if let diagonal, j > i + diagonal { scores[j] = -.infinity }
                    }
                    let most = scores.max()!
                    let sum = most == -.infinity ? 0 : scores.reduce(0) { $0 + exp($1 - most) }
                    let p = scores.map { sum == 0 ? 0 : exp($0 - most) / sum }
                    lse.append(sum == 0 ? -.infinity : most + log(sum))
                    var dp = [Double](repeating: 0, count: shape.keys)
                    for j in 0..<shape.keys {
                        for e in 0..<shape.values {
                            let (at, from) = (place(shape.queries, shape.values, i, e), place(shape.keys, shape.values, j, e))
                            o[at] += p[j] * Double(v[from])
                            dv[from] += p[j] * Double(upstream[at])
                            dp[j] += Double(upstream[at]) * Double(v[from])
                        }
                    }
                    let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
                    for j in 0..<shape.keys {
                        let slope = p[j] * (dp[j] - mean)
                        ds.append(slope)
                        for d in 0..<shape.width {
                            let (at, from) = (place(shape.queries, shape.width, i, d), place(shape.keys, shape.width, j, d))
                            dq[at] += Double(Float(0.3)) * slope * Double(k[from])
                            dk[from] += Double(Float(0.3)) * slope * Double(q[at])
                        }
                    }
                }
            }
        }
        return [o, lse, dq, dk, dv, ds]
    }
}
