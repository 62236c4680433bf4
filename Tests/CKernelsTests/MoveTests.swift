import CKernels
import Testing

extension KernelTests {
    @Suite("Moving elements") struct Move {
        /// Extents, input strides, input offset, output strides, output offset.
        static let cases: [([Int], [Int], Int, [Int], Int)] = [
            ([1000], [1], 0, [1], 0), ([0, 5], [5, 1], 0, [5, 1], 0), ([], [], 0, [], 0), ([1, 1], [3, 9], 2, [1, 1], 0),
            ([64, 64], [1, 64], 0, [64, 1], 0), ([100, 37], [1, 100], 0, [37, 1], 0), ([7, 9], [1, 7], 0, [9, 1], 0),
            ([3, 500], [1, 3], 0, [500, 1], 0),
            ([130, 200], [1, 130], 0, [210, 1], 5), ([513, 1025], [1, 513], 0, [1025, 1], 0),
            ([2, 3, 40, 50], [6000, 2000, 1, 40], 0, [6000, 2000, 50, 1], 0),  // matrices in a batch
            ([2, 30, 40, 5], [6000, 5, 150, 1], 0, [6000, 200, 5, 1], 0),  // heads change places with time
            ([2, 20, 30, 16], [9600, 1, 320, 20], 0, [9600, 480, 16, 1], 0),  // channels first to channels last
            ([50, 60], [0, 1], 0, [60, 1], 0), ([50, 60], [1, 0], 0, [60, 1], 0), ([50, 60], [0, 0], 3, [60, 1], 0),  // broadcasts
            ([50, 60], [-60, -1], 2999, [60, 1], 0), ([50, 60], [60, -1], 59, [60, 1], 0), ([50, 60], [60, 1], 0, [-60, 1], 2940),
            ([50, 60], [60, 1], 0, [1, 50], 0), ([50, 30], [60, 2], 0, [30, 1], 0), ([50, 30], [30, 1], 0, [60, 2], 0),
            ([5, 4, 3, 2, 3, 2, 2, 2], [1, 5, 20, 60, 120, 360, 720, 1440], 0, [576, 144, 48, 24, 8, 4, 2, 1], 0),
            ([300_000], [2], 0, [1], 0),
        ]

        @Test("Strided copies of 1, 2, 4 and 8 bytes", arguments: cases.indices)
        func copies(_ index: Int) {
            let (extents, from, start, to, first) = Self.cases[index]
            func check<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) {
                let x = (0..<700_000).map { T(truncatingIfNeeded: $0 &* 2_654_435_761) }
                var want = [T](repeating: 77, count: 600_000)
                for flat in 0..<extents.reduce(1, *) {
                    var rest = flat, a = start, b = first
                    for axis in extents.indices.reversed() {
                        a += rest % extents[axis] * from[axis]
                        b += rest % extents[axis] * to[axis]
                        rest /= extents[axis]
                    }
                    want[b] = x[a]
                }
                let size = MemoryLayout<T>.size
                KernelTests.onEveryVariant { variant in
                    let input = Memory(x), output = Memory(repeating: T(77), count: want.count)
                    withExtendedLifetime(input) {
                        hk_strided_copy(
                            Int32(size), Int32(extents.count), extents.map(Int64.init), input.start + start * size, from.map(Int64.init),
                            output.start + first * size, to.map(Int64.init))
                    }
                    #expect(output.array() == want, "\(variant), \(T.self), \(extents): \(from) to \(to)")
                }
            }
            check(UInt8.self)
            check(UInt16.self)
            check(UInt32.self)
            check(UInt64.self)
        }

