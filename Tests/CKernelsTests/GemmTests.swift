import CKernels
import Testing

extension KernelTests {
    @Suite("Small matrix products") struct Gemm {
        @Test(
            "Packed products around the tiles' edges",
            arguments: [
                (1, 1, 1), (1, 200, 33), (2, 64, 5), (3, 17, 70), (7, 33, 12), (14, 32, 64), (15, 47, 9), (29, 100, 31), (5, 40, 0),
            ])
        func packed(_ m: Int, _ n: Int, _ k: Int) {
            let a: [Float] = samples(m * k, in: -1...1), b: [Float] = samples(k * n, in: -1...1), c: [Float] = samples(m * n, in: -1...1)
            for (transposedA, transposedB) in [(false, false), (true, false), (false, true)] {
                let left = transposedA ? transposed(a, m, k) : a, right = transposedB ? transposed(b, k, n) : b
                for beta: Float in [0, 1, -0.5] {
                    // What is not read may be anything.
                    let start = beta == 0 ? [Float](repeating: .nan, count: m * n) : c
                    let want = reference(m, n, k, a, b).enumerated().map { 0.75 * $1 + (beta == 0 ? 0 : Double(beta) * Double(c[$0])) }
                    KernelTests.onEveryVariant { variant in
                        let (ma, mb, mc) = (Memory(left), Memory(right), Memory(start))
                        let packed = Memory([Float](repeating: .nan, count: hk_gemm_packed_bytes(Int64(k), Int64(n)) / 4))
                        withExtendedLifetime((ma, mb, packed)) {
                            hk_gemm_pack(
                                pointer(mb), Int64(transposedB ? 1 : n), Int64(transposedB ? k : 1), Int64(k), Int64(n), pointer(packed))
                            // In two parts, as threads would.
                            for (n0, n1) in [(0, min(n, 32)), (min(n, 32), n)] {
                                hk_gemm_packed(
                                    Int64(m), Int64(n0), Int64(n1), Int64(k), 0.75, pointer(ma), Int64(transposedA ? 1 : k),
                                    Int64(transposedA ? m : 1), pointer(packed), beta, pointer(mc), Int64(n))
                            }
                        }
                        expect(
                            mc.array(), want, k, "\(variant), \(m) x \(n) x \(k), transposed \(transposedA), \(transposedB), beta \(beta)")
                    }
                }
            }
        }

