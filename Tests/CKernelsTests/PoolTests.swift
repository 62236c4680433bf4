import CKernels
import Testing

extension KernelTests {
    @Suite("Pooling") struct Pool {
        /// One way to pool, and what it says of windows.
        struct Case: Sendable {
            var planes: Int = 2
            var height: Int
            var width: Int
            var kernel: (Int, Int)
            var stride: (Int, Int)
            /// Top, left, bottom, right.
            var pad: (Int, Int, Int, Int) = (0, 0, 0, 0)
            var dilation: (Int, Int) = (1, 1)
            var out: (Int, Int) {
                (
                    (height + pad.0 + pad.2 - dilation.0 * (kernel.0 - 1) - 1) / stride.0 + 1,
                    (width + pad.1 + pad.3 - dilation.1 * (kernel.1 - 1) - 1) / stride.1 + 1
                )
            }
            func pool(includePadding: Bool = false) -> hk_pool {
                var p = hk_pool()
                (p.planes, p.height, p.width) = (Int64(planes), Int64(height), Int64(width))
                (p.out_height, p.out_width) = (Int64(out.0), Int64(out.1))
                (p.kernel_height, p.kernel_width, p.stride_height, p.stride_width) = (
                    Int64(kernel.0), Int64(kernel.1), Int64(stride.0), Int64(stride.1)
                )
                (p.dilation_height, p.dilation_width) = (Int64(dilation.0), Int64(dilation.1))
                (p.pad_top, p.pad_left, p.pad_bottom, p.pad_right) = (Int64(pad.0), Int64(pad.1), Int64(pad.2), Int64(pad.3))
                p.include_padding = includePadding
                return p
            }
            /// For each output its places on its plane, in order.
            func windows() -> [[Int]] {
                var all: [[Int]] = []
                for i in 0..<out.0 {
                    for j in 0..<out.1 {
                        var places: [Int] = []
                        for k in 0..<kernel.0 {
                            for l in 0..<kernel.1 {
                                let row = i * stride.0 - pad.0 + k * dilation.0, column = j * stride.1 - pad.1 + l * dilation.1
                                if row >= 0 && row < height && column >= 0 && column < width { places.append(row * width + column) }
                            }
                        }
                        all.append(places)
                    }
                }
                return all
            }
        }

        static let cases: [Case] = [
            Case(height: 8, width: 8, kernel: (2, 2), stride: (2, 2)), Case(height: 28, width: 70, kernel: (2, 2), stride: (2, 2)),
            Case(height: 9, width: 35, kernel: (2, 2), stride: (2, 2)), Case(height: 2, width: 2, kernel: (2, 2), stride: (2, 2)),
            Case(planes: 600, height: 24, width: 24, kernel: (2, 2), stride: (2, 2)),
            Case(height: 11, width: 13, kernel: (3, 3), stride: (2, 2), pad: (1, 1, 1, 1)),
            Case(height: 7, width: 50, kernel: (3, 2), stride: (1, 1)),
            Case(height: 12, width: 12, kernel: (3, 3), stride: (1, 1), pad: (2, 2, 2, 2)),
            Case(height: 20, width: 21, kernel: (2, 3), stride: (3, 4), pad: (0, 2, 1, 0)),
            Case(height: 15, width: 40, kernel: (3, 3), stride: (1, 2), pad: (1, 2, 1, 2), dilation: (2, 3)),
            Case(height: 1, width: 1, kernel: (1, 1), stride: (1, 1)),
            Case(height: 3, width: 3, kernel: (2, 2), stride: (2, 2), pad: (2, 2, 2, 2)),  // windows of padding only
            Case(planes: 0, height: 4, width: 4, kernel: (2, 2), stride: (2, 2)),
            Case(height: 6, width: 90, kernel: (6, 90), stride: (1, 1)),
        ]

        @Test("Maximum: value, selection, scatter; ties go to the first, NaN wins", arguments: cases.indices)
        func maximum(_ index: Int) {
            maximum(Self.cases[index], Float.self)
            maximum(Self.cases[index], Double.self)
        }

