import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Random numbers") struct Random {
        static func bits(_ key: UInt64, _ first: UInt64, _ n: Int) -> [UInt32] {
            let output = Memory(repeating: UInt32(0), count: n)
            hk_philox_bits(key, first, output.start.assumingMemoryBound(to: UInt32.self), Int64(n))
            return output.array()
        }

        /// Philox 4x32-10 as the paper writes it.
        static func philox(_ counter: [UInt32], _ key: [UInt32]) -> [UInt32] {
            var x = counter, k = key
            for _ in 0..<10 {
                let a = UInt64(x[0]) * 0xD251_1F53, b = UInt64(x[2]) * 0xCD9E_8D57
                x = [
                    UInt32(b >> 32) ^ x[1] ^ k[0], UInt32(truncatingIfNeeded: b), UInt32(a >> 32) ^ x[3] ^ k[1],
                    UInt32(truncatingIfNeeded: a),
                ]
                k[0] &+= 0x9E37_79B9
                k[1] &+= 0xBB67_AE85
            }
            return x
        }

        @Test("Known answers of Random123")
        func knownAnswers() {
            let pi: [UInt32] = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]
            #expect(Self.philox([0, 0, 0, 0], [0, 0]) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
            #expect(Self.philox([.max, .max, .max, .max], [.max, .max]) == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
            #expect(Self.philox(pi, [0xa409_3822, 0x299f_31d0]) == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
            KernelTests.onEveryVariant { variant in
                #expect(Self.bits(0, 0, 4) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8], "\(variant)")
            }
        }

        @Test("Word w is word w % 4 of block w / 4, from any place on", arguments: [0, 1, 3, 63, 64, 1000, 0x3_FFFF_FFF0])
        func words(_ first: UInt64) {
            let key: UInt64 = 0x0123_4567_89AB_CDEF
            let want = (0..<300).map { (i: UInt64) -> UInt32 in
                let block = (first + i) / 4
                return Self.philox([UInt32(truncatingIfNeeded: block), UInt32(block >> 32), 0, 0], [0x89AB_CDEF, 0x0123_4567])[
                    Int((first + i) % 4)]
            }
            KernelTests.onEveryVariant { variant in
                for n in [0, 1, 5, 64, 65, 300] {
                    #expect(Self.bits(key, first, n) == Array(want.prefix(n)), "\(variant), \(n) from \(first)")
                }
            }
        }

        @Test("Uniform numbers are the words' high bits")
        func uniform() {
            let words = Self.bits(42, 0, 2000)
            KernelTests.onEveryVariant { _ in
                let f32 = Memory(repeating: Float(0), count: 1000), f64 = Memory(repeating: 0.0, count: 1000)
                hk_philox_uniform_f32(42, 0, f32.start.assumingMemoryBound(to: Float.self), 1000)
                hk_philox_uniform_f64(42, 0, f64.start.assumingMemoryBound(to: Double.self), 1000)
                #expect(f32.array() == words.prefix(1000).map { Float($0 >> 8) * 0x1p-24 })
                #expect(
                    f64.array() == (0..<1000).map { Double(UInt64(words[2 * $0] >> 5) << 26 | UInt64(words[2 * $0 + 1] >> 6)) * 0x1p-53 })
            }
        }

        static func normal(_ key: UInt64, _ first: UInt64, _ n: Int) -> [Float] {
            let output = Memory(repeating: Float(0), count: n)
            hk_philox_normal_f32(key, first, output.start.assumingMemoryBound(to: Float.self), Int64(n))
            return output.array()
        }
        static func normal64(_ key: UInt64, _ first: UInt64, _ n: Int) -> [Double] {
            let output = Memory(repeating: 0.0, count: n)
            hk_philox_normal_f64(key, first, output.start.assumingMemoryBound(to: Double.self), Int64(n))
            return output.array()
        }

        @Test("Normals follow Box and Muller's formula, and any part can be made by itself")
        func boxMuller() {
            let words = Self.bits(7, 0, 4000)
            KernelTests.onEveryVariant { variant in
                let all = Self.normal(7, 0, 4000), all64 = Self.normal64(7, 0, 1000)
                for k in 0..<2000 {
                    let u = (Double(words[2 * k]) + 1) * 0x1p-32, angle = 2 * Double.pi * Double(words[2 * k + 1] >> 8) * 0x1p-24
                    let radius = (-2 * log(u)).squareRoot()
                    if abs(Double(all[2 * k]) - radius * cos(angle)) > 2e-6 || abs(Double(all[2 * k + 1]) - radius * sin(angle)) > 2e-6 {
                        Issue.record(
                            "\(variant), pair \(k): \(all[2 * k]), \(all[2 * k + 1]), not \(radius * cos(angle)), \(radius * sin(angle))")
                        return
                    }
                }
                for (first, n) in [(1, 10), (63, 2), (100, 333)] {
                    #expect(Self.normal(7, UInt64(first), n) == Array(all[first..<first + n]), "\(variant)")
                    #expect(Self.normal64(7, UInt64(first), n) == Array(all64[first..<first + n]), "\(variant)")
                }
            }
        }

        @Test("Moments of a million numbers; the same bits on any number of threads")
        func moments() {
            let n = 1_000_000
            let x = KernelTests.sameBits("normal") { Self.normal(1, 0, n) }.map(Double.init), wide = Self.normal64(1, 0, n)
            for values in [x, wide] {
                let mean = values.reduce(0, +) / Double(n), square = values.reduce(0) { $0 + $1 * $1 } / Double(n)
                let fourth = values.reduce(0) { $0 + $1 * $1 * $1 * $1 } / Double(n)
                #expect(abs(mean) < 0.004 && abs(square - 1) < 0.006 && abs(fourth - 3) < 0.05)
            }
        }
    }
}
