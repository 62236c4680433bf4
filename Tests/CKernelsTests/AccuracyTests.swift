import CKernels
import Foundation
import Testing

extension KernelTests {
    /// The accuracy that `elementwise.h` promises, on a sample of all 2^32 arguments. `HILLOCK_TEST_STRIDE=1` takes them all.
    @Suite("Accuracy of f32 functions") struct Accuracy {
        static let functions: [(name: String, op: hk_op, tolerance: Double, value: @Sendable (Double) -> Double)] = [
            ("exp", hk_op_exp, 1, { exp($0) }), ("expm1", hk_op_expm1, 1.7, { expm1($0) }), ("log", hk_op_log, 1, { log($0) }),
            ("log1p", hk_op_log1p, 1.5, { log1p($0) }),
            ("sin", hk_op_sin, 1.7, { sin($0) }), ("cos", hk_op_cos, 1.7, { cos($0) }), ("tanh", hk_op_tanh, 2, { tanh($0) }),
            ("logistic", hk_op_logistic, 2, { 1 / (1 + exp(-$0)) }), ("erf", hk_op_erf, 1.5, { erf($0) }),
            ("rsqrt", hk_op_rsqrt, 1.5, { 1 / $0.squareRoot() }),
        ]

        @Test("Largest error", arguments: functions.indices)
        func largestError(_ index: Int) {
            let (name, op, tolerance, value) = Self.functions[index]
            let stride = ProcessInfo.processInfo.environment["HILLOCK_TEST_STRIDE"].flatMap { Int($0) } ?? 9973
            for variant in KernelTests.variants {
                _ = hk_set_isa(variant)
                var worst = 0.0, at: Float = 0
                var start = 0
                while start < 1 << 32 {
                    let end = min(start + stride << 16, 1 << 32)
                    let x = Swift.stride(from: start, to: end, by: stride).map { Float(bitPattern: UInt32($0)) }
                    let got = apply(op, x, x, x, result: Float.type, zero: Float(0))
                    for i in x.indices {
                        // Denormal arguments count as zero, except where they matter: in logarithms.
                        if x[i].isSubnormal && (name == "rsqrt" || name == "erf") { continue }
                        let error = ulps(got[i], value(Double(x[i])))
                        if error > worst { (worst, at) = (error, x[i]) }
                    }
                    start = end
                }
                #expect(worst <= tolerance, "\(name), \(variant): \(worst) ulp at \(at)")
            }
            _ = hk_set_isa(KernelTests.variants[0])
        }

        @Test("Zeros keep their sign, infinities and NaN follow C")
        func special() {
            let odd = [hk_op_expm1, hk_op_log1p, hk_op_sin, hk_op_tanh, hk_op_erf, hk_op_sqrt]
            KernelTests.onEveryVariant { variant in
                for op in odd {
                    let got = apply(op, [Float(-0.0), 0], [0, 0], [0, 0], result: Float.type, zero: Float(1))
                    #expect(got[0].sign == .minus && got[0] == 0 && got[1].sign == .plus && got[1] == 0, "\(variant) op \(op.rawValue)")
                }
                let x: [Float] = [.infinity, -.infinity, .nan, 0, -1, 1]
                func values(_ op: hk_op) -> [Float] { apply(op, x, x, x, result: Float.type, zero: Float(0)) }
                func same(_ a: [Float], _ b: [Float]) -> Bool {
                    zip(a, b).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) || abs($0 - $1) < 1e-6 }
                }
                #expect(same(values(hk_op_exp), [.infinity, 0, .nan, 1, 0.36787944, 2.7182817]), "\(variant)")
                #expect(same(values(hk_op_log), [.infinity, .nan, .nan, -.infinity, .nan, 0]), "\(variant)")
                #expect(same(values(hk_op_log1p), [.infinity, .nan, .nan, 0, -.infinity, 0.6931472]), "\(variant)")
                #expect(same(values(hk_op_tanh), [1, -1, .nan, 0, -0.7615942, 0.7615942]), "\(variant)")
                #expect(same(values(hk_op_erf), [1, -1, .nan, 0, -0.8427008, 0.8427008]), "\(variant)")
                #expect(same(values(hk_op_logistic), [1, 0, .nan, 0.5, 0.26894143, 0.7310586]), "\(variant)")
                #expect(same(values(hk_op_sin), [.nan, .nan, .nan, 0, -0.84147096, 0.84147096]), "\(variant)")
            }
        }

        @Test("gelu and its derivative, within 1.8 ulp or what cancellation leaves")
        func gelu() {
            let density = { (x: Double) in exp(-0.5 * x * x) / (2 * Double.pi).squareRoot() }
            let x = (samples(200_000, in: -8...8) as [Float]) + [0, -0.0, 1e-30, -1e-30, 100, -100, .greatestFiniteMagnitude]
            let dy = [Float](repeating: 1, count: x.count)
            KernelTests.onEveryVariant { variant in
                let value = apply(hk_op_gelu, x, x, x, result: Float.type, zero: Float(0))
                let slope = apply(hk_op_gelu_gradient, x, dy, dy, result: Float.type, zero: Float(0))
                for i in x.indices {
                    let a = Double(x[i])
                    let normal = 0.5 * erfc(-a * 0.5.squareRoot())
                    let isClose = a > 0 ? ulps(value[i], a * normal) <= 1.8 : abs(Double(value[i]) - a * normal) <= 6e-8 * abs(a)
                    let isSlopeClose = abs(Double(slope[i]) - (normal + (abs(a) < 50 ? a * density(a) : 0))) <= 1.45e-7
                    if !isClose || !isSlopeClose {
                        Issue.record("\(variant): at \(x[i]) gelu gave \(value[i]), its derivative \(slope[i])")
                        return
                    }
                }
                let odd: [Float] = [.infinity, -.infinity, .nan]
                let values = apply(hk_op_gelu, odd, odd, odd, result: Float.type, zero: Float(0))
                let slopes = apply(hk_op_gelu_gradient, odd, [1, 1, 1], odd, result: Float.type, zero: Float(0))
                // −∞ · 0, as the formula has it.
                #expect(values[0] == .infinity && values[1].isNaN && values[2].isNaN, "\(variant)")
                #expect(slopes[0] == 1 && slopes[1] == 0 && slopes[2].isNaN, "\(variant)")
            }
        }

        @Test("pow: C's special cases, and 4 ulp")
        func power() {
            let edge: [Float] = [
                0, -0.0, 1, -1, .infinity, -.infinity, .nan, 2, -2, 3, -3, 0.5, -0.5, 1e30, -1e30, 1e-30, 16_777_215, 33_554_432,
                Float.leastNormalMagnitude / 8,
            ]
            var x: [Float] = [], y: [Float] = []
            for a in edge { for b in edge { x.append(a); y.append(b) } }
            x += samples(100_000, in: 0...40) as [Float]
            y += (samples(100_000, in: -20...20) as [Float]).reversed()
            KernelTests.onEveryVariant { variant in
                let got = apply(hk_op_power, x, y, y, result: Float.type, zero: Float(0))
                for i in x.indices where !y[i].isSubnormal {
                    let want = pow(Double(x[i]), Double(y[i]))
                    let sign = got[i].sign == want.sign || want.isNaN
                    if ulps(got[i], want) > 4 || !sign {
                        Issue.record("\(variant): pow(\(x[i]), \(y[i])) gave \(got[i]), not \(want)")
                        return
                    }
                }
            }
        }
    }
}
