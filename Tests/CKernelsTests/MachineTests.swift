import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Element-wise programs") struct Programs {
        /// x op b, with b read through `strides`.
        func broadcast(_ extents: [Int], _ strides: [Int], offset: Int = 0, storage: [Float]) {
            let n = extents.reduce(1, *)
            let x: [Float] = samples(n, in: -1...1)
            var want = x
            for flat in 0..<n {
                var rest = flat, at = offset
                for axis in extents.indices.reversed() {
                    at += rest % extents[axis] * strides[axis]
                    rest /= extents[axis]
                }
                want[flat] = x[flat] + storage[at]
            }
            KernelTests.onEveryVariant { variant in
                var machine = Machine()
                let a = machine.input(Float.type), b = machine.input(Float.type, strides: strides)
                let sum = machine.emit(hk_op_add, Float.type, a, b)
                let got = Memory(repeating: Float(0), count: n)
                machine.run(extents, [Memory(x), Memory(storage)], [(sum, got)], offset: offset * 4)
                #expect(got.array() == want, "\(variant), extents \(extents), strides \(strides)")
            }
        }

        @Test("Strided and broadcast inputs")
        func strides() {
            let storage: [Float] = samples(300_000, in: -1...1)
            broadcast([7, 10], [0, 1], storage: storage)  // a row
            broadcast([700, 64], [0, 1], storage: storage)
            broadcast([3, 9000], [0, 1], storage: storage)  // a row longer than is unrolled
            broadcast([7, 10], [1, 0], storage: storage)  // a column
            broadcast([3000, 10], [1, 0], storage: storage)
            broadcast([20, 5000], [1, 0], storage: storage)
            broadcast([2, 3, 4, 5], [0, 1, 0, 0], storage: storage)  // a channel
            broadcast([8, 16, 40, 40], [0, 1, 0, 0], storage: storage)
            broadcast([300, 200], [1, 300], storage: storage)  // transposed
            broadcast([5, 6, 7], [-42, -7, -1], offset: 209, storage: storage)  // backwards
            broadcast([4, 50, 6], [1000, 12, 2], storage: storage)  // every other
            broadcast([5, 4], [0, 0], storage: storage)  // one for all
            broadcast([3, 5, 7], [35, 7, 1], storage: storage)  // dense after all
            broadcast([1, 17, 1], [99, 1, 3], storage: storage)
            broadcast([2, 1, 2, 1, 2, 3, 2, 3], [0, 5, 7, 0, 1, 0, 2, 11], storage: storage)  // rank 8
            broadcast([0, 4], [0, 1], storage: storage)
            broadcast([], [], storage: storage)  // rank 0
        }

        @Test("Reductions at the end, of every run and length", arguments: [1, 3, 16, 100, 2049, 4096, 5000, 100_003])
        func folds(_ run: Int) {
            for rows in [1, 2, 7, 640] where rows * run < 1_000_000 {
                let n = rows * run
                let x: [Float] = samples(n, in: -1...1)
                KernelTests.onEveryVariant { variant in
                    // x^2 is folded alone, 2 x is wanted itself as well, and a number is the same everywhere.
                    var machine = Machine()
                    let a = machine.input(Float.type), s = machine.input(Float.type, scalar: true)
                    let square = machine.emit(hk_op_multiply, Float.type, a, a), double = machine.emit(hk_op_add, Float.type, a, a)
                    let same = machine.emit(hk_op_negate, Float.type, s)
                    let kept = Memory(repeating: Float(0), count: n)
                    let got = (0..<3).map { _ in Memory(repeating: Float(0), count: rows) }
                    func fold(_ reduction: hk_reduction, _ source: UInt16) -> hk_fold {
                        hk_fold(reduction: UInt8(reduction.rawValue), source: source, run: Int64(run))
                    }
                    machine.run(
                        [rows, run], [Memory(x), Memory([Float(-0.5)])], [(double, kept)],
                        folds: [
                            (fold(hk_reduce_sum, square), got[0]), (fold(hk_reduce_max, double), got[1]),
                            (fold(hk_reduce_sum, same), got[2]),
                        ])
                    let sums: [Float] = got[0].array(), largest: [Float] = got[1].array(), halves: [Float] = got[2].array()
                    #expect(kept.array() == x.map { 2 * $0 })
                    for row in 0..<rows {
                        let part = x[row * run..<(row + 1) * run]
                        let sum = part.reduce(0.0) { $0 + Double($1 * $1) }
                        #expect(abs(Double(sums[row]) - sum) <= 4e-7 * sum, "\(variant), row \(row) of \(rows) of \(run)")
                        #expect(largest[row] == part.max()! * 2, "\(variant), row \(row) of \(rows) of \(run)")
                        #expect(halves[row] == Float(run) / 2, "\(variant), row \(row) of \(rows) of \(run)")
                    }
                }
            }
        }

        @Test("Programs of many instructions, at every length", arguments: KernelTests.lengths)
        func chain(_ n: Int) {
            let x: [Float] = samples(n, in: -3...3), y: [Float] = samples(n, in: 1...2)
            let scalars: [Float] = [0.5, 3]
            KernelTests.onEveryVariant { variant in
                for depth in [1, 10, 300] {
                    var machine = Machine()
                    let a = machine.input(Float.type), b = machine.input(Float.type)
                    let s = machine.input(Float.type, scalar: true), t = machine.input(Float.type, scalar: true)
                    // A uniform value, computed once: 0.5 * 3 - 3.
                    let uniform = machine.emit(hk_op_subtract, Float.type, machine.emit(hk_op_multiply, Float.type, s, t), t)
                    var r = a
                    for _ in 0..<depth { r = machine.emit(hk_op_fma, Float.type, machine.emit(hk_op_multiply, Float.type, r, s), s, b) }
                    r = machine.emit(hk_op_add, Float.type, r, uniform)
                    let positive = machine.emit(hk_op_greater, Float.type, r, uniform, result: boolType)
                    let results = Memory(repeating: Float(0), count: n), signs8 = Memory(repeating: UInt8(9), count: n)
                    let filled = Memory(repeating: Float(0), count: n)
                    machine.run(
                        [n], [Memory(x), Memory(y), Memory([scalars[0]]), Memory([scalars[1]])],
                        [(r, results), (positive, signs8), (uniform, filled)])
                    let got: [Float] = results.array(), signs: [UInt8] = signs8.array(), fill: [Float] = filled.array()
                    for i in 0..<n {
                        var value = x[i]
                        // Halving is exact, so that fused and separate rounding agree.
                        for _ in 0..<depth { value = value * 0.5 * 0.5 + y[i] }
                        value += -1.5
                        if got[i] != value || signs[i] != (value > -1.5 ? 1 : 0) || fill[i] != -1.5 {
                            Issue.record("\(variant), depth \(depth), n \(n), at \(i): \(got[i]), not \(value); \(signs[i]); \(fill[i])")
                            return
                        }
                    }
                }
            }
        }

        @Test("Registers written again, and outputs that are inputs")
        func registers() {
            let n = 5000
            let x: [Float] = samples(n, in: -1...1), y: [Float] = samples(n, in: -1...1)
            KernelTests.onEveryVariant { variant in
                var machine = Machine()
                let a = machine.input(Float.type), b = machine.input(Float.type)
                let r = machine.register(Float.type)
                machine.emit(hk_op_add, Float.type, a, b, into: r)
                machine.emit(hk_op_multiply, Float.type, r, r, into: r)
                let q = machine.emit(hk_op_subtract, Float.type, r, a)
                machine.emit(hk_op_multiply, Float.type, r, q, into: r)
                let out = (0..<4).map { _ in Memory(repeating: Float(0), count: n) }
                machine.run([n], [Memory(x), Memory(y)], [(r, out[0]), (q, out[1]), (b, out[2]), (r, out[3])])
                let square = zip(x, y).map { ($0 + $1) * ($0 + $1) }, difference = zip(square, x).map { $0 - $1 }
                let product = zip(square, difference).map { $0 * $1 }
                #expect(out[0].array() == product && out[3].array() == product, "\(variant)")
                #expect(out[1].array() == difference && out[2].array() == y, "\(variant)")
            }
        }

        @Test("An output may take an input's memory, even one that is still read", arguments: [1, 16, 1000, 70_001])
        func inPlace(_ n: Int) {
            let x: [Float] = samples(n, in: -1...1), y: [Float] = samples(n, in: -1...1)
            KernelTests.onEveryVariant { variant in
                // m = m + g; p = p + m * p: both in place, the classic optimizer's step.
                let m = Memory(x), p = Memory(y)
                var machine = Machine()
                let rm = machine.input(Float.type), rp = machine.input(Float.type), rg = machine.input(Float.type)
                let newM = machine.emit(hk_op_add, Float.type, rm, rg)
                let newP = machine.emit(hk_op_add, Float.type, rp, machine.emit(hk_op_multiply, Float.type, newM, rp))
                machine.run([n], [m, p, Memory(x)], [(newM, m), (newP, p)])
                #expect(m.array() == x.map { $0 + $0 }, "\(variant)")
                #expect(p.array() == zip(x, y).map { $1 + ($0 + $0) * $1 }, "\(variant)")

                // The first output overwrites an input that later instructions read.
                let a = Memory(x), later = Memory(y)
                var early = Machine()
                let ra = early.input(Float.type), rb = early.input(Float.type)
                let sum = early.emit(hk_op_add, Float.type, ra, rb)
                let product = early.emit(hk_op_multiply, Float.type, sum, ra)
                early.run([n], [a, Memory(y)], [(sum, a), (product, later)])
                #expect(a.array() == zip(x, y).map { $0 + $1 } && later.array() == zip(x, y).map { ($0 + $1) * $0 }, "\(variant)")

                // Two arrays change places.
                let u = Memory(x), v = Memory(y)
                var swap = Machine()
                let ru = swap.input(Float.type), rv = swap.input(Float.type)
                swap.run([n], [u, v], [(ru, v), (rv, u)])
                #expect(u.array() == y && v.array() == x, "\(variant)")
            }
        }

        @Test("The same bits on any number of threads")
        func threads() {
            let x: [Float] = samples(300_001, in: -9...9)
            for op in [hk_op_exp, hk_op_tanh, hk_op_sin, hk_op_erf] {
                _ = KernelTests.sameBits("op \(op.rawValue)") { apply(op, x, x, x, result: Float.type, zero: Float(0)) }
            }
        }

        @Test("Denormals count as zero inside, and only inside")
        func denormals() {
            let tiny = [Float](repeating: Float.leastNormalMagnitude, count: 100), half = [Float](repeating: 0.5, count: 100)
            #expect(apply(hk_op_multiply, tiny, half, half, result: Float.type, zero: Float(1)) == [Float](repeating: 0, count: 100))
            #expect(tiny[3] * half[3] > 0)
        }

        @Test("Which types an operation takes")
        func supports() {
            #expect(hk_elementwise_supports(Int32(hk_op_add.rawValue), Int32(Int64.type)))
            #expect(!hk_elementwise_supports(Int32(hk_op_exp.rawValue), Int32(Int64.type)))
            #expect(!hk_elementwise_supports(Int32(hk_op_add.rawValue), Int32(boolType)))
            #expect(hk_elementwise_supports(Int32(hk_op_convert.rawValue), Int32(hk_type_f16.rawValue)))
            #expect(!hk_elementwise_supports(Int32(hk_op_count.rawValue), 0) && !hk_elementwise_supports(-1, 0))
        }
    }
}