        func maximum<T: Element & BinaryFloatingPoint>(_ test: Case, _: T.Type) {
            let inside = test.height * test.width, outside = test.out.0 * test.out.1
            // Few different values, so that there are ties.
            let x = (samples(test.planes * inside, in: -3...3, special: [T.nan, 1, 1, -.infinity, 1, 2, 2, 2, 2]) as [T]).map {
                $0.rounded()
            }
            let v: [T] = samples(x.count, in: -1...1), dy: [T] = samples(test.planes * outside, in: -1...1)
            var y: [T] = [], selected: [T] = [], dx = [T](repeating: 0, count: x.count), passed = dx
            for plane in 0..<test.planes {
                for (o, places) in test.windows().enumerated() {
                    var best = -1
                    for place in places {
                        let value = x[plane * inside + place]
                        if best < 0 || value > x[best] || (value.isNaN && !x[best].isNaN) { best = plane * inside + place }
                    }
                    y.append(best < 0 ? -.infinity : x[best])
                    selected.append(best < 0 ? 0 : v[best])
                    if best >= 0 { dx[best] += dy[plane * outside + o] }
                    if best >= 0, !(x[best] <= 0) { passed[best] += dy[plane * outside + o] }
                }
            }
            let type = Int32(T.type)
            KernelTests.onEveryVariant { variant in
                var pool = test.pool()
                let mx = Memory(x), mv = Memory(v), mdy = Memory(dy)
                let my = Memory(repeating: T(9), count: y.count), ms = Memory(repeating: T(9), count: y.count),
                    mdx = Memory(repeating: T(9), count: x.count)
                withExtendedLifetime((mx, mv, mdy)) {
                    hk_maxpool(type, &pool, mx.start, my.start)
                    hk_maxpool_select(type, &pool, mx.start, mv.start, ms.start)
                    hk_maxpool_scatter(type, &pool, mx.start, mdy.start, mdx.start)
                }
                let same = zip(my.array(T.self), y).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
                #expect(same && my.array(T.self).count == y.count, "\(variant), \(test)")
                #expect(ms.array() == selected, "\(variant), \(test)")
                #expect(mdx.array() == dx, "\(variant), \(test)")
                pool.rectified = true
                withExtendedLifetime((mx, mdy)) { hk_maxpool_scatter(type, &pool, mx.start, mdy.start, mdx.start) }
                #expect(mdx.array() == passed, "\(variant), \(test), rectified")
            }
        }

        @Test("Average and its gradient, with and without counting padding", arguments: cases.indices, [false, true])
        func average(_ index: Int, _ includePadding: Bool) {
            let test = Self.cases[index]
            guard test.dilation == (1, 1) else { return }
            let inside = test.height * test.width, outside = test.out.0 * test.out.1
            let x: [Double] = samples(test.planes * inside, in: -3...3), dy: [Double] = samples(test.planes * outside, in: -1...1)
            var y: [Double] = [], dx = [Double](repeating: 0, count: x.count)
            for plane in 0..<test.planes {
                for (o, places) in test.windows().enumerated() {
                    // Windows reach beyond the padding nowhere here, so a padded window always counts whole.
                    let count = Double(includePadding ? test.kernel.0 * test.kernel.1 : places.count)
                    y.append(places.isEmpty ? 0 : places.reduce(0) { $0 + x[plane * inside + $1] } / count)
                    for place in places { dx[plane * inside + place] += dy[plane * outside + o] / count }
                }
            }
            func near(_ a: [Double], _ b: [Double], _ tolerance: Double) -> Bool {
                a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
            }
            KernelTests.onEveryVariant { variant in
                var pool = test.pool(includePadding: includePadding)
                let mx = Memory(x), mdy = Memory(dy), my = Memory(repeating: 9.0, count: y.count),
                    mdx = Memory(repeating: 9.0, count: x.count)
                let fx = Memory(x.map(Float.init)), fdy = Memory(dy.map(Float.init)), fy = Memory(repeating: Float(9), count: y.count),
                    fdx = Memory(repeating: Float(9), count: x.count)
                withExtendedLifetime((mx, mdy, fx, fdy)) {
                    hk_avgpool(Int32(Double.type), &pool, mx.start, my.start)
                    hk_avgpool_gradient(Int32(Double.type), &pool, mdy.start, mdx.start)
                    hk_avgpool(Int32(Float.type), &pool, fx.start, fy.start)
                    hk_avgpool_gradient(Int32(Float.type), &pool, fdy.start, fdx.start)
                }
                #expect(near(my.array(), y, 1e-13) && near(mdx.array(), dx, 1e-13), "\(variant), \(test)")
                #expect(
                    near(fy.array(Float.self).map(Double.init), y, 2e-6) && near(fdx.array(Float.self).map(Double.init), dx, 2e-6),
                    "\(variant), \(test)")
            }
        }

        @Test("Divisor of a window that reaches beyond the padding, as with rounded-up output sizes")
        func beyond() {
            var pool = Case(planes: 1, height: 3, width: 3, kernel: (2, 2), stride: (2, 2)).pool(includePadding: true)
            (pool.out_height, pool.out_width) = (2, 2)
            let x = Memory((1...9).map(Float.init)), y = Memory(repeating: Float(0), count: 4)
            withExtendedLifetime(x) { hk_avgpool(Int32(Float.type), &pool, x.start, y.start) }
            #expect(y.array() == [3, 4.5, 7.5, 9] as [Float])
        }
    }
}
