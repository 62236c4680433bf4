import CKernels
import Testing

extension KernelTests {
    /// Against sums in double precision of operands rounded by the obvious rule.
    @Suite("Matrix products of bf16") struct Bf16Gemm {
        /// What a product reads and writes.
        struct Kind: CustomTestStringConvertible {
            var a = Float.type, b = Float.type, c = Float.type
            var isLeftTransposed = false, isRightTransposed = false
            /// Elements from one to the next along the contiguous axis.
            var step = 1
            var hasBias = false, hasRelu = false, isPacked = false, sharesRight = true

            var testDescription: String {
                "types \(a) \(b) \(c), transposed \(isLeftTransposed) \(isRightTransposed), step \(step), packed \(isPacked), shares \(sharesRight)"
            }
        }

        static let half = UInt8(hk_type_bf16.rawValue)
        static let kinds = [
            Kind(hasBias: true), Kind(isLeftTransposed: true, hasRelu: true), Kind(isRightTransposed: true, isPacked: true),
            Kind(isLeftTransposed: true, isRightTransposed: true, sharesRight: false), Kind(step: 2, isPacked: true),
            Kind(isLeftTransposed: true, isRightTransposed: true, step: 3, hasBias: true, hasRelu: true),
            Kind(a: half, b: half, c: half, hasBias: true), Kind(a: half, isLeftTransposed: true, isRightTransposed: true),
            Kind(a: half, b: half, isRightTransposed: true, isPacked: true, sharesRight: true),
            Kind(b: half, c: half, isLeftTransposed: true, hasRelu: true, sharesRight: false), Kind(a: half, b: half, step: 2),
        ]

        @Test(
            "Around the edges of tiles, panels and parts",
            arguments: [
                (1, 1, 1), (1, 200, 33), (2, 64, 5), (3, 17, 70), (7, 33, 12), (14, 32, 64), (15, 47, 9), (29, 100, 31), (5, 40, 0),
                (130, 70, 50), (33, 40, 2100),
            ])
        func products(_ m: Int, _ n: Int, _ k: Int) {
            for kind in Self.kinds {
                let a: [Float] = samples(2 * m * k, in: -1...1), bias: [Float] = samples(n, in: -1...1)
                let b: [Float] = samples((kind.sharesRight ? 1 : 2) * k * n, in: -1...1).reversed()
                var want = [Double](repeating: 0, count: 2 * m * n)
                let (ra, rb) = (a.map { Double(value(rounded($0))) }, b.map { Double(value(rounded($0))) })
                for batch in 0..<2 {
                    for i in 0..<m {
                        for j in 0..<n {
                            var sum = kind.hasBias ? Double(bias[j]) : 0
                            for l in 0..<k { sum += ra[(batch * m + i) * k + l] * rb[((kind.sharesRight ? 0 : batch) * k + l) * n + j] }
                            want[(batch * m + i) * n + j] = kind.hasRelu ? max(sum, 0) : sum
                        }
                    }
                }
                let tolerance = 1.2e-6 * Double(k + 1).squareRoot()
                func run() -> [Float] { multiply(kind, m, n, k, a, b, bias) }
                KernelTests.onEveryVariant { variant in
                    let got = run()
                    let isClose = zip(got, want).allSatisfy { got, want in
                        (Double(got) - want).magnitude <= tolerance + (kind.c == Self.half ? want.magnitude / 256 : 0)
                    }
                    #expect(got.count == want.count && isClose, "\(variant), \(m) x \(n) x \(k), \(kind.testDescription)")
                }
                _ = KernelTests.sameBits("\(m) x \(n) x \(k), \(kind.testDescription)", run)
            }
        }

