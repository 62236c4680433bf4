import CKernels
import Testing

extension KernelTests {
    /// Pooling of channels in blocks against the kernels of row-major planes, which have loops of their own to answer to.
    @Suite("Pooling in blocks") struct PoolInBlocks {
        static let cases: [Pool.Case] =
            Pool.cases.filter { $0.dilation == (1, 1) && $0.kernel.0 * $0.kernel.1 <= 127 && $0.planes < 100 } + [
                Pool.Case(height: 9, width: 7, kernel: (2, 2), stride: (2, 2), pad: (1, 1, 1, 1)),
                Pool.Case(height: 12, width: 15, kernel: (3, 3), stride: (2, 2)),
                Pool.Case(height: 2, width: 2, kernel: (3, 3), stride: (2, 2), pad: (1, 1, 1, 1)),
                Pool.Case(height: 1, width: 5, kernel: (3, 3), stride: (2, 2), pad: (1, 1, 1, 1)),
                Pool.Case(height: 8, width: 9, kernel: (3, 3), stride: (3, 3), pad: (1, 1, 1, 1)),
                Pool.Case(height: 14, width: 14, kernel: (11, 11), stride: (4, 4), pad: (5, 5, 5, 5)),
                Pool.Case(planes: 40, height: 23, width: 30, kernel: (3, 3), stride: (2, 2), pad: (1, 1, 1, 1)),
                Pool.Case(planes: 0, height: 8, width: 8, kernel: (3, 3), stride: (2, 2)),
            ]

        /// Planes of blocks from `block` times as many row-major planes of `size` elements, or back.
        static func blocked(_ plain: [Float], _ block: Int, _ size: Int) -> [Float] {
            plain.indices.map { at in
                let (plane, rest) = (at / (size * block), at % (size * block))
                return plain[(plane * block + rest % block) * size + rest / block]
            }
        }

        static func areSame(_ a: [Float], _ b: [Float]) -> Bool {
            a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
        }

        @Test("Maximum and its gradient, with and without a rectifier before it", arguments: cases.indices, [8, 16])
        func maximum(_ index: Int, _ block: Int) {
            var test = Self.cases[index]
            var (pool, whole) = (test.pool(), test.pool())
            test.planes *= block
            whole.planes *= Int64(block)
            let (inside, outside) = (test.height * test.width, test.out.0 * test.out.1)
            let special: [Float] = [.nan, 1, 1, 0, 0, -0.0, -.infinity, 1, 2, 2, 2, 2]
            let x = (samples(test.planes * inside, in: -3...1, special: special) as [Float]).map { $0.rounded() }
            let dy: [Float] = samples(test.planes * outside, in: -1...1)
            let (mx, mdy) = (Memory(x), Memory(dy))
            let (bx, bdy) = (Memory(Self.blocked(x, block, inside)), Memory(Self.blocked(dy, block, outside)))
            KernelTests.onEveryVariant { variant in
                let wanted = Memory(repeating: Float(9), count: dy.count), gradient = Memory(repeating: Float(9), count: x.count)
                let y = Memory(repeating: Float(9), count: dy.count), recorded = Memory(repeating: Float(9), count: dy.count)
                let places = Memory(repeating: UInt8(200), count: dy.count), dx = Memory(repeating: Float(9), count: x.count)
                hk_maxpool(Int32(Float.type), &whole, mx.start, wanted.start)
                hk_maxpool_blocked(&pool, Int64(block), bx.floats, y.floats, nil)
                hk_maxpool_blocked(&pool, Int64(block), bx.floats, recorded.floats, places.bytes)
                let expected = Self.blocked(wanted.array(), block, outside)
                #expect(Self.areSame(y.array(), expected), "\(variant), \(test)")
                #expect(Self.areSame(recorded.array(), expected), "\(variant), \(test), recorded")
                for isRectified in [false, true] {
                    (pool.rectified, whole.rectified) = (isRectified, isRectified)
                    hk_maxpool_scatter(Int32(Float.type), &whole, mx.start, mdy.start, gradient.start)
                    hk_maxpool_blocked_gradient(&pool, Int64(block), places.bytes, bdy.floats, dx.floats)
                    #expect(dx.array() == Self.blocked(gradient.array(), block, inside), "\(variant), \(test), rectified \(isRectified)")
                }
                _ = places.array(UInt8.self)
            }
            withExtendedLifetime((mx, mdy, bx, bdy)) {}
        }