        @Test("Fill and iota", arguments: KernelTests.lengths)
        func fill(_ n: Int) {
            KernelTests.onEveryVariant { _ in
                func check<T: BitwiseCopyable & Equatable & FixedWidthInteger>(_ value: T) {
                    let output = Memory(repeating: T(0), count: n)
                    withUnsafePointer(to: value) { hk_fill(Int32(MemoryLayout<T>.size), $0, output.start, Int64(n)) }
                    #expect(output.array() == [T](repeating: value, count: n))
                }
                check(UInt8(200))
                check(UInt16(40_001))
                check(UInt32(3_000_000_001))
                check(UInt64.max - 5)
                func iota<T: Element>(_ zero: T, _ value: (Int) -> T) {
                    let output = Memory(repeating: zero, count: n)
                    hk_iota(Int32(T.type), 3, -2, output.start, Int64(n))
                    #expect(output.array() == (0..<n).map(value))
                }
                iota(Float(0)) { Float(3 - 2 * Double($0)) }
                iota(Double(0)) { 3 - 2 * Double($0) }
                iota(Int32(0)) { Int32(3 - 2 * $0) }
                iota(Int64(0)) { Int64(3 - 2 * $0) }
                iota(UInt8(0)) { UInt8(truncatingIfNeeded: 3 - 2 * $0) }
            }
        }
    }

    @Suite("Rows by index") struct Index {
        @Test("Gather: rows of every width, clamped indices, the first bad place", arguments: [1, 2, 3, 16, 300])
        func gather(_ width: Int) {
            let rows = 40, table: [Float] = samples(rows * width, in: -1...1)
            for n in [0, 1, 17, 3000] {
                let good: [Int64] = samples(n, in: 0...39)
                KernelTests.onEveryVariant { variant in
                    for bad in [false, true] where n > 0 || !bad {
                        var indices = good
                        if bad { (indices[n - 1], indices[n / 2]) = (40, -3) }
                        // Rows beside each other, and some elements apart.
                        let pitch = bad ? width + 3 : width
                        let input = Memory(table), output = Memory(repeating: Float(9), count: n * pitch)
                        let wide = Memory(indices), narrow = Memory(indices.map(Int32.init))
                        let want = indices.flatMap { i in
                            table[max(0, min(39, Int(i))) * width..<(max(0, min(39, Int(i))) + 1) * width]
                                + [Float](repeating: 9, count: pitch - width)
                        }
                        withExtendedLifetime((input, wide, narrow)) {
                            for (type, memory) in [(Int64.type, wide), (Int32.type, narrow)] {
                                let place = hk_gather_rows(
                                    4, input.start, Int64(rows), Int64(width), Int32(type), memory.start, Int64(n), output.start,
                                    Int64(pitch))
                                #expect(place == (bad ? Int64(n / 2) : -1))
                                #expect(output.array() == want, "\(variant), width \(width), n \(n)")
                            }
                        }
                    }
                }
            }
        }

        @Test("Scatter adds in the order of the indices, and skips bad ones", arguments: [1, 5, 16, 33, 700])
        func scatter(_ width: Int) {
            let rows = 13, n = 2000
            let indices: [Int32] = samples(n, in: -1...13), updates: [Float] = samples(n * width, in: -1...1)
            var want = [Float](repeating: 0.25, count: rows * width)
            for (i, row) in indices.enumerated() where row >= 0 && row < 13 {
                for j in 0..<width { want[Int(row) * width + j] += updates[i * width + j] }
            }
            func run<T: Element>(_ start: T, _ updates: [T]) -> [T] {
                let table = Memory(repeating: start, count: rows * width), input = Memory(updates), places = Memory(indices)
                let bad = withExtendedLifetime((input, places)) {
                    hk_scatter_add_rows(
                        Int32(T.type), table.start, Int64(rows), Int64(width), Int32(Int32.type), places.start, Int64(n), input.start)
                }
                #expect(bad == Int64(indices.firstIndex { $0 < 0 || $0 > 12 }!))
                return table.array()
            }
            KernelTests.onEveryVariant { variant in
                #expect(run(Float(0.25), updates) == want, "\(variant), width \(width)")
                #expect(run(Int64(0), updates.map { Int64($0 * 100) }).count == rows * width)
            }
            _ = KernelTests.sameBits("scatter") { run(Float(0.25), updates) }
        }
    }
}
