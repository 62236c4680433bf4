import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Element-wise operations") struct Elementwise {
        /// An operation on floats: the exact result in f64 and how many units in the last place an f32 result may be away.
        struct FloatCase: Sendable {
            let op: hk_op
            let tolerance: Double
            let value: @Sendable (Double, Double, Double) -> Double
        }
        static let arithmetic: [FloatCase] = [
            FloatCase(op: hk_op_copy, tolerance: 0) { x, _, _ in x },
            FloatCase(op: hk_op_add, tolerance: 0) { x, y, _ in x + y },
            FloatCase(op: hk_op_subtract, tolerance: 0) { x, y, _ in x - y },
            FloatCase(op: hk_op_multiply, tolerance: 0) { x, y, _ in x * y },
            FloatCase(op: hk_op_divide, tolerance: 0) { x, y, _ in x / y },
            FloatCase(op: hk_op_remainder, tolerance: 0) { x, y, _ in fmod(x, y) },
            FloatCase(op: hk_op_maximum, tolerance: 0) { x, y, _ in x.isNaN || y.isNaN ? .nan : Swift.max(x, y) },
            FloatCase(op: hk_op_minimum, tolerance: 0) { x, y, _ in x.isNaN || y.isNaN ? .nan : Swift.min(x, y) },
            FloatCase(op: hk_op_negate, tolerance: 0) { x, _, _ in -x },
            FloatCase(op: hk_op_abs, tolerance: 0) { x, _, _ in abs(x) },
            FloatCase(op: hk_op_sign, tolerance: 0) { x, _, _ in x > 0 ? 1 : x < 0 ? -1 : x },
            FloatCase(op: hk_op_sqrt, tolerance: 0.51) { x, _, _ in x.squareRoot() },
            FloatCase(op: hk_op_rsqrt, tolerance: 1.5) { x, _, _ in 1 / x.squareRoot() },
            FloatCase(op: hk_op_floor, tolerance: 0) { x, _, _ in x.rounded(.down) },
            FloatCase(op: hk_op_ceil, tolerance: 0) { x, _, _ in x.rounded(.up) },
            FloatCase(op: hk_op_round_even, tolerance: 0) { x, _, _ in x.rounded(.toNearestOrEven) },
            FloatCase(op: hk_op_relu, tolerance: 0) { x, _, _ in x.isNaN ? .nan : Swift.max(x, 0) },
            FloatCase(op: hk_op_relu_gradient, tolerance: 0) { x, y, _ in x <= 0 ? 0 : y },
        ]
        static let functions: [FloatCase] = [
            FloatCase(op: hk_op_exp, tolerance: 2) { x, _, _ in exp(x) },
            FloatCase(op: hk_op_expm1, tolerance: 2) { x, _, _ in expm1(x) },
            FloatCase(op: hk_op_log, tolerance: 2) { x, _, _ in log(x) },
            FloatCase(op: hk_op_log1p, tolerance: 2) { x, _, _ in log1p(x) },
            FloatCase(op: hk_op_sin, tolerance: 2) { x, _, _ in sin(x) },
            FloatCase(op: hk_op_cos, tolerance: 2) { x, _, _ in cos(x) },
            FloatCase(op: hk_op_tanh, tolerance: 2) { x, _, _ in tanh(x) },
            FloatCase(op: hk_op_logistic, tolerance: 2) { x, _, _ in 1 / (1 + exp(-x)) },
            FloatCase(op: hk_op_erf, tolerance: 2) { x, _, _ in erf(x) },
            FloatCase(op: hk_op_power, tolerance: 4) { x, y, _ in pow(x, y) },
        ]
        static let special: [Float] = [0, -0.0, 1, -1, .infinity, -.infinity, .nan, 0.5, 1.5, 2.5, -2.5, 3e38, -3e38, 88.8, 1e-37]

        @Test("f32: every operation and length", arguments: arithmetic.indices)
        func arithmetic32(_ index: Int) { check32(Self.arithmetic[index], range: -100...100) }

        @Test("f32: every function and length", arguments: functions.indices)
        func functions32(_ index: Int) { check32(Self.functions[index], range: -20...20) }

        @Test("Gradients by the values of tanh and the logistic function")
        func slopes() {
            for n in KernelTests.lengths {
                let dy: [Float] = samples(n, in: -5...5)
                let tangents: [Float] = samples(n, in: -1...1), shares: [Float] = samples(n, in: 0...1)
                KernelTests.onEveryVariant { variant in
                    let first = apply(hk_op_tanh_gradient, tangents, dy, dy, result: Float.type, zero: Float(0))
                    let second = apply(hk_op_logistic_gradient, shares, dy, dy, result: Float.type, zero: Float(0))
                    for i in 0..<n {
                        let (y, s, g) = (Double(tangents[i]), Double(shares[i]), Double(dy[i]))
                        let off = max(abs(Double(first[i]) - (1 - y * y) * g), abs(Double(second[i]) - g * s * (1 - s)))
                        #expect(off <= 2e-7 * abs(g), "\(variant): \(off) off at \(y), \(s)")
                    }
                }
            }
        }

        func check32(_ test: FloatCase, range: ClosedRange<Double>) {
            for n in KernelTests.lengths {
                let x: [Float] = samples(n, in: range, special: Self.special)
                let y = [Float](x.reversed()), z = [Float](x.dropFirst(n / 2) + x.prefix(n / 2))
                KernelTests.onEveryVariant { variant in
                    let got = apply(test.op, x, y, z, result: Float.type, zero: Float(0))
                    for i in 0..<n {
                        let want = test.value(Double(x[i]), Double(y[i]), Double(z[i]))
                        // Rounding twice, to f64 and then to f32, is rounding once for + - * / and sqrt.
                        if ulps(got[i], want) > test.tolerance {
                            Issue.record(
                                "op \(test.op.rawValue), \(variant), n \(n), at \(i): (\(x[i]), \(y[i])) gave \(got[i]), not \(want)")
                            return
                        }
                    }
                }
            }
        }

        @Test("f64: every operation and length", arguments: 0..<(arithmetic.count + functions.count))
        func arithmetic64(_ index: Int) {
            let test = (Self.arithmetic + Self.functions)[index]
            for n in KernelTests.lengths {
                let x: [Double] = samples(n, in: -30...30, special: Self.special.map(Double.init))
                let y = [Double](x.reversed()), z = x
                KernelTests.onEveryVariant { variant in
                    let got = apply(test.op, x, y, z, result: Double.type, zero: Double(0))
                    for i in 0..<n {
                        let want = test.value(x[i], y[i], z[i])
                        let near =
                            got[i] == want || (got[i].isNaN && want.isNaN) || abs(got[i] - want) <= 1e-15 * abs(want)
                            || (want.isSubnormal && got[i] == 0)
                        if !near {
                            Issue.record(
                                "op \(test.op.rawValue), \(variant), n \(n), at \(i): (\(x[i]), \(y[i])) gave \(got[i]), not \(want)")
                            return
                        }
                    }
                }
            }
        }

        @Test("fma rounds once, or twice in the plain variant")
        func fma() {
            let n = 1000
            let x: [Float] = samples(n, in: -10...10), y = [Float](x.reversed()), z = x.map { -$0 * 3 }
            KernelTests.onEveryVariant { variant in
                let got = apply(hk_op_fma, x, y, z, result: Float.type, zero: Float(0))
                for i in 0..<n {
                    let fused = z[i].addingProduct(x[i], y[i]), separate = x[i] * y[i] + z[i]
                    #expect(got[i] == fused || (variant.hasPrefix("plain") && got[i] == separate), "\(variant) at \(i)")
                }
            }
        }

        @Test("Comparisons give 0 and 1; NaN is unequal to all")
        func comparisons() {
            let cases: [(hk_op, (Float, Float) -> Bool, (Int64, Int64) -> Bool, (UInt8, UInt8) -> Bool)] = [
                (hk_op_equal, { $0 == $1 }, { $0 == $1 }, { $0 == $1 }), (hk_op_not_equal, { $0 != $1 }, { $0 != $1 }, { $0 != $1 }),
                (hk_op_less, { $0 < $1 }, { $0 < $1 }, { $0 < $1 }), (hk_op_less_equal, { $0 <= $1 }, { $0 <= $1 }, { $0 <= $1 }),
                (hk_op_greater, { $0 > $1 }, { $0 > $1 }, { $0 > $1 }),
                (hk_op_greater_equal, { $0 >= $1 }, { $0 >= $1 }, { $0 >= $1 }),
            ]
            for n in [1, 17, 1000] {
                let x: [Float] = samples(n, in: -2...2, special: [0, -0.0, .nan, 1]), y = [Float](x.reversed())
                let i: [Int64] = samples(n, in: -3...3), j = [Int64](i.reversed())
                let u: [UInt8] = samples(n, in: 0...255), v = [UInt8](u.reversed())
                KernelTests.onEveryVariant { variant in
                    for (op, float, integer, byte) in cases {
                        #expect(
                            apply(op, x, y, y, result: boolType, zero: UInt8(0)) == zip(x, y).map { float($0, $1) ? 1 : 0 }, "\(variant)")
                        #expect(
                            apply(op, i, j, j, result: boolType, zero: UInt8(0)) == zip(i, j).map { integer($0, $1) ? 1 : 0 }, "\(variant)")
                        #expect(
                            apply(op, u, v, v, result: boolType, zero: UInt8(0)) == zip(u, v).map { byte($0, $1) ? 1 : 0 }, "\(variant)")
                    }
                    let finite = apply(hk_op_is_finite, x, x, x, result: boolType, zero: UInt8(0))
                    #expect(finite == x.map { $0.isFinite ? 1 : 0 })
                }
            }
        }

        @Test("Integers wrap, and division never traps")
        func integers() {
            checkIntegers(samples(3000, in: Int32.min...Int32.max, special: [0, -1, .min, .max, 1, 7]))
            checkIntegers(samples(3000, in: Int64.min...Int64.max, special: [0, -1, .min, .max, 1, 7]))
            checkIntegers(samples(3000, in: UInt8.min...UInt8.max, special: [0, 255, 1, 7]))
        }

        func checkIntegers<T: FixedWidthInteger & Element>(_ all: [T]) {
            func divide(_ x: T, _ y: T) -> T { y == 0 ? 0 &- 1 : x.dividedReportingOverflow(by: y).partialValue }
            func remainder(_ x: T, _ y: T) -> T { y == 0 ? x : x.remainderReportingOverflow(dividingBy: y).partialValue }
            func power(_ x: T, _ y: T) -> T {
                if y < 0 { return x == 1 ? 1 : x == 0 &- 1 ? (y & 1 == 1 ? x : 1) : 0 }
                var result: T = 1, base = x, exponent = y
                while exponent > 0 {
                    if exponent & 1 == 1 { result = result &* base }
                    base = base &* base
                    exponent >>= 1
                }
                return result
            }
            let cases: [(hk_op, (T, T, T) -> T)] = [
                (hk_op_add, { x, y, _ in x &+ y }), (hk_op_subtract, { x, y, _ in x &- y }), (hk_op_multiply, { x, y, _ in x &* y }),
                (hk_op_divide, { x, y, _ in divide(x, y) }), (hk_op_remainder, { x, y, _ in remainder(x, y) }),
                (hk_op_power, { x, y, _ in power(x, y) }),
                (hk_op_maximum, { x, y, _ in max(x, y) }), (hk_op_minimum, { x, y, _ in min(x, y) }), (hk_op_negate, { x, _, _ in 0 &- x }),
                (hk_op_abs, { x, _, _ in x < 0 ? 0 &- x : x }), (hk_op_sign, { x, _, _ in x > 0 ? 1 : x == 0 ? 0 : 0 &- 1 }),
                (hk_op_fma, { x, y, z in x &* y &+ z }), (hk_op_and, { x, y, _ in x & y }), (hk_op_or, { x, y, _ in x | y }),
                (hk_op_xor, { x, y, _ in x ^ y }), (hk_op_not, { x, _, _ in ~x }), (hk_op_relu, { x, _, _ in max(x, 0) }),
                (hk_op_copy, { x, _, _ in x }),
            ]
            for n in [1, 15, 16, 17, 3000] {
                let x = [T](all.prefix(n)), y = [T](x.reversed()), z = [T](x.dropFirst(n / 2) + x.prefix(n / 2))
                KernelTests.onEveryVariant { variant in
                    for (op, value) in cases {
                        let got = apply(op, x, y, z, result: T.type, zero: T(0))
                        let want = (0..<n).map { value(x[$0], y[$0], z[$0]) }
                        #expect(got == want, "\(T.self) op \(op.rawValue), \(variant), n \(n)")
                    }
                }
            }
        }

        @Test("Bools: logic, comparison, select")
        func bools() {
            let n = 333
            let a: [UInt8] = samples(n, in: 0...1), b = [UInt8](a.reversed())
            let x: [Float] = samples(n, in: -1...1), y: [Double] = samples(n, in: -1...1), half: [UInt16] = samples(n, in: 0...UInt16.max)
            KernelTests.onEveryVariant { variant in
                var machine = Machine()
                let ra = machine.input(boolType), rb = machine.input(boolType), rx = machine.input(Float.type)
                let ry = machine.input(Double.type), rh = machine.input(UInt8(hk_type_bf16.rawValue))
                let and = machine.emit(hk_op_and, boolType, ra, rb), or = machine.emit(hk_op_or, boolType, ra, rb)
                let xor = machine.emit(hk_op_xor, boolType, ra, rb), not = machine.emit(hk_op_not, boolType, ra)
                let notX = machine.emit(hk_op_negate, Float.type, rx)
                let selected = machine.emit(hk_op_select, Float.type, ra, rx, notX)
                let wide = machine.emit(hk_op_select, Double.type, not, ry, ry)
                let halves = machine.emit(hk_op_select, UInt8(hk_type_bf16.rawValue), or, rh, rh)
                let bytes = (0..<4).map { _ in Memory(repeating: UInt8(9), count: n) }
                let floats = Memory(repeating: Float(9), count: n), doubles = Memory(repeating: 9.0, count: n),
                    out = Memory(repeating: UInt16(9), count: n)
                machine.run(
                    [n], [Memory(a), Memory(b), Memory(x), Memory(y), Memory(half)],
                    [(and, bytes[0]), (or, bytes[1]), (xor, bytes[2]), (not, bytes[3]), (selected, floats), (wide, doubles), (halves, out)])
                #expect(bytes[0].array() == zip(a, b).map { $0 & $1 } && bytes[1].array() == zip(a, b).map { $0 | $1 }, "\(variant)")
                #expect(bytes[2].array() == zip(a, b).map { $0 ^ $1 } && bytes[3].array() == a.map { 1 - $0 }, "\(variant)")
                #expect(floats.array() == zip(a, x).map { $0 == 1 ? $1 : -$1 } && doubles.array() == y && out.array() == half, "\(variant)")
            }
        }
    }
}
