import COneDNN
import Testing

/// Products and convolutions of bf16 operands against loops over operands rounded the same way; results f32 or bf16.
///
/// oneDNN has them for AVX-512 processors only: elsewhere creation says that they are not supported.
@Suite struct HalfPrecisionTests {
    private let half: Int32 = 6

    /// The nearest bf16, ties to even.
    private func rounded(_ x: [Float]) -> [Float] {
        x.map { Float(bitPattern: ($0.bitPattern + 0x7fff + ($0.bitPattern >> 16 & 1)) & 0xffff_0000) }
    }

    /// Whether oneDNN has bf16 here at all.
    private var isSupported: Bool {
        guard let layout = try? Layout([16, 16], dtype: half) else { return false }
        let primitive = try? Primitive(reading: layout) {
            hd_matmul_create($0, layout.pointer, layout.pointer, nil, nil, layout.pointer, 0)
        }
        return primitive != nil
    }

    /// What a result may be off by, relative to the largest: a bf16 has 8 bits.
    private func tolerance(_ dtype: Int32) -> Double { dtype == half ? 4.1e-3 : 1e-5 }

    @Test(
        arguments: [
            Product(name: "rows", m: 33, k: 70, n: 48), Product(name: "right transposed", m: 40, k: 33, n: 20, isRightTransposed: true),
            Product(name: "left transposed", m: 24, k: 300, n: 32, isLeftTransposed: true),
            Product(name: "long", m: 20, k: 4096, n: 24, isLeftTransposed: true),
            Product(name: "batched", left: [3], right: [3], m: 8, k: 16, n: 12),
        ], [Int32(0), 6])
    func matmul(_ p: Product, _ result: Int32) throws {
        let (a, b) = (rounded(p.operands.a), rounded(p.operands.b))
        func layout(_ batch: [Int], _ rows: Int, _ columns: Int, _ isTransposed: Bool) throws -> Layout {
            let plain = try p.layout(batch, rows, columns, isTransposed: isTransposed)
            return try Layout(batch + [rows, columns], strides: plain.strides, dtype: half)
        }
        let src = try layout(p.left, p.m, p.k, p.isLeftTransposed), weights = try layout(p.right, p.k, p.n, p.isRightTransposed)
        let dst = try Layout(p.batch + [p.m, p.n], dtype: result)
        guard isSupported else { return }
        let primitive = try Primitive(reading: src, weights, nil, nil, dst) {
            hd_matmul_create($0, src.pointer, weights.pointer, nil, nil, dst.pointer, 0)
        }
        let got = try primitive.run([0: a, 1: b], reading: [4])[0]
        #expect(difference(got, p.expected(a, b)) < tolerance(result), "\(primitive.implementation)")
    }

    /// Activations in blocks of sixteen channels, weights as oneDNN likes them.
    @Test(
        arguments: [
            Convolution(
                name: "3 x 3", batch: 2, inputs: 32, outputs: 48, input: [9, 8], window: Window([3, 3], low: [1, 1], high: [1, 1])),
            Convolution(name: "1 x 1", batch: 8, inputs: 32, outputs: 16, input: [16, 16], window: Window([1, 1])),
            Convolution(
                name: "strided", batch: 2, inputs: 16, outputs: 32, input: [10, 10],
                window: Window([3, 3], strides: [2, 2], low: [1, 1], high: [0, 0])),
        ], [Int32(0), 6])
    func convolution(_ c: Convolution, _ result: Int32) throws {
        let x = rounded(values(product(c.source), seed: 1)), w = rounded(values(product(c.weights), seed: 2))
        let dy = rounded(values(product(c.destination), seed: 4))
        var y = [Double](repeating: 0, count: dy.count), dx = [Double](repeating: 0, count: x.count)
        var dw = [Double](repeating: 0, count: w.count)
        c.forEachProduct {
            y[$2] += Double(x[$0]) * Double(w[$1])
            dx[$0] += Double(dy[$2]) * Double(w[$1])
            dw[$1] += Double(x[$0]) * Double(dy[$2])
        }
        func blocked(_ dims: [Int], _ dtype: Int32) throws -> Layout { try .format(dims, HD_FORMAT_CHANNELS_BLOCKED_16, dtype: dtype) }
        let source = try blocked(c.source, half), weights = try Layout.any(c.weights, dtype: half)
        let destination = try blocked(c.destination, half)
        guard isSupported else { return }
        try c.window.withPointers { s, d, l, h in
            let to = try blocked(c.destination, result)
            let forward = try Primitive(reading: source, weights, to) {
                hd_convolution_forward_create(
                    $0, source.pointer, weights.pointer, nil, to.pointer, s, d, l, h, HD_ALGORITHM_DIRECT, 0)
            }
            #expect(difference(try forward.run([0: x, 1: w], reading: [3])[0], y) < tolerance(result), "\(forward.implementation)")
            let back = try blocked(c.source, result)
            let data = try Primitive(reading: destination, weights, back) {
                hd_convolution_backward_data_create(
                    $0, destination.pointer, weights.pointer, back.pointer, s, d, l, h, HD_ALGORITHM_DIRECT)
            }
            #expect(difference(try data.run([0: dy, 1: w], reading: [2])[0], dx) < tolerance(result), "\(data.implementation)")
            let gradient = try Layout.any(c.weights, dtype: result)
            let sums = try Primitive(reading: source, destination, gradient) {
                hd_convolution_backward_weights_create(
                    $0, source.pointer, destination.pointer, gradient.pointer, nil, s, d, l, h, HD_ALGORITHM_DIRECT)
            }
            #expect(difference(try sums.run([0: x, 1: dy], reading: [2])[0], dw) < tolerance(result), "\(sums.implementation)")
        }
    }
}
