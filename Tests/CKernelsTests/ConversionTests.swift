import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Conversions") struct Conversion {
        static let typeSizes = [4, 8, 4, 8, 1, 1, 2, 2]

        /// Raw bytes of `source` converted.
        static func convert(_ from: Int, _ to: Int, _ source: [UInt8], count: Int) -> [UInt8] {
            var machine = Machine()
            let a = machine.input(UInt8(from))
            let r = machine.emit(hk_op_convert, UInt8(from), a, 0, UInt16(to), result: UInt8(to))
            let output = Memory(repeating: UInt8(0xAA), count: count * typeSizes[to])
            machine.run([count], [Memory(source)], [(r, output)])
            return output.array()
        }

        static func bytes<T: BitwiseCopyable>(_ values: [T]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

        /// bfloat16 of a number, rounded once, to nearest even.
        static func bfloat(_ x: Double) -> UInt16 {
            if x.isNaN { return 0x7fc0 }
            var bits = Float(x).bitPattern
            // Float(x) may have rounded already: go by distance to the two neighbours instead.
            bits &= 0xffff_0000
            var best = UInt16(bits >> 16)
            for candidate in [best &- 1, best, best &+ 1] where candidate & 0x7fff <= 0x7f80 {
                let value = Double(Float(bitPattern: UInt32(candidate) << 16)), held = Double(Float(bitPattern: UInt32(best) << 16))
                func distance(_ v: Double) -> Double { abs((v.isInfinite ? (v > 0 ? 1 : -1) * 0x1p128 : v) - x) }
                if distance(value) < distance(held) || (distance(value) == distance(held) && candidate & 1 == 0) { best = candidate }
            }
            return best
        }

        @Test("All 2^16 half and bfloat16 numbers to f32 and back")
        func halves() {
            let all = (0..<65536).map { UInt16($0) }
            KernelTests.onEveryVariant { variant in
                let f16 = Self.convert(7, 0, Self.bytes(all), count: all.count)
                let bf16 = Self.convert(6, 0, Self.bytes(all), count: all.count)
                f16.withUnsafeBytes { f in
                    bf16.withUnsafeBytes { b in
                        for i in all.indices {
                            let half = Float(Float16(bitPattern: all[i])), wide = Float(bitPattern: UInt32(all[i]) << 16)
                            let gotHalf = f.loadUnaligned(fromByteOffset: 4 * i, as: Float.self)
                            let gotWide = b.loadUnaligned(fromByteOffset: 4 * i, as: Float.self)
                            let good =
                                (gotHalf.bitPattern == half.bitPattern || (half.isNaN && gotHalf.isNaN))
                                && (gotWide.bitPattern == wide.bitPattern || (wide.isNaN && gotWide.isNaN))
                            if !good {
                                Issue.record("\(variant): bits \(i): \(gotHalf) for \(half), \(gotWide) for \(wide)")
                                return
                            }
                        }
                    }
                }
                let back = Self.convert(0, 7, f16, count: all.count), backWide = Self.convert(0, 6, bf16, count: all.count)
                for i in all.indices {
                    let half = UInt16(back[2 * i]) | UInt16(back[2 * i + 1]) << 8,
                        wide = UInt16(backWide[2 * i]) | UInt16(backWide[2 * i + 1]) << 8
                    let nan = all[i] & 0x7fff > 0x7c00, nanWide = all[i] & 0x7fff > 0x7f80
                    if !nan && half != all[i] || nan && half & 0x7fff <= 0x7c00 || !nanWide && wide != all[i]
                        || nanWide && wide & 0x7fff <= 0x7f80
                    {
                        Issue.record("\(variant): bits \(i) came back as \(half) and \(wide)")
                        return
                    }
                }
            }
        }

        @Test("f32, f64 and integers to 16-bit floats round to nearest even, once")
        func rounding() {
            var generator = SplitMix(state: 3)
            var f32: [Float] = [
                0, -0.0, .infinity, -.infinity, .nan, 65504, 65519.996, 65520, 6e-8, 2.98e-8, 2.99e-8, 1 + 1 / 2048, 1 + 3 / 2048, 3.4e38,
            ]
            f32 += (0..<50_000).map { _ in Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator)) }
            f32 += samples(50_000, in: -2...2) as [Float]
            // Just beside the middle of two neighbours, where rounding to f32 first would fall on the middle.
            var f64: [Double] = [
                1 + 1.0 / 2048 + 1e-12, 1 + 1.0 / 2048 - 1e-12, 1 + 1.0 / 256 + 1e-13, 1 + 1.0 / 256 - 1e-13, 65519.999999, 1e300, -1e300,
            ]
            // What is denormal as f32 counts as zero on the way from f64 to bfloat16.
            f64 += f32.filter { !$0.isSubnormal }.map(Double.init)
            let i64: [Int64] = [
                0, 1, -1, 257, 2049, 2051, 65519, 65520, (1 << 60) + (1 << 52) + 1, (1 << 60) + (1 << 52), (1 << 60) + (1 << 52) - 1, .max,
                .min,
            ]
            KernelTests.onEveryVariant { variant in
                check("f32", Self.convert(0, 7, Self.bytes(f32), count: f32.count), f32.map { Float16($0).bitPattern }, variant)
                check("f64", Self.convert(1, 7, Self.bytes(f64), count: f64.count), f64.map { Float16($0).bitPattern }, variant)
                check("f32b", Self.convert(0, 6, Self.bytes(f32), count: f32.count), f32.map { Self.bfloat(Double($0)) }, variant)
                check("f64b", Self.convert(1, 6, Self.bytes(f64), count: f64.count), f64.map { Self.bfloat($0) }, variant)
                check(
                    "i64b", Self.convert(3, 6, Self.bytes(i64), count: i64.count),
                    [0, 0x3f80, 0xbf80, 0x4380, 0x4500, 0x4500, 0x4780, 0x4780, 0x5d81, 0x5d80, 0x5d80, 0x5f00, 0xdf00], variant)
                check("i64h", Self.convert(3, 7, Self.bytes(i64), count: i64.count), i64.map { Float16($0).bitPattern }, variant)
            }
        }

        func check(_ name: String, _ got: [UInt8], _ want: [UInt16], _ variant: String) {
            for i in want.indices {
                let value = UInt16(got[2 * i]) | UInt16(got[2 * i + 1]) << 8
                let bothNaN = value & 0x7fff > 0x7c00 && want[i] & 0x7fff > 0x7c00
                if value != want[i] && !bothNaN {
                    Issue.record("\(name), \(variant), at \(i): \(String(value, radix: 16)), not \(String(want[i], radix: 16))")
                    return
                }
            }
        }

        @Test("Floats to integers truncate, saturate, and NaN gives 0")
        func saturation() {
            let x: [Double] = [
                0, 0.9, -0.9, 1.5, -1.5, 255.9, 256, -1, 2_147_483_647, 2_147_483_648, -2_147_483_648, -2_147_483_649, 9.3e18, -9.3e18,
                1e300, -1e300,
                .infinity, -.infinity, .nan, 123_456.7,
            ]
            func saturated<T: FixedWidthInteger>(_ x: Double) -> T {
                x.isNaN ? 0 : x.rounded(.towardZero) >= Double(T.max) ? .max : x.rounded(.towardZero) <= Double(T.min) ? .min : T(x)
            }
            let f = x.map(Float.init)
            KernelTests.onEveryVariant { variant in
                for (from, source) in [(1, Self.bytes(x)), (0, Self.bytes(f))] {
                    let exact = from == 1 ? x : f.map(Double.init)
                    #expect(Self.convert(from, 2, source, count: x.count) == Self.bytes(exact.map { saturated($0) as Int32 }), "\(variant)")
                    #expect(Self.convert(from, 3, source, count: x.count) == Self.bytes(exact.map { saturated($0) as Int64 }), "\(variant)")
                    #expect(Self.convert(from, 4, source, count: x.count) == exact.map { saturated($0) as UInt8 }, "\(variant)")
                    #expect(Self.convert(from, 5, source, count: x.count) == exact.map { $0 != 0 ? 1 : 0 }, "\(variant)")
                }
            }
        }

        @Test("Integers to everything", arguments: [1, 16, 17, 1000])
        func integers(_ n: Int) {
            let i32: [Int32] = samples(n, in: .min ... .max, special: [0, 256, -1]),
                i64: [Int64] = samples(n, in: .min ... .max, special: [0, 1 << 32, -1])
            let u8: [UInt8] = samples(n, in: 0...255, special: [0]), flags: [UInt8] = samples(n, in: 0...1)
            KernelTests.onEveryVariant { variant in
                #expect(Self.convert(2, 0, Self.bytes(i32), count: n) == Self.bytes(i32.map(Float.init)), "\(variant)")
                #expect(Self.convert(3, 0, Self.bytes(i64), count: n) == Self.bytes(i64.map(Float.init)), "\(variant)")
                #expect(Self.convert(3, 1, Self.bytes(i64), count: n) == Self.bytes(i64.map(Double.init)), "\(variant)")
                #expect(Self.convert(2, 3, Self.bytes(i32), count: n) == Self.bytes(i32.map(Int64.init)), "\(variant)")
                #expect(
                    Self.convert(3, 2, Self.bytes(i64), count: n) == Self.bytes(i64.map { Int32(truncatingIfNeeded: $0) }), "\(variant)")
                #expect(Self.convert(2, 4, Self.bytes(i32), count: n) == i32.map { UInt8(truncatingIfNeeded: $0) }, "\(variant)")
                #expect(Self.convert(3, 5, Self.bytes(i64), count: n) == i64.map { $0 != 0 ? 1 : 0 }, "\(variant)")
                #expect(Self.convert(4, 0, u8, count: n) == Self.bytes(u8.map(Float.init)), "\(variant)")
                #expect(Self.convert(4, 3, u8, count: n) == Self.bytes(u8.map(Int64.init)), "\(variant)")
                #expect(Self.convert(4, 5, u8, count: n) == u8.map { $0 != 0 ? 1 : 0 }, "\(variant)")
                #expect(Self.convert(5, 1, flags, count: n) == Self.bytes(flags.map(Double.init)), "\(variant)")
                #expect(Self.convert(5, 2, flags, count: n) == Self.bytes(flags.map(Int32.init)), "\(variant)")
            }
        }

        @Test("Every pair agrees with going through f64", arguments: 0..<8)
        func pairs(_ from: Int) {
            // Small whole numbers are exact in every type.
            let values = (0..<37).map { from == 5 ? Double($0 % 2) : Double($0) }
            KernelTests.onEveryVariant { variant in
                let source = Self.convert(1, from, Self.bytes(values), count: values.count)
                for to in 0..<8 {
                    let direct = Self.convert(from, to, source, count: values.count)
                    let back = Self.convert(to, 1, direct, count: values.count)
                    #expect(back == Self.bytes(to == 5 ? values.map { $0 == 0 ? 0 : 1 } : values), "\(from) to \(to), \(variant)")
                }
            }
        }
    }
}
