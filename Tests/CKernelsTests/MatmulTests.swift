import CKernels
import Testing

extension KernelTests {
    @Suite("Matrix products") struct Matmul {
        @Test(
            "Shapes around the tiles' edges, transposed or not",
            arguments: [(1, 1, 1), (4, 16, 8), (5, 17, 3), (70, 65, 300), (64, 64, 256), (3, 2, 0), (0, 4, 4), (130, 7, 513)])
        func shapes(_ m: Int, _ n: Int, _ k: Int) {
            check(m, n, k, samples(m * k, in: -1...1) as [Float], samples(k * n, in: -1...1), tolerance: 2e-6)
            check(m, n, k, samples(m * k, in: -1...1) as [Double], samples(k * n, in: -1...1), tolerance: 1e-14)
            checkIntegers(m, n, k, samples(m * k, in: .min ... .max) as [Int32], samples(k * n, in: .min ... .max))
            checkIntegers(m, n, k, samples(m * k, in: .min ... .max) as [Int64], samples(k * n, in: .min ... .max))
        }

        /// a is stored as it is, or transposed; likewise b.
        func product<T: Element>(_ m: Int, _ n: Int, _ k: Int, _ a: [T], _ b: [T], _ transposedA: Bool, _ transposedB: Bool, zero: T) -> [T]
        {
            let sa = transposedA ? (0..<m * k).map { a[$0 % m * k + $0 / m] } : a
            let sb = transposedB ? (0..<k * n).map { b[$0 % k * n + $0 / k] } : b
            let ma = Memory(sa), mb = Memory(sb), mc = Memory(repeating: zero, count: m * n)
            withExtendedLifetime((ma, mb)) {
                hk_matmul(
                    Int32(T.type), 0, nil, Int64(m), Int64(n), Int64(k), ma.start, nil, Int64(transposedA ? 1 : k),
                    Int64(transposedA ? m : 1),
                    mb.start, nil, Int64(transposedB ? 1 : n), Int64(transposedB ? k : 1), mc.start)
            }
            return mc.array()
        }

        func check<T: Element & BinaryFloatingPoint>(_ m: Int, _ n: Int, _ k: Int, _ a: [T], _ b: [T], tolerance: Double) {
            var want = [Double](repeating: 0, count: m * n)
            for i in 0..<m { for l in 0..<k { for j in 0..<n { want[i * n + j] += Double(a[i * k + l]) * Double(b[l * n + j]) } } }
            KernelTests.onEveryVariant { variant in
                for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
                    let got = product(m, n, k, a, b, ta, tb, zero: 9)
                    let good = zip(got, want).allSatisfy { abs(Double($0) - $1) <= tolerance * Double(k).squareRoot() * 4 }
                    #expect(good && got.count == want.count, "\(variant), \(T.self) \(m)x\(n)x\(k), transposed \(ta), \(tb)")
                }
            }
            _ = KernelTests.sameBits("product") { product(m, n, k, a, b, false, false, zero: 9) }
        }

        func checkIntegers<T: Element & FixedWidthInteger>(_ m: Int, _ n: Int, _ k: Int, _ a: [T], _ b: [T]) {
            var want = [T](repeating: 0, count: m * n)
            for i in 0..<m { for l in 0..<k { for j in 0..<n { want[i * n + j] &+= a[i * k + l] &* b[l * n + j] } } }
            KernelTests.onEveryVariant { variant in
                #expect(product(m, n, k, a, b, true, false, zero: 9) == want, "\(variant), \(T.self) \(m)x\(n)x\(k)")
            }
        }

        @Test("Batches, with one factor broadcast")
        func batches() {
            let a: [Int32] = samples(2 * 3 * 4 * 5, in: -9...9), b: [Int32] = samples(3 * 5 * 6, in: -9...9)
            var want: [Int32] = []
            for x in 0..<2 {
                for y in 0..<3 {
                    for i in 0..<4 {
                        for j in 0..<6 {
                            want.append((0..<5).reduce(0) { $0 + a[((x * 3 + y) * 4 + i) * 5 + $1] * b[(y * 5 + $1) * 6 + j] })
                        }
                    }
                }
            }
            KernelTests.onEveryVariant { _ in
                let ma = Memory(a), mb = Memory(b), mc = Memory(repeating: Int32(0), count: want.count)
                withExtendedLifetime((ma, mb)) {
                    hk_matmul(Int32(Int32.type), 2, [2, 3], 4, 6, 5, ma.start, [60, 20], 5, 1, mb.start, [0, 30], 6, 1, mc.start)
                }
                #expect(mc.array() == want)
            }
        }
    }

    @Suite("Team of threads") struct Team {
        @Test("Every thread runs once; inside a team there is one thread")
        func run() {
            final class Seen: @unchecked Sendable {
                var runs = [Int32](repeating: 0, count: 8)
                var teams = [Int32](repeating: 0, count: 8)
                var inner: Int32 = 0
            }
            for threads: Int32 in [1, 2, 3] {
                hk_set_threads(threads)
                #expect(hk_threads() == threads)
                let seen = Seen()
                hk_team_run(
                    { context, thread, threads in
                        let seen = Unmanaged<Seen>.fromOpaque(context!).takeUnretainedValue()
                        seen.runs.withUnsafeMutableBufferPointer { $0[Int(thread)] += 1 }
                        seen.teams.withUnsafeMutableBufferPointer { $0[Int(thread)] = threads }
                        if thread == 0 {
                            hk_team_run(
                                { context, _, threads in Unmanaged<Seen>.fromOpaque(context!).takeUnretainedValue().inner = threads },
                                context)
                        }
                    }, Unmanaged.passUnretained(seen).toOpaque())
                let team = seen.teams[0]
                #expect(team >= 1 && team <= threads && seen.inner == 1)
                #expect(Array(seen.runs.prefix(Int(team))) == [Int32](repeating: 1, count: Int(team)))
            }
            hk_set_threads(0)
            #expect(hk_threads() >= 1)
        }

        @Test("Instruction sets by name")
        func names() {
            #expect(KernelTests.variants.contains("plain"))
            #expect(hk_set_isa("plain") && String(cString: hk_isa()) == "plain")
            #expect(!hk_set_isa("sse9") && String(cString: hk_isa()) == "plain")
            #expect(hk_set_isa(KernelTests.variants[0]))
        }
    }
}