        @Test("Average and its gradient", arguments: cases.indices, [8, 16])
        func average(_ index: Int, _ block: Int) {
            var test = Self.cases[index]
            for includePadding in [false, true] {
                var (pool, whole) = (test.pool(includePadding: includePadding), test.pool(includePadding: includePadding))
                test.planes = Int(pool.planes) * block
                whole.planes *= Int64(block)
                let (inside, outside) = (test.height * test.width, test.out.0 * test.out.1)
                let x: [Float] = samples(test.planes * inside, in: -3...3), dy: [Float] = samples(test.planes * outside, in: -1...1)
                let (mx, mdy) = (Memory(x), Memory(dy))
                let (bx, bdy) = (Memory(Self.blocked(x, block, inside)), Memory(Self.blocked(dy, block, outside)))
                KernelTests.onEveryVariant { variant in
                    let wanted = Memory(repeating: Float(9), count: dy.count), gradient = Memory(repeating: Float(9), count: x.count)
                    let y = Memory(repeating: Float(9), count: dy.count), dx = Memory(repeating: Float(9), count: x.count)
                    hk_avgpool(Int32(Float.type), &whole, mx.start, wanted.start)
                    hk_avgpool_gradient(Int32(Float.type), &whole, mdy.start, gradient.start)
                    hk_avgpool_blocked(&pool, Int64(block), bx.floats, y.floats)
                    hk_avgpool_blocked_gradient(&pool, Int64(block), bdy.floats, dx.floats)
                    for (got, expected) in [
                        (y, Self.blocked(wanted.array(), block, outside)), (dx, Self.blocked(gradient.array(), block, inside)),
                    ] {
                        let values = got.array(Float.self)
                        #expect(
                            zip(values, expected).allSatisfy { abs($0 - $1) <= 4e-6 * max(1, abs($1)) },
                            "\(variant), \(test), padding counts: \(includePadding)")
                    }
                }
                withExtendedLifetime((mx, mdy, bx, bdy)) {}
            }
        }

        @Test("Results too large for the caches; the same bits on one, two and three threads")
        func large() {
            // 17 MiB of gradient, written past the caches.
            let test = Pool.Case(planes: 9, height: 175, width: 177, kernel: (3, 3), stride: (2, 2), pad: (1, 1, 1, 1))
            var (pool, block) = (test.pool(), 16)
            let inside = test.planes * test.height * test.width * block, outside = test.planes * test.out.0 * test.out.1 * block
            let x = Memory((0..<inside).map { Float(($0 * 7919) % 1013) }), dy = Memory((0..<outside).map { Float(($0 * 31) % 97) })
            let places = Memory(repeating: UInt8(0), count: outside), y = Memory(repeating: Float(0), count: outside)
            let dx = KernelTests.sameBits("maximum's gradient") {
                let dx = Memory(repeating: Float(9), count: inside)
                hk_maxpool_blocked(&pool, Int64(block), x.floats, y.floats, places.bytes)
                hk_maxpool_blocked_gradient(&pool, Int64(block), places.bytes, dy.floats, dx.floats)
                return dx.array(Float.self)
            }
            let spread = KernelTests.sameBits("average's gradient") {
                let dx = Memory(repeating: Float(9), count: inside)
                hk_avgpool_blocked_gradient(&pool, Int64(block), dy.floats, dx.floats)
                return dx.array(Float.self)
            }
            // All that came in went out: of whole numbers sums are exact.
            let total = dy.array(Float.self).reduce(0) { $0 + Double($1) }
            #expect(dx.reduce(0) { $0 + Double($1) } == total)
            #expect(abs(spread.reduce(0) { $0 + Double($1) } / total - 1) < 1e-5)
            block = 8
            #expect(hk_pools_blocked(&pool, Int64(block)) && !hk_pools_blocked(&pool, 4))
            pool.kernel_width = 60
            #expect(!hk_pools_blocked(&pool, 16), "a byte does not tell 180 places apart")
        }
    }
}

extension Memory {
    fileprivate var floats: UnsafeMutablePointer<Float> { start.assumingMemoryBound(to: Float.self) }
    fileprivate var bytes: UnsafeMutablePointer<UInt8> { start.assumingMemoryBound(to: UInt8.self) }
}