        @Test(
            "Products on the team, every way to read the right side",
            arguments: [
                (1, 300, 70), (1, 9, 40), (4, 130, 50), (9, 37, 65), (13, 20, 30), (28, 50, 20), (29, 50, 20), (100, 10, 90),
                (70, 130, 600),
                (300, 40, 7), (3, 4, 0), (90, 1, 50), (5, 1, 300), (1, 1, 3), (33, 40, 1100),
                // In blocks: parts of the depth, rows of a tile too few, several slabs of rows and of columns, tasks of unequal height.
                (131, 77, 523), (17, 520, 256), (2018, 33, 65), (20, 4117, 40), (171, 516, 129),
                // Few sums of many terms, read where they lie: tasks of 32 rows or fewer by 16 columns.
                (64, 64, 1024), (37, 48, 1100), (5, 16, 1027),
            ])
        func team(_ m: Int, _ n: Int, _ k: Int) {
            let a: [Float] = samples(2 * m * k, in: -1...1), b: [Float] = samples(k * n, in: -1...1), bias: [Float] = samples(n, in: -1...1)
            let halves = [Array(a.prefix(m * k)), Array(a.suffix(m * k))]
            let sums = halves.map { reference(m, n, k, $0, b) }
            // Closed at 0 and below, open at NaN.
            let gate: [Float] = samples(2 * m * n, in: -1...1).enumerated().map { $0 % 7 == 0 ? 0 : $0 % 7 == 1 ? .nan : $1 }
            for (transposedA, transposedB, hasBias) in [
                (false, false, true), (true, false, true), (false, true, true), (true, true, true), (false, false, false),
                (false, true, false),
                (true, false, false),
            ] {
                // With a bias and through a gate, or rectified.
                let want = sums.joined().enumerated().map { place, sum in
                    hasBias ? (gate[place] <= 0 ? 0 : sum + Double(bias[place % n])) : max(sum, 0)
                }
                let left = halves.flatMap { transposedA ? transposed($0, m, k) : $0 }
                let right = transposedB ? transposed(b, k, n) : b
                var packed: Memory?
                func run() -> [Float] {
                    let (ma, mb, mc, mv) = (Memory(left), Memory(right), Memory(repeating: Float.nan, count: 2 * m * n), Memory(bias))
                    let mg = Memory(gate)
                    withExtendedLifetime((ma, mb, mv, mg)) {
                        var product = hk_gemm_product()
                        product.batch_rank = 1
                        (product.batch_extents.0, product.a_batch.0, product.c_batch.0) = (2, Int64(m * k), Int64(m * n))
                        (product.m, product.n, product.k) = (Int64(m), Int64(n), Int64(k))
                        (product.a, product.a_row, product.a_column) = (
                            UnsafePointer(pointer(ma)), Int64(transposedA ? 1 : k), Int64(transposedA ? m : 1)
                        )
                        (product.b, product.b_row, product.b_column) = (
                            UnsafePointer(pointer(mb)), Int64(transposedB ? 1 : n), Int64(transposedB ? k : 1)
                        )
                        (product.c, product.c_row) = (pointer(mc), Int64(n))
                        product.bias = hasBias ? UnsafePointer(pointer(mv)) : nil
                        product.gate = hasBias ? UnsafePointer(pointer(mg)) : nil
                        product.relu = !hasBias
                        if let packed { product.packed = UnsafePointer(pointer(packed)) }
                        hk_gemm(&product)
                    }
                    return mc.array()
                }
                KernelTests.onEveryVariant { variant in
                    expect(run(), want, k, "\(variant), \(m) x \(n) x \(k), transposed \(transposedA), \(transposedB)")
                }
                _ = KernelTests.sameBits("\(m) x \(n) x \(k)", run)
                // The same with a right side that was packed before.
                let panels = Memory(repeating: Float.nan, count: Swift.max(hk_gemm_packed_bytes(Int64(k), Int64(n)) / 4, 1))
                let source = Memory(right)
                hk_gemm_pack(
                    pointer(source), Int64(transposedB ? 1 : n), Int64(transposedB ? k : 1), Int64(k), Int64(n), pointer(panels))
                packed = panels
                KernelTests.onEveryVariant { variant in expect(run(), want, k, "\(variant), \(m) x \(n) x \(k), packed") }
                _ = KernelTests.sameBits("\(m) x \(n) x \(k), packed", run)
            }
        }

        @Test(
            "Sums of the left side's rows come with the product",
            arguments: [
                // Packed: parts of the depth, tiles that are not full, two slabs of columns.
                (131, 77, 523), (257, 130, 300), (20, 4117, 40), (1000, 40, 61),
                // Not packed, or nothing to sum.
                (9, 12, 20), (33, 300, 250), (1, 40, 70), (70, 1, 30), (5, 4, 0),
            ])
        func leftSums(_ m: Int, _ n: Int, _ k: Int) {
            let a: [Float] = samples(m * k, in: -1...1), b: [Float] = samples(k * n, in: -1...1)
            let want = reference(m, n, k, a, b)
            let sums = (0..<m).map { i in a[i * k..<(i + 1) * k].reduce(0) { $0 + Double($1) } }
            for transposedA in [false, true] {
                let left = transposedA ? transposed(a, m, k) : a
                func run() -> [Float] {
                    let (ma, mb) = (Memory(left), Memory(b))
                    let (mc, ms) = (Memory(repeating: Float.nan, count: m * n), Memory(repeating: Float.nan, count: m))
                    withExtendedLifetime((ma, mb)) {
                        var product = hk_gemm_product()
                        (product.m, product.n, product.k) = (Int64(m), Int64(n), Int64(k))
                        (product.a, product.a_row, product.a_column) = (
                            UnsafePointer(pointer(ma)), Int64(transposedA ? 1 : k), Int64(transposedA ? m : 1)
                        )
                        (product.b, product.b_row, product.b_column) = (UnsafePointer(pointer(mb)), Int64(n), 1)
                        (product.c, product.c_row, product.a_sums) = (pointer(mc), Int64(n), pointer(ms))
                        hk_gemm(&product)
                    }
                    return mc.array() + ms.array()
                }
                KernelTests.onEveryVariant { variant in
                    expect(run(), want + sums, k, "\(variant), \(m) x \(n) x \(k), transposed \(transposedA)")
                }
                _ = KernelTests.sameBits("\(m) x \(n) x \(k)", run)
            }
        }

