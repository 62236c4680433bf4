import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Softmax") struct Softmax {
        static func softmax(_ x: [Float], rows: Int, log: Bool) -> [Float] {
            let input = Memory(x), output = Memory(repeating: Float(0), count: x.count)
            withExtendedLifetime(input) {
                hk_softmax(
                    Int64(rows), Int64(rows == 0 ? 0 : x.count / rows), log, input.start.assumingMemoryBound(to: Float.self),
                    output.start.assumingMemoryBound(to: Float.self))
            }
            return output.array()
        }

        @Test("Rows of every length", arguments: [1, 2, 10, 15, 16, 17, 1000, 5000, 70_000])
        func rows(_ n: Int) {
            let rows = 3
            let x: [Float] = samples(rows * n, in: -50...50)
            KernelTests.onEveryVariant { variant in
                let soft = Self.softmax(x, rows: rows, log: false), log = Self.softmax(x, rows: rows, log: true)
                for row in 0..<rows {
                    let values = x[row * n..<(row + 1) * n].map(Double.init)
                    let most = values.max()!, total = values.reduce(0) { $0 + exp($1 - most) }
                    for j in 0..<n {
                        let want = exp(values[j] - most) / total, wantLog = values[j] - most - Foundation.log(total)
                        let i = row * n + j
                        // x - max is rounded to f32, which its exponential magnifies.
                        let tolerance = 2e-6 + 6e-8 * (most - values[j])
                        if abs(Double(soft[i]) - want) > tolerance * want + 1e-37 || abs(Double(log[i]) - wantLog) > 1e-5 + 1e-6 * abs(wantLog) {
                            Issue.record("\(variant), n \(n), at \(i): \(soft[i]), not \(want); \(log[i]), not \(wantLog)")
                            return
                        }
                    }
                }
            }
        }

        @Test("Large values, minus infinity, NaN")
        func special() {
            KernelTests.onEveryVariant { _ in
                #expect(Self.softmax([1e30, 1e30, -.infinity, -1e30], rows: 1, log: false) == [0.5, 0.5, 0, 0])
                #expect(Self.softmax([0, -.infinity], rows: 1, log: true) == [0, -.infinity])
                #expect(Self.softmax([1, .nan, 3], rows: 1, log: false).allSatisfy { $0.isNaN })
                #expect(Self.softmax([-.infinity, -.infinity], rows: 1, log: false).allSatisfy { $0.isNaN })
                #expect(Self.softmax([], rows: 0, log: false) == [])
            }
        }

        @Test("Gradients", arguments: [1, 10, 17, 3000])
        func gradient(_ n: Int) {
            let rows = 4
            let x: [Float] = samples(rows * n, in: -5...5), dy: [Float] = samples(rows * n, in: -1...1)
            KernelTests.onEveryVariant { variant in
                for log in [false, true] {
                    let y = Self.softmax(x, rows: rows, log: log)
                    let my = Memory(y), mdy = Memory(dy)
                    func pointer(_ m: Memory) -> UnsafeMutablePointer<Float> { m.start.assumingMemoryBound(to: Float.self) }
                    // In place.
                    withExtendedLifetime(my) { hk_softmax_gradient(Int64(rows), Int64(n), log, pointer(my), pointer(mdy), pointer(mdy)) }
                    let dx: [Float] = mdy.array()
                    for row in 0..<rows {
                        let range = row * n..<(row + 1) * n
                        let dot = range.reduce(0.0) { $0 + Double(dy[$1]) * (log ? 1 : Double(y[$1])) }
                        for i in range {
                            let want = log ? Double(dy[i]) - exp(Double(y[i])) * dot : Double(y[i]) * (Double(dy[i]) - dot)
                            if abs(Double(dx[i]) - want) > 2e-6 {
                                Issue.record("\(variant), n \(n), log \(log), at \(i): \(dx[i]), not \(want)")
                                return
                            }
                        }
                    }
                }
            }
        }

        @Test("The same bits on any number of threads")
        func threads() {
            let x: [Float] = samples(400_000, in: -5...5)
            for rows in [4, 400, 40_000] { _ = KernelTests.sameBits("softmax of \(rows) rows") { Self.softmax(x, rows: rows, log: false) } }
        }
    }
}