        @Test("Infinity and NaN stay in their row and column")
        func specialValues() {
            let (m, n, k) = (20, 40, 33)
            var a = [Float](repeating: 1, count: 2 * m * k)
            a[3 * k + 32] = .infinity
            a[5 * k] = .nan
            let b = [Float](repeating: 0.5, count: k * n)
            KernelTests.onEveryVariant { variant in
                let c = multiply(Kind(hasRelu: true), m, n, k, a, b, [])
                #expect(c[3 * n..<4 * n].allSatisfy { $0 == .infinity } && c[5 * n..<6 * n].allSatisfy(\.isNaN), "\(variant)")
                #expect(c[..<(3 * n)].allSatisfy { $0 == 16.5 } && c[(6 * n)...].allSatisfy { $0 == 16.5 }, "\(variant)")
            }
        }

        /// The nearest bf16, ties to even.
        private func rounded(_ x: Float) -> UInt16 {
            UInt16(truncatingIfNeeded: (x.bitPattern + 0x7fff + (x.bitPattern >> 16 & 1)) >> 16)
        }
        private func value(_ x: UInt16) -> Float { Float(bitPattern: UInt32(x) << 16) }

        /// Two products of row-major matrices, the way `kind` says; `b` is one matrix or two.
        private func multiply(_ kind: Kind, _ m: Int, _ n: Int, _ k: Int, _ a: [Float], _ b: [Float], _ bias: [Float]) -> [Float] {
            let left = operand(a, m, k, isTransposed: kind.isLeftTransposed, kind.a, kind.step)
            let right = operand(b, k, n, isTransposed: kind.isRightTransposed, kind.b, kind.step)
            let count = 2 * m * n
            let c = kind.c == Self.half ? Memory(repeating: UInt16(0x7fff), count: count) : Memory(repeating: Float.nan, count: count)
            let offsets = Memory(bias)
            let packed = Memory(repeating: UInt8(0xff), count: hk_bf16_gemm_packed_bytes(Int64(k), Int64(n)))
            var product = hk_bf16_gemm_product()
            product.batch_rank = 1
            product.batch_extents.0 = 2
            (product.m, product.n, product.k) = (Int64(m), Int64(n), Int64(k))
            (product.a_type, product.b_type, product.c_type) = (Int32(kind.a), Int32(kind.b), Int32(kind.c))
            (product.a, product.b, product.c) = (UnsafeRawPointer(left.start), UnsafeRawPointer(right.start), c.start)
            let step = Int64(kind.step)
            (product.a_row, product.a_column) = kind.isLeftTransposed ? (step, step * Int64(m)) : (step * Int64(k), step)
            (product.b_row, product.b_column) = kind.isRightTransposed ? (step, step * Int64(k)) : (step * Int64(n), step)
            product.a_batch.0 = step * Int64(m * k)
            product.b_batch.0 = kind.sharesRight ? 0 : step * Int64(k * n)
            (product.c_batch.0, product.c_row) = (Int64(m * n), Int64(n))
            product.relu = kind.hasRelu
            return withExtendedLifetime((left, right, offsets, packed)) {
                if kind.hasBias { product.bias = UnsafePointer(offsets.start.assumingMemoryBound(to: Float.self)) }
                if kind.isPacked {
                    hk_bf16_gemm_pack(
                        product.b_type, product.b, product.b_row, product.b_column, Int64(k), Int64(n), packed.start)
                    (product.packed, product.b) = (UnsafeRawPointer(packed.start), nil)
                }
                hk_bf16_gemm(&product)
                _ = packed.array(UInt8.self)
                return kind.c == Self.half ? c.array(UInt16.self).map(value) : c.array(Float.self)
            }
        }

        /// Matrices as they lie in memory.
        private func operand(_ x: [Float], _ rows: Int, _ columns: Int, isTransposed: Bool, _ type: UInt8, _ step: Int) -> Memory {
            var laidOut = [Float](repeating: .nan, count: x.count * step)
            for (index, value) in x.enumerated() {
                let (matrix, row, column) = (index / (rows * columns), index / columns % rows, index % columns)
                let place = matrix * rows * columns + (isTransposed ? column * rows + row : row * columns + column)
                laidOut[place * step] = value
            }
            return type == Self.half ? Memory(laidOut.map { $0.isNaN ? 0x7fff : rounded($0) }) : Memory(laidOut)
        }
    }
}