        @Test(
            "One row of many terms", arguments: [(64, 256), (128, 300), (256, 641), (70, 300), (1000, 257), (2048, 400), (2049, 300)])
        func longRow(_ n: Int, _ k: Int) {
            // Rows of the right side lie apart, with something else between them; so do the left side's terms.
            let a: [Float] = samples(k, in: -1...1), b: [Float] = samples(k * n, in: -1...1), bias: [Float] = samples(n, in: -1...1)
            let apart = a.flatMap { [$0, .nan] }
            let rows = (0..<k).flatMap { b[$0 * n..<($0 + 1) * n] + [Float](repeating: .nan, count: 3) }
            let gate: [Float] = samples(n, in: -1...1)
            let sums = reference(1, n, k, a, b)
            for hasBias in [false, true] {
                let want = sums.enumerated().map { hasBias ? (gate[$0] <= 0 ? 0 : $1 + Double(bias[$0])) : max($1, 0) }
                func run() -> [Float] {
                    let (ma, mb, mc) = (Memory(apart), Memory(rows), Memory(repeating: Float.nan, count: n))
                    let (mv, mg) = (Memory(bias), Memory(gate))
                    withExtendedLifetime((ma, mb, mv, mg)) {
                        var product = hk_gemm_product()
                        (product.m, product.n, product.k) = (1, Int64(n), Int64(k))
                        (product.a, product.a_row, product.a_column) = (UnsafePointer(pointer(ma)), Int64(2 * k), 2)
                        (product.b, product.b_row, product.b_column) = (UnsafePointer(pointer(mb)), Int64(n + 3), 1)
                        (product.c, product.c_row, product.relu) = (pointer(mc), Int64(n), !hasBias)
                        if hasBias { (product.bias, product.gate) = (UnsafePointer(pointer(mv)), UnsafePointer(pointer(mg))) }
                        hk_gemm(&product)
                    }
                    return mc.array()
                }
                KernelTests.onEveryVariant { variant in expect(run(), want, k, "\(variant), 1 x \(n) x \(k), bias \(hasBias)") }
                _ = KernelTests.sameBits("1 x \(n) x \(k)", run)
            }
        }

        private func pointer(_ memory: Memory) -> UnsafeMutablePointer<Float> { memory.start.assumingMemoryBound(to: Float.self) }

        private func transposed(_ x: [Float], _ rows: Int, _ columns: Int) -> [Float] {
            (0..<rows * columns).map { x[$0 % rows * columns + $0 / rows] }
        }

        private func reference(_ m: Int, _ n: Int, _ k: Int, _ a: [Float], _ b: [Float]) -> [Double] {
            var c = [Double](repeating: 0, count: m * n)
            for i in 0..<m { for l in 0..<k { for j in 0..<n { c[i * n + j] += Double(a[i * k + l]) * Double(b[l * n + j]) } } }
            return c
        }

        private func expect(_ got: [Float], _ want: [Double], _ k: Int, _ what: String) {
            let tolerance = 3e-7 * Double(k + 1).squareRoot() * 4
            let worst = zip(got, want).map { abs(Double($0) - $1) }.max { $1.isNaN || $0 < $1 } ?? 0
            #expect(got.count == want.count && worst <= tolerance, "\(what): off by \(worst)")
        }
    }
}
