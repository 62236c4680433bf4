import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Reductions") struct Reduce {
        /// A reduction by the kernels; `offset` is the place of the first element.
        static func reduce<T: Element>(
            _ op: hk_reduction, _ x: [T], _ extents: [Int], _ strides: [Int], _ axes: Set<Int>, type: UInt8 = T.type, offset: Int = 0,
            isInterleaved: Bool = false
        ) -> [T] {
            let outputs = extents.indices.filter { !axes.contains($0) }.reduce(1) { $0 * extents[$1] }
            let output = Memory(repeating: T.zero, count: outputs), input = Memory(x)
            withExtendedLifetime(input) {
                hk_reduce(
                    Int32(op.rawValue), Int32(type), Int32(extents.count), extents.map(Int64.init), strides.map(Int64.init),
                    extents.indices.map { axes.contains($0) }, isInterleaved, input.start + offset * MemoryLayout<T>.stride, output.start)
            }
            return output.array()
        }

        /// The elements that fall into each output.
        static func groups<T>(_ x: [T], _ extents: [Int], _ strides: [Int], _ axes: Set<Int>, offset: Int = 0) -> [[T]] {
            let kept = extents.indices.filter { !axes.contains($0) }
            var groups = [[T]](repeating: [], count: kept.reduce(1) { $0 * extents[$1] })
            for flat in 0..<extents.reduce(1, *) {
                var rest = flat, at = offset, group = 0, scale = 1
                for axis in extents.indices.reversed() {
                    let place = rest % extents[axis]
                    rest /= extents[axis]
                    at += place * strides[axis]
                    if !axes.contains(axis) {
                        group += place * scale
                        scale *= extents[axis]
                    }
                }
                groups[group].append(x[at])
            }
            return groups
        }

        static func dense(_ extents: [Int]) -> [Int] {
            extents.indices.map { axis in extents[(axis + 1)...].reduce(1, *) }
        }

        /// Extents, strides (dense if nil), reduced axes.
        static let shapes: [(extents: [Int], strides: [Int]?, axes: Set<Int>, offset: Int)] = [
            ([1000], nil, [0], 0), ([1], nil, [0], 0), ([15], nil, [0], 0), ([17], nil, [0], 0), ([300_001], nil, [0], 0),
            ([37, 10], nil, [1], 0), ([37, 10], nil, [0], 0), ([3000, 10], nil, [0], 0), ([3007, 33], nil, [0], 0),
            ([700, 600], nil, [0], 0),
            ([700, 600], nil, [1], 0), ([40, 70], nil, [0, 1], 0), ([4, 3, 5, 6], nil, [0, 2, 3], 0),
            ([8, 16, 40, 40], nil, [0, 2, 3], 0),
            ([4, 3, 5, 6], nil, [1], 0), ([4, 3, 5, 6], nil, [0, 2], 0), ([4, 3, 5, 6], nil, [], 0), ([6, 1, 7], nil, [1], 0),
            ([50, 40], [1, 50], [0], 0), ([50, 40], [1, 50], [1], 0), ([50, 40], [2, 100], [1], 0), ([50, 40], [3, 150], [0], 0),
            ([30, 20], [0, 1], [0], 0), ([30, 20], [1, 0], [1], 0), ([5, 6, 7], [-42, -7, -1], [1], 209),
            ([3, 2, 2, 2, 2, 2, 2, 2], nil, [1, 3, 6], 0),
            ([20, 30, 5], [5, 100, 1], [1], 0), ([70_000, 3], nil, [1], 0), ([2, 90_000], nil, [1], 0), ([90_000, 2], nil, [0], 0),
        ]

        @Test("Every reduction over every kind of shape", arguments: shapes.indices)
        func everyShape(_ index: Int) {
            let (extents, given, axes, offset) = Self.shapes[index]
            let strides = given ?? Self.dense(extents)
            let count = zip(extents, strides).reduce(1) { $0 + ($1.0 - 1) * abs($1.1) }
            let f32: [Float] = samples(count, in: -1...1), f64 = f32.map(Double.init)
            let i32: [Int32] = samples(count, in: .min ... .max), u8: [UInt8] = samples(count, in: 1...255),
                flags: [UInt8] = samples(count, in: 0...1)
            let i64 = i32.map(Int64.init)
            let floats = Self.groups(f64, extents, strides, axes, offset: offset),
                integers = Self.groups(i32, extents, strides, axes, offset: offset)
            let bytes = Self.groups(u8, extents, strides, axes, offset: offset),
                bits = Self.groups(flags, extents, strides, axes, offset: offset)
            KernelTests.onEveryVariant { variant in
                func run<T: Element>(_ op: hk_reduction, _ x: [T], type: UInt8 = T.type) -> [T] {
                    Self.reduce(op, x, extents, strides, axes, type: type, offset: offset)
                }
                let place = "\(variant), \(extents) over \(axes.sorted())"
                let sums = run(hk_reduce_sum, f32), wide = run(hk_reduce_sum, f64)
                for (group, values) in floats.enumerated() {
                    let exact = values.reduce(0, +), size = values.reduce(0) { $0 + abs($1) }
                    // Pairwise: far below n times the rounding unit.
                    if abs(Double(sums[group]) - exact) > 4e-7 * size || abs(wide[group] - exact) > 1e-14 * size {
                        Issue.record("\(place): sum \(group) is \(sums[group]), not \(exact)")
                        return
                    }
                }
                #expect(run(hk_reduce_max, f32) == floats.map { Float($0.max()!) }, "\(place)")
                #expect(run(hk_reduce_min, f64) == floats.map { $0.min()! }, "\(place)")
                #expect(run(hk_reduce_sum, i32) == integers.map { $0.reduce(0, &+) }, "\(place)")
                #expect(run(hk_reduce_sum, i64) == integers.map { $0.reduce(0) { $0 + Int64($1) } }, "\(place)")
                #expect(run(hk_reduce_max, i32) == integers.map { $0.max()! }, "\(place)")
                #expect(run(hk_reduce_min, i64) == integers.map { Int64($0.min()!) }, "\(place)")
                #expect(run(hk_reduce_product, i32) == integers.map { $0.reduce(1, &*) }, "\(place)")
                #expect(run(hk_reduce_product, u8) == bytes.map { $0.reduce(1, &*) }, "\(place)")
                #expect(run(hk_reduce_max, u8) == bytes.map { $0.max()! }, "\(place)")
                #expect(run(hk_reduce_and, i32) == integers.map { $0.reduce(-1, &) }, "\(place)")
                #expect(run(hk_reduce_or, i64) == integers.map { $0.reduce(0) { $0 | Int64($1) } }, "\(place)")
                #expect(run(hk_reduce_and, flags, type: boolType) == bits.map { $0.min()! }, "\(place)")
                #expect(run(hk_reduce_or, flags, type: boolType) == bits.map { $0.max()! }, "\(place)")
            }
        }

        @Test("Sums are as good as pairwise ones, and the same bits on any number of threads")
        func accuracy() {
            let n = 5_000_011
            let x = [Float](repeating: 0.1, count: n)
            for variant in KernelTests.variants {
                _ = hk_set_isa(variant)
                let sum = KernelTests.sameBits("sum") { Self.reduce(hk_reduce_sum, x, [n], [1], [0]) }
                #expect(abs(Double(sum[0]) / (Double(Float(0.1)) * Double(n)) - 1) < 2e-7, "\(variant): \(sum[0])")
                let y: [Float] = samples(2_000_000, in: -1...1)
                for (extents, axes) in [
                    ([2000, 1000], Set([0])), ([2000, 1000], [1]), ([20, 10, 10_000], [0, 2]), ([200_000, 10], [0]), ([500_000, 4], [0]),
                ] {
                    _ = KernelTests.sameBits("\(extents) over \(axes)") {
                        Self.reduce(hk_reduce_sum, y, extents, Self.dense(extents), axes)
                    }
                }
            }
            _ = hk_set_isa(KernelTests.variants[0])
        }

        @Test(
            "What comes from memory is read from end to end or in several places at once, each element once, with the same bits",
            arguments: [
                ([4_500_001], [0]), ([3, 1_500_000], [1]), ([40, 120_000], [1]), ([1500, 3000], [0, 1]), ([7, 3, 220_000], [0, 2]),
            ] as [([Int], Set<Int>)])
        func severalPlaces(_ extents: [Int], _ axes: Set<Int>) {
            let x: [Int32] = samples(extents.reduce(1, *), in: .min ... .max), floats = x.map(Float.init), wide = x.map(Double.init)
            let strides = Self.dense(extents)
            let groups = Self.groups(x, extents, strides, axes)
            KernelTests.onEveryVariant { variant in
                let place = "\(variant), \(extents) over \(axes.sorted())"
                // Exact: no sum comes near 2^53.
                let exact = groups.map { $0.reduce(0) { $0 + Double($1) } }
                var rounded: [[UInt32]] = []
                for isInterleaved in [false, true] {
                    func reduce<T: Element>(_ op: hk_reduction, _ x: [T]) -> [T] {
                        Self.reduce(op, x, extents, strides, axes, isInterleaved: isInterleaved)
                    }
                    let sums = KernelTests.sameBits(place) { reduce(hk_reduce_sum, x) }
                    #expect(sums == groups.map { $0.reduce(0, &+) }, "\(place)")
                    #expect(reduce(hk_reduce_max, floats) == groups.map { Float($0.max()!) }, "\(place)")
                    #expect(reduce(hk_reduce_sum, wide) == exact, "\(place)")
                    rounded.append(reduce(hk_reduce_sum, floats).map(\.bitPattern))
                }
                #expect(rounded[0] == rounded[1], "\(place)")
            }
        }

        @Test("NaN wins, and empty reductions give the identity")
        func special() {
            KernelTests.onEveryVariant { variant in
                for n in [1, 5, 16, 17, 5000] {
                    for place in Set([0, n / 2, n - 1]) {
                        var x = [Float](repeating: 2, count: n)
                        x[place] = .nan
                        for op in [hk_reduce_max, hk_reduce_min, hk_reduce_sum, hk_reduce_product] {
                            #expect(Self.reduce(op, x, [n], [1], [0])[0].isNaN, "\(variant), n \(n)")
                            #expect(Self.reduce(op, x + x + x, [3, n], [n, 1], [0])[place].isNaN, "\(variant), n \(n)")
                        }
                    }
                }
                func empty<T: Element>(_ op: hk_reduction, _ zero: T, type: UInt8 = T.type) -> [T] {
                    let output = Memory([T](repeating: zero, count: 2))
                    let input = Memory([zero])
                    hk_reduce(Int32(op.rawValue), Int32(type), 2, [2, 0], [0, 1], [false, true], false, input.start, output.start)
                    return output.array()
                }
                #expect(empty(hk_reduce_sum, Float(9)) == [0, 0] && empty(hk_reduce_product, Double(9)) == [1, 1])
                #expect(empty(hk_reduce_max, Float(9)) == [-.infinity, -.infinity] && empty(hk_reduce_min, Int32(9)) == [.max, .max])
                #expect(empty(hk_reduce_max, Int64(9)) == [.min, .min] && empty(hk_reduce_and, Int64(9)) == [-1, -1])
                #expect(
                    empty(hk_reduce_and, UInt8(9), type: boolType) == [1, 1] && empty(hk_reduce_or, UInt8(9), type: boolType) == [0, 0])
                #expect(Self.reduce(hk_reduce_sum, [Float](), [0, 4], [4, 1], [1]) == [])
            }
        }

        @Test("Index of the maximum and minimum: the first of equals, NaN before all", arguments: [1, 2, 15, 16, 17, 100, 5000])
        func argument(_ n: Int) {
            func first<T: Comparable>(_ x: [T], smallest: Bool) -> Int {
                x.firstIndex { $0 != $0 } ?? x.indices.reduce(0) { (smallest ? x[$1] < x[$0] : x[$1] > x[$0]) ? $1 : $0 }
            }
            KernelTests.onEveryVariant { variant in
                for (outer, inner) in [(3, 1), (1, 1), (2, 5), (1, 70), (2, 130)] where n * outer * inner < 200_000 {
                    let count = outer * n * inner
                    func check<T: Element & Comparable>(_ x: [T], type: UInt8 = T.type) {
                        let input = Memory(x), wide = Memory(repeating: Int64(-1), count: outer * inner),
                            narrow = Memory(repeating: Int32(-1), count: outer * inner)
                        withExtendedLifetime(input) {
                            hk_argmax(Int32(type), Int64(outer), Int64(n), Int64(inner), input.start, Int32(Int64.type), wide.start)
                            hk_argmin(Int32(type), Int64(outer), Int64(n), Int64(inner), input.start, Int32(Int32.type), narrow.start)
                        }
                        var most: [Int64] = [], least: [Int32] = []
                        for o in 0..<outer {
                            for j in 0..<inner {
                                let column = (0..<n).map { x[(o * n + $0) * inner + j] }
                                most.append(Int64(first(column, smallest: false)))
                                least.append(Int32(first(column, smallest: true)))
                            }
                        }
                        #expect(wide.array() == most && narrow.array() == least, "\(variant), \(T.self) [\(outer), \(n), \(inner)]")
                    }
                    var x: [Float] = samples(count, in: -9...9)
                    check(x.map { $0.rounded() })
                    check(x.map { Double($0.rounded()) })
                    x[count / 2] = .nan
                    check(x)
                    check(x.map(Double.init))
                    check(samples(count, in: -5...5) as [Int32])
                    check(samples(count, in: -5...5) as [Int64])
                    check(samples(count, in: 0...255) as [UInt8])
                    check(samples(count, in: 0...1) as [UInt8], type: boolType)
                    check([Float](repeating: -.infinity, count: count))
                }
            }
        }
    }
}
