import CKernels
import Testing

extension KernelTests.Convolutions {
    @Test(
        "Weight gradients as direct sums over positions",
        arguments: [
            // Few channels, row-major, under windows that reach over all edges; an odd number of rows; several images of a chunk.
            Shape(channels: 3, height: 20, width: 23, kernel: 7, stride: 2, padding: 3),
            Shape(images: 5, channels: 1, outputs: 32, padding: 0),
            Shape(images: 40, channels: 2, outputs: 32, height: 5, width: 4, stride: 2), Shape(channels: 15, height: 10, width: 40),
            Shape(images: 1, channels: 3, height: 3, width: 2, kernel: 5, stride: 4, padding: 2),
            // Blocks of channels: lines that are joined and such that are not, odd numbers of blocks, one tap and many.
            Shape(), Shape(channels: 48, outputs: 48, kernel: 1, padding: 0), Shape(channels: 32, kernel: 1, stride: 2, padding: 0),
            Shape(channels: 32, outputs: 32, height: 8, width: 8, kernel: 4, stride: 2), Shape(images: 70, height: 3, width: 3),
            Shape(outputs: 32, height: 7, width: 30, padding: 2, cut: 1),
            // Taps that meet nothing but zeros.
            Shape(height: 2, width: 2, kernel: 5, padding: 2), Shape(height: 1, width: 1, kernel: 4, stride: 2),
            // Sums of several groups of positions; several tasks.
            Shape(images: 1, channels: 32, outputs: 64, height: 45, width: 46, kernel: 1, padding: 0),
            Shape(images: 9, channels: 3, height: 20, width: 20),
            Shape(images: 1, channels: 320, outputs: 336, height: 4, width: 3, kernel: 1, padding: 0),
        ])
    func correlatedWeights(_ shape: Shape) {
        var c = shape.c
        #expect(hk_correlate_supports(&c))
        let x: [Float] = samples(shape.x.reduce(1, *), in: -1...1), dy: [Float] = samples(shape.y.reduce(1, *), in: -1...1).reversed()
        var dw = [Double](repeating: 0, count: shape.weight.reduce(1, *)), db = [Double](repeating: 0, count: shape.outputs)
        shape.forEachProduct { dw[$1] += Double(x[$0]) * Double(dy[$2]) }
        let plane = shape.outHeight * shape.outWidth
        for (place, value) in dy.enumerated() { db[place / plane % shape.outputs] += Double(value) }
        let mx = Memory(shape.channels % 16 == 0 ? shape.laidOut(x, shape.x) : x), my = Memory(shape.laidOut(dy, shape.y))
        func run() -> [Float] {
            let (w, b) = correlated(&c, mx, my, (dw.count, db.count))
            return w + b
        }
        KernelTests.onEveryVariant { variant in
            #expect(zip(run(), dw + db).allSatisfy { ($1 - Double($0)).magnitude < 5e-5 }, "\(variant)")
        }
        _ = KernelTests.sameBits("\(shape)", run)
    }

    @Test("Infinite and undefined numbers reach the weights that they belong to")
    func correlatedSpecialValues() {
        let shape = Shape(channels: 16, outputs: 32, height: 4, width: 5)
        var c = shape.c
        var x = [Float](repeating: 1, count: shape.x.reduce(1, *)), dy = [Float](repeating: 1, count: shape.y.reduce(1, *))
        // Image 1, channel 2, corner; image 0, output 17.
        x[(16 + 2) * 20] = .infinity
        dy[17 * 20 + 7] = .nan
        let mx = Memory(shape.laidOut(x, shape.x)), my = Memory(shape.laidOut(dy, shape.y))
        KernelTests.onEveryVariant { variant in
            let (w, b) = correlated(&c, mx, my, (shape.weight.reduce(1, *), shape.outputs))
            for (place, value) in w.enumerated() {
                let (output, channel, tap) = (place / 9 / 16, place / 9 % 16, place % 9)
                // The corner meets the upper left four taps: those that do not reach beyond it from the output's first row and column.
                let meetsCorner = channel == 2 && tap / 3 < 2 && tap % 3 < 2
                let isRight = output == 17 ? value.isNaN : value.isInfinite == meetsCorner && !value.isNaN
                #expect(isRight, "\(variant) \(place)")
            }
            #expect(b.indices.allSatisfy { b[$0].isNaN == ($0 == 17) }, "\(variant)")
        }
    }

    @Test("What it does not take")
    func correlatedNot() {
        func isTaken(_ shape: Shape) -> Bool {
            var c = shape.c
            return hk_correlate_supports(&c)
        }
        #expect(isTaken(Shape()) && isTaken(Shape(channels: 15)))
        #expect(!isTaken(Shape(channels: 17)) && !isTaken(Shape(outputs: 8)))
        #expect(!isTaken(Shape(channelsLast: true)) && !isTaken(Shape(bf16: true)))
        #expect(!isTaken(Shape(images: 0)) && !isTaken(Shape(channels: 0)))
    }

    /// The gradients of the weights and of the bias; memory that is not written is full of NaN.
    private func correlated(
        _ c: inout hk_convolution, _ x: Memory, _ dy: Memory, _ counts: (weight: Int, bias: Int)
    ) -> ([Float], [Float]) {
        func f(_ memory: Memory) -> UnsafeMutablePointer<Float> { memory.start.assumingMemoryBound(to: Float.self) }
        let dw = Memory(repeating: Float.nan, count: counts.weight), db = Memory(repeating: Float.nan, count: counts.bias)
        let scratch = Memory(repeating: Float.nan, count: hk_correlate_scratch_bytes(&c) / 4)
        hk_correlate_weights(&c, f(x), f(dy), f(dw), f(db), scratch.start)
        _ = scratch.array(Float.self)
        return (dw.array(), db.array())
    }
}
