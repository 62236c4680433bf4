import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Recurrent layers") struct Recurrent {
        /// A layer, its numbers, and the definition in f64.
        struct Layer {
            let lstm: Bool
            let steps: Int
            let batch: Int
            let hidden: Int
            var gates: Int { lstm ? 4 : 3 }
            /// x, U, bias, h0, c0 as one vector each.
            var operands: [[Double]]

            init(lstm: Bool, steps: Int, batch: Int, hidden: Int) {
                (self.lstm, self.steps, self.batch, self.hidden) = (lstm, steps, batch, hidden)
                let gates = lstm ? 4 : 3
                let counts = [batch * steps * gates * hidden, gates * hidden * hidden, gates * hidden, batch * hidden, batch * hidden]
                let all: [Float] = samples(counts.reduce(0, +), in: -1...1)
                var start = 0
                operands = counts.enumerated().map { position, count in
                    defer { start += count }
                    let scale = position == 1 ? 1 / Double(hidden).squareRoot() : 1
                    return all[start..<start + count].map { Double(Float(Double($0) * scale)) }
                }
            }

            /// y `[batch, steps, hidden]`, then the last h and c, one after the other.
            func definition() -> [Double] {
                func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
                let (x, u, bias) = (operands[0], operands[1], operands[2])
                var (h, c) = (operands[3], operands[4])
                var y = [Double](repeating: 0, count: batch * steps * hidden)
                for step in 0..<steps {
                    for b in 0..<batch {
                        let row = (b * steps + step) * gates * hidden
                        let products = (0..<gates * hidden).map { g in
                            bias[g] + (0..<hidden).reduce(0) { $0 + h[b * hidden + $1] * u[g * hidden + $1] }
                        }
                        for j in 0..<hidden {
                            func inner(_ gate: Int) -> Double { x[row + gate * hidden + j] + products[gate * hidden + j] }
                            let place = b * hidden + j
                            if lstm {
                                c[place] = logistic(inner(1)) * c[place] + logistic(inner(0)) * tanh(inner(2))
                                y[(b * steps + step) * hidden + j] = logistic(inner(3)) * tanh(c[place])
                            } else {
                                let z = logistic(inner(1))
                                let n = tanh(x[row + 2 * hidden + j] + logistic(inner(0)) * products[2 * hidden + j])
                                y[(b * steps + step) * hidden + j] = (1 - z) * n + z * h[place]
                            }
                        }
                        for j in 0..<hidden { h[b * hidden + j] = y[(b * steps + step) * hidden + j] }
                    }
                }
                return y + h + (lstm ? c : [])
            }
        }

        /// What the kernel gives: the definition's results, then the gradients of x, U, bias, h0, c0 for these upstream gradients.
        static func kernel(_ layer: Layer, reversed: Bool, upstream: [Double]) -> [[Float]] {
            let (batch, steps, hidden, gates) = (layer.batch, layer.steps, layer.hidden, layer.gates)
            /// Memory of a sequence `[batch, steps, width]`, backwards in time where the layer is.
            func reordered(_ values: [Double], _ width: Int) -> [Float] {
                let rows = reversed ? (0..<batch * steps).map { $0 / steps * steps + steps - 1 - $0 % steps } : Array(0..<batch * steps)
                return rows.flatMap { row in values[row * width..<(row + 1) * width].map { Float($0) } }
            }
            func blank(_ count: Int) -> Memory { Memory(repeating: Float.nan, count: count) }
            func sequence(_ memory: Memory?, _ width: Int) -> hk_sequence {
                guard let memory else { return hk_sequence() }
                let first = memory.start.assumingMemoryBound(to: Float.self) + (reversed ? (steps - 1) * width : 0)
                return hk_sequence(data: first, step: Int64(reversed ? -width : width), row: Int64(steps * width))
            }
            func array(_ memory: Memory) -> [Float] { memory.array() }
            func floats(_ memory: Memory) -> UnsafeMutablePointer<Float> { memory.start.assumingMemoryBound(to: Float.self) }

            let x = Memory(reordered(layer.operands[0], gates * hidden))
            let others = layer.operands[1...].map { Memory($0.map { Float($0) }) }
            let (kept, before, y) = (blank(batch * steps * hidden), blank(batch * steps * hidden), blank(batch * steps * hidden))
            let (h, c) = (blank(batch * hidden), blank(batch * hidden))
            var forward = hk_recurrent()
            forward.cell = Int32((layer.lstm ? hk_cell_lstm : hk_cell_gru).rawValue)
            (forward.steps, forward.batch, forward.hidden) = (Int64(steps), Int64(batch), Int64(hidden))
            (forward.u, forward.bias) = (UnsafePointer(floats(others[0])), UnsafePointer(floats(others[1])))
            (forward.h0, forward.c0) = (UnsafePointer(floats(others[2])), UnsafePointer(floats(others[3])))
            // In place, as the engine uses it.
            (forward.gates_x, forward.gates) = (sequence(x, gates * hidden), sequence(x, gates * hidden))
            (forward.kept, forward.before, forward.y) = (sequence(kept, hidden), sequence(before, hidden), sequence(y, hidden))
            (forward.h_last, forward.c_last) = (floats(h), floats(c))
            if !layer.lstm { forward.c_last = nil }
            hk_recurrent_forward(&forward)
            let count = batch * steps * hidden
            func inOrder(_ memory: Memory, _ width: Int) -> [Float] { reordered(array(memory).map(Double.init), width) }
            let results = inOrder(y, hidden) + array(h) + (layer.lstm ? array(c) : [])

            let dy = Memory(reordered(Array(upstream[..<count]), hidden))
            let lastH = Memory(upstream[count..<count + batch * hidden].map { Float($0) })
            let lastC = layer.lstm ? Memory(upstream[(count + batch * hidden)...].map { Float($0) }) : lastH
            let (dh, dc, dbiasX, dbiasU) = (blank(batch * hidden), blank(batch * hidden), blank(gates * hidden), blank(gates * hidden))
            var backward = hk_recurrent_gradient()
            (backward.cell, backward.steps, backward.batch, backward.hidden) = (forward.cell, forward.steps, forward.batch, forward.hidden)
            (backward.u, backward.c0) = (forward.u, forward.c0)
            (backward.gates, backward.dgates) = (forward.gates, forward.gates)
            (backward.kept, backward.before, backward.dy) = (forward.kept, forward.before, sequence(dy, hidden))
            (backward.dh_last, backward.dc_last) = (UnsafePointer(floats(lastH)), layer.lstm ? UnsafePointer(floats(lastC)) : nil)
            if !layer.lstm { backward.dkept = forward.kept }
            (backward.dh0, backward.dc0) = (floats(dh), layer.lstm ? floats(dc) : nil)
            (backward.dbias_x, backward.dbias_u) = (floats(dbiasX), floats(dbiasU))
            hk_recurrent_backward(&backward)

            // dU by the definition.
            let (d, dkept, states) = (inOrder(x, gates * hidden), inOrder(kept, hidden), inOrder(before, hidden))
            var du = [Float](repeating: 0, count: gates * hidden * hidden)
            for g in 0..<gates * hidden {
                for j in 0..<hidden {
                    var sum = 0.0
                    for row in 0..<batch * steps {
                        let isN = !layer.lstm && g >= 2 * hidden
                        sum +=
                            Double(isN ? dkept[row * hidden + g - 2 * hidden] : d[row * gates * hidden + g])
                            * Double(states[row * hidden + j])
                    }
                    du[g * hidden + j] = Float(sum)
                }
            }
            // The inputs' bias has the sum of the gates' gradients.
            for g in 0..<gates * hidden {
                let sum = (0..<batch * steps).reduce(0.0) { $0 + Double(d[$1 * gates * hidden + g]) }
                #expect(abs(Double(array(dbiasX)[g]) - sum) < 1e-5 * max(1, abs(sum)))
            }
            withExtendedLifetime((x, others, kept, before, y, dy, lastH, lastC)) {}
            return [results, d, du, array(dbiasU), array(dh), layer.lstm ? array(dc) : []]
        }

        @Test(
            "Values by the definition, gradients by central differences", arguments: [true, false],
            [(3, 5, 7), (2, 50, 20), (4, 2, 37), (2, 7, 290)])
        func agrees(lstm: Bool, shape: (Int, Int, Int)) {
            let layer = Layer(lstm: lstm, steps: shape.0, batch: shape.1, hidden: shape.2)
            let wanted = layer.definition()
            let weights: [Float] = samples(wanted.count, in: -1...1)
            let upstream = weights.map(Double.init)
            func loss(_ layer: Layer) -> Double { zip(layer.definition(), upstream).reduce(0) { $0 + $1.0 * $1.1 } }
            KernelTests.onEveryVariant { variant in
                for reversed in [false, true] {
                    let got = Self.kernel(layer, reversed: reversed, upstream: upstream)
                    let worst = zip(got[0], wanted).map { abs(Double($0) - $1) }.max() ?? 0
                    #expect(worst < 2e-6, "\(variant): results off by \(worst)")
                    for operand in 0..<(lstm ? 5 : 4) {
                        // Along a direction: every third element.
                        var (up, down, slope) = (layer, layer, 0.0)
                        for index in stride(from: operand, to: layer.operands[operand].count, by: 3) {
                            up.operands[operand][index] += 1e-6
                            down.operands[operand][index] -= 1e-6
                            slope += Double(got[operand + 1][index])
                        }
                        let difference = (loss(up) - loss(down)) / 2e-6
                        #expect(abs(slope - difference) < 3e-5 * max(1, abs(difference)), "\(variant), operand \(operand)")
                    }
                }
            }
        }

        @Test("Bits do not depend on threads", arguments: [true, false])
        func bits(lstm: Bool) {
            // Long enough for the team; several blocks of units and of rows.
            let layer = Layer(lstm: lstm, steps: 3, batch: 60, hidden: 100)
            let upstream = samples(layer.definition().count, in: -1...1 as ClosedRange<Double>, special: [] as [Float]).map(Double.init)
            _ = KernelTests.sameBits("recurrent") { Self.kernel(layer, reversed: false, upstream: upstream).flatMap { $0 } }
        }
    }
}
