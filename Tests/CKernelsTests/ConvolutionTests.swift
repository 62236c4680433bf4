import CKernels
import Testing

extension KernelTests {
    /// Winograd filtering and narrow convolutions against the direct sum in double precision.
    @Suite("Convolutions") struct Convolutions {
        /// Channels and kernel of a convolution of a small image.
        struct Shape: CustomTestStringConvertible {
            var images = 2, channels = 16, outputs = 16, height = 9, width = 11, kernel = 3, stride = 1, padding = 1, channelsLast = false
            /// Products of bf16 numbers.
            var bf16 = false
            /// Rows and columns that the output lacks.
            var cut = 0

            var outHeight: Int { (height + 2 * padding - kernel) / stride + 1 - cut }
            var outWidth: Int { (width + 2 * padding - kernel) / stride + 1 - cut }
            var x: [Int] { [images, channels, height, width] }
            var y: [Int] { [images, outputs, outHeight, outWidth] }
            var weight: [Int] { [outputs, channels, kernel, kernel] }
            var c: hk_convolution {
                hk_convolution(
                    images: Int64(images), in_channels: Int64(channels), out_channels: Int64(outputs), height: Int64(height),
                    width: Int64(width), out_height: Int64(outHeight), out_width: Int64(outWidth), kernel: Int32(kernel),
                    stride: Int32(stride), padding_y: Int64(padding), padding_x: Int64(padding), channels_last: channelsLast, bf16: bf16)
            }
            var testDescription: String {
                "\(x) ∗ \(weight) stride \(stride) padding \(padding)\(channelsLast ? " nhwc" : "")\(cut > 0 ? " cut" : "")\(bf16 ? " bf16" : "")"
            }

            /// Calls `body` with the flat places of every product x · w → y.
            func forEachProduct(_ body: (_ x: Int, _ w: Int, _ y: Int) -> Void) {
                for n in 0..<images {
                    for o in 0..<outputs {
                        for (i, j) in (0..<outHeight).flatMap({ i in (0..<outWidth).map { (i, $0) } }) {
                            let place = ((n * outputs + o) * outHeight + i) * outWidth + j
                            for c in 0..<channels {
                                for k in 0..<kernel {
                                    let row = i * stride + k - padding
                                    guard row >= 0, row < height else { continue }
                                    for l in 0..<kernel {
                                        let column = j * stride + l - padding
                                        guard column >= 0, column < width else { continue }
                                        body(
                                            ((n * channels + c) * height + row) * width + column,
                                            ((o * channels + c) * kernel + k) * kernel + l, place)
                                    }
                                }
                            }
                        }
                    }
                }
            }

            /// A row-major activation tensor as the kernels take it, or back.
            func laidOut(_ values: [Float], _ dims: [Int], back: Bool = false) -> [Float] {
                var result = values
                let (channels, plane) = (dims[1], dims[2] * dims[3])
                for n in 0..<dims[0] {
                    for c in 0..<channels {
                        for p in 0..<plane {
                            let plain = (n * channels + c) * plane + p
                            let other =
                                channelsLast
                                ? (n * plane + p) * channels + c : ((n * channels / 16 + c / 16) * plane + p) * 16 + c % 16
                            if back { result[plain] = values[other] } else { result[other] = values[plain] }
                        }
                    }
                }
                return result
            }
        }

        static let winograd: [Shape] = [
            Shape(), Shape(outputs: 48, height: 4, width: 4, padding: 0), Shape(channelsLast: true),
            Shape(images: 1, height: 1, width: 1), Shape(images: 3, outputs: 32, height: 8, width: 8, kernel: 5, padding: 2),
            Shape(channels: 32, kernel: 2, padding: 0), Shape(images: 1, kernel: 4, padding: 3),
            Shape(channels: 32, height: 8, width: 8, kernel: 4, stride: 2), Shape(kernel: 3, stride: 2, channelsLast: true),
            Shape(kernel: 6, stride: 2, padding: 2), Shape(height: 8, width: 9, kernel: 3, stride: 2, cut: 1),
            Shape(images: 1, channels: 16, outputs: 272, height: 5, width: 5), Shape(images: 12, height: 13, width: 13),
            // Odd numbers of tiles, of blocks, phases, many channels and outputs.
            Shape(bf16: true), Shape(images: 1, height: 1, width: 1, bf16: true),
            Shape(outputs: 48, height: 4, width: 4, padding: 0, bf16: true),
            Shape(images: 3, outputs: 32, height: 8, width: 8, kernel: 5, padding: 2, channelsLast: true, bf16: true),
            Shape(channels: 32, kernel: 2, padding: 0, bf16: true), Shape(images: 1, kernel: 4, padding: 3, bf16: true),
            Shape(height: 8, width: 9, kernel: 3, stride: 2, bf16: true, cut: 1),
            Shape(images: 1, channels: 160, outputs: 256, height: 5, width: 5, bf16: true),
            Shape(images: 12, height: 13, width: 13, bf16: true),
        ]

        @Test("Winograd filtering, forward and both gradients", arguments: winograd)
        func filtering(_ shape: Shape) {
            var c = shape.c
            #expect(hk_winograd_supports(&c))
            let count = { (dims: [Int]) in dims.reduce(1, *) }
            let x: [Float] = samples(count(shape.x), in: -1...1), w: [Float] = samples(count(shape.weight), in: -1...1)
            let dy: [Float] = samples(count(shape.y), in: -1...1).reversed()
            let bias: [Float] = samples(shape.outputs, in: -1...1), residual = [Float](dy.reversed())
            var y = residual.map(Double.init), dx = [Double](repeating: 0, count: x.count), dw = [Double](repeating: 0, count: w.count)
            var db = [Double](repeating: 0, count: shape.outputs)
            let plane = shape.outHeight * shape.outWidth
            for (place, value) in dy.enumerated() {
                y[place] += Double(bias[place / plane % shape.outputs])
                db[place / plane % shape.outputs] += Double(value)
            }
            shape.forEachProduct {
                y[$2] += Double(x[$0]) * Double(w[$1])
                dx[$0] += Double(dy[$2]) * Double(w[$1])
                dw[$1] += Double(x[$0]) * Double(dy[$2])
            }
            let mx = Memory(shape.laidOut(x, shape.x)), mw = Memory(w), mdy = Memory(shape.laidOut(dy, shape.y)), mb = Memory(bias)
            let mr = Memory(shape.laidOut(residual, shape.y))
            /// All results: y, rectified y of transformed weights, dx, dw, db.
            func run() -> [[Float]] {
                let outputs = [dy.count, dy.count, x.count, w.count, shape.outputs].map { Memory(repeating: Float.nan, count: $0) }
                func scratch(_ direction: hk_convolution_direction) -> Memory {
                    Memory(repeating: Float.nan, count: hk_winograd_scratch_bytes(&c, direction) / 4)
                }
                func f(_ memory: Memory) -> UnsafeMutablePointer<Float> { memory.start.assumingMemoryBound(to: Float.self) }
                let once = Memory(repeating: Float.nan, count: hk_winograd_weight_bytes(&c, hk_convolution_forward) / 4)
                hk_winograd_transform_weights(&c, hk_convolution_forward, f(mw), f(once))
                let room = [hk_convolution_forward, hk_convolution_backward_data, hk_convolution_backward_weights].map(scratch)
                hk_winograd_convolve(&c, f(mx), f(mw), nil, f(mb), f(mr), false, f(outputs[0]), room[0].start)
                hk_winograd_convolve(&c, f(mx), f(mw), f(once), f(mb), f(mr), true, f(outputs[1]), room[0].start)
                hk_winograd_convolve_transposed(&c, f(mdy), f(mw), nil, nil, false, f(outputs[2]), room[1].start)
                hk_winograd_convolve_weights(&c, f(mx), f(mdy), f(outputs[3]), f(outputs[4]), room[2].start)
                for memory in room + [once] { _ = memory.array(Float.self) }
                let dims = [shape.y, shape.y, shape.x]
                return outputs.enumerated().map { $0 < 3 ? shape.laidOut($1.array(), dims[$0], back: true) : $1.array() }
            }
            let wanted = [y, y.map { max($0, 0) }, dx, dw, db]
            KernelTests.onEveryVariant { variant in
                for (index, (got, want)) in zip(run(), wanted).enumerated() {
                    let size = (want.reduce(0) { $0 + $1 * $1 } / Double(want.count)).squareRoot() + 0.1
                    // The gradient of the bias is a sum of what is given.
                    let isRounded = shape.bf16 && index < 4
                    let limit = isRounded ? 0.1 : 3e-5
                    #expect(zip(got, want).allSatisfy { ($1 - Double($0)).magnitude < limit * size }, "\(variant), result \(index)")
                    let error = zip(got, want).reduce(0) { $0 + ($1.1 - Double($1.0)) * ($1.1 - Double($1.0)) } / Double(want.count)
                    // Measured up to 9.4e-3; without carried errors it is 1.5e-2.
                    let off = error.squareRoot() / size
                    if isRounded { #expect(off < 1.1e-2, "\(variant), result \(index): \(off)") }
                }
            }
            _ = KernelTests.sameBits("\(shape)") { run().flatMap { $0 } }
        }

        @Test("What Winograd filtering does not take")
        func unsupported() {
            for shape in [Shape(channels: 15), Shape(outputs: 8), Shape(kernel: 1), Shape(kernel: 7), Shape(stride: 3), Shape(images: 0)] {
                var c = shape.c
                #expect(!hk_winograd_supports(&c), "\(shape)")
            }
        }

        @Test(
            "As one product, forward and the gradient of the data",
            arguments: [
                Shape(kernel: 1, padding: 0), Shape(images: 1, channels: 32, outputs: 48, height: 7, width: 7, kernel: 1, padding: 0),
                Shape(images: 1, height: 2, width: 3, kernel: 1, padding: 0), Shape(outputs: 80, kernel: 1, stride: 2, padding: 0),
                Shape(images: 1, outputs: 272, height: 5, width: 5, kernel: 1, padding: 0),
                Shape(images: 1, channels: 48, outputs: 16, height: 40, width: 41, kernel: 1, padding: 0), Shape(),
                Shape(images: 3, channels: 32, outputs: 80, height: 5, width: 7, stride: 2),
                Shape(images: 1, outputs: 272, height: 4, width: 4, kernel: 2, padding: 0), Shape(kernel: 7, padding: 3, cut: 1),
            ])
        func unfolded(_ shape: Shape) {
            var c = shape.c
            let x: [Float] = samples(shape.x.reduce(1, *), in: -1...1), w: [Float] = samples(shape.weight.reduce(1, *), in: -1...1)
            let dy: [Float] = samples(shape.y.reduce(1, *), in: -1...1).reversed(), residual = [Float](dy.reversed())
            let bias: [Float] = samples(shape.outputs, in: -1...1), plane = shape.outHeight * shape.outWidth
            var y = [Double](repeating: 0, count: dy.count), dx = [Double](repeating: 0, count: x.count)
            shape.forEachProduct {
                y[$2] += Double(x[$0]) * Double(w[$1])
                dx[$0] += Double(dy[$2]) * Double(w[$1])
            }
            let finished = y.enumerated().map { max($1 + Double(bias[$0 / plane % shape.outputs]) + Double(residual[$0]), 0) }
            let (mx, mw, mdy, mb) = (Memory(shape.laidOut(x, shape.x)), Memory(w), Memory(shape.laidOut(dy, shape.y)), Memory(bias))
            func f(_ memory: Memory) -> UnsafeMutablePointer<Float> { memory.start.assumingMemoryBound(to: Float.self) }
            /// y of weights as they lie, y with all that can be added of packed ones, and dx.
            func run() -> [[Float]] {
                let room = Memory(repeating: Float.nan, count: (hk_unfold_scratch_bytes(&c) + hk_unfold_weight_bytes(&c)) / 4)
                let packed = Memory(repeating: Float.nan, count: hk_unfold_weight_bytes(&c) / 4)
                let (plain, full) = (Memory(repeating: Float.nan, count: dy.count), Memory(shape.laidOut(residual, shape.y)))
                let back = Memory(repeating: Float.nan, count: x.count)
                hk_unfold_pack_weights(&c, hk_convolution_forward, f(mw), f(packed))
                hk_unfold_convolve(&c, hk_convolution_forward, f(mx), f(mw), nil, nil, false, false, f(plain), room.start)
                hk_unfold_convolve(&c, hk_convolution_forward, f(mx), nil, f(packed), f(mb), true, true, f(full), room.start)
                var results = [plain, full].map { shape.laidOut($0.array(Float.self), shape.y, back: true) }
                if hk_unfold_supports(&c, hk_convolution_backward_data) {
                    hk_unfold_convolve(&c, hk_convolution_backward_data, f(mdy), f(mw), nil, nil, false, false, f(back), room.start)
                    results.append(shape.laidOut(back.array(Float.self), shape.x, back: true))
                }
                return results
            }
            #expect(hk_unfold_supports(&c, hk_convolution_forward))
            #expect(hk_unfold_supports(&c, hk_convolution_backward_data) == (shape.stride == 1 && shape.kernel == 1 && shape.padding == 0))
            KernelTests.onEveryVariant { variant in
                for (index, (got, want)) in zip(run(), [y, finished, dx]).enumerated() {
                    #expect(zip(got, want).allSatisfy { ($1 - Double($0)).magnitude < 5e-5 }, "\(variant), result \(index)")
                }
            }
            _ = KernelTests.sameBits("\(shape)") { run().flatMap { $0 } }
        }

        @Test("What is not taken as one product")
        func notUnfolded() {
            let shapes = [
                Shape(images: 60, channels: 64, height: 5, width: 5), Shape(channels: 8), Shape(outputs: 24), Shape(channelsLast: true),
                Shape(height: 12, width: 12, kernel: 8),
                Shape(kernel: 1), Shape(kernel: 1, padding: 0, cut: 1),
            ]
            for shape in shapes {
                var c = shape.c
                #expect(!hk_unfold_supports(&c, hk_convolution_forward), "\(shape)")
            }
        }

        @Test(
            "Direct sums, forward and the gradient of the data",
            arguments: [
                Shape(), Shape(kernel: 1, padding: 0),
                Shape(channels: 32, outputs: 48, height: 7, width: 7, kernel: 1, stride: 2, padding: 0),
                Shape(images: 1, height: 1, width: 1), Shape(images: 5, outputs: 32, height: 3, width: 2, padding: 1),
                Shape(images: 3, channels: 32, outputs: 80, height: 5, width: 7, stride: 2), Shape(height: 8, width: 9, stride: 2, cut: 1),
                Shape(channels: 32, height: 8, width: 8, kernel: 4, stride: 2), Shape(kernel: 5, stride: 3, padding: 2),
                Shape(channels: 32, kernel: 2, stride: 3, padding: 0), Shape(kernel: 4, padding: 3),
                Shape(kernel: 7, stride: 4, padding: 3, cut: 1),
                // More than one part of a sum, groups of panels, pieces of rows and of columns.
                Shape(images: 1, channels: 288, outputs: 272, height: 5, width: 5), Shape(images: 2, height: 5, width: 300),
                // Rows of one phase only, and no tap that reads the image.
                Shape(channels: 64, outputs: 32, height: 13, width: 294, kernel: 2, stride: 2, padding: 0),
                Shape(images: 1, channels: 1, outputs: 80, height: 8, width: 2, kernel: 1, stride: 4, padding: 1),
                Shape(images: 1, height: 60, width: 17, kernel: 3),
                Shape(images: 1, channels: 272, height: 24, width: 24, kernel: 1, padding: 0),
                // Row-major inputs.
                Shape(channels: 3, outputs: 32, height: 21, width: 23, kernel: 7, stride: 2, padding: 3), Shape(channels: 1, padding: 0),
                Shape(channels: 3, height: 20, width: 31, kernel: 11, stride: 4, padding: 2),
                Shape(channels: 20, outputs: 32, kernel: 4, stride: 2),
                Shape(channels: 16, outputs: 3, kernel: 4, stride: 2),
                Shape(channels: 32, outputs: 100, height: 4, width: 4, kernel: 4, padding: 0),
            ])
        func taps(_ shape: Shape) {
            var c = shape.c
            let x: [Float] = samples(shape.x.reduce(1, *), in: -1...1), w: [Float] = samples(shape.weight.reduce(1, *), in: -1...1)
            let dy: [Float] = samples(shape.y.reduce(1, *), in: -1...1).reversed(), residual = [Float](dy.reversed())
            let bias: [Float] = samples(shape.outputs, in: -1...1), plane = shape.outHeight * shape.outWidth
            var y = [Double](repeating: 0, count: dy.count), dx = [Double](repeating: 0, count: x.count)
            shape.forEachProduct {
                y[$2] += Double(x[$0]) * Double(w[$1])
                dx[$0] += Double(dy[$2]) * Double(w[$1])
            }
            let finished = y.enumerated().map { max($1 + Double(bias[$0 / plane % shape.outputs]) + Double(residual[$0]), 0) }
            let isForward = shape.outputs % 16 == 0, isBackward = shape.channels % 16 == 0
            #expect(hk_taps_supports(&c, hk_convolution_forward) == isForward)
            #expect(hk_taps_supports(&c, hk_convolution_backward_data) == isBackward)
            let mx = Memory(isBackward ? shape.laidOut(x, shape.x) : x), mdy = Memory(isForward ? shape.laidOut(dy, shape.y) : dy)
            let (mw, mb) = (Memory(w), Memory(bias))
            func f(_ memory: Memory) -> UnsafeMutablePointer<Float> { memory.start.assumingMemoryBound(to: Float.self) }
            /// y of weights as they lie, y with all that can be added of packed ones, and dx of both kinds of weights.
            func run() -> [[Float]] {
                let room = Memory(repeating: Float.nan, count: hk_taps_weight_bytes(&c) / 4)
                let packed = Memory(repeating: Float.nan, count: hk_taps_weight_bytes(&c) / 4)
                var results: [[Float]] = []
                if isForward {
                    let (plain, full) = (Memory(repeating: Float.nan, count: dy.count), Memory(shape.laidOut(residual, shape.y)))
                    hk_taps_pack_weights(&c, hk_convolution_forward, f(mw), f(packed))
                    hk_taps_convolve(&c, hk_convolution_forward, f(mx), f(mw), nil, nil, false, false, f(plain), room.start)
                    hk_taps_convolve(&c, hk_convolution_forward, f(mx), nil, f(packed), f(mb), true, true, f(full), nil)
                    results += [plain, full].map { shape.laidOut($0.array(Float.self), shape.y, back: true) }
                }
                if isBackward {
                    let (back, twice) = (Memory(repeating: Float.nan, count: x.count), Memory(repeating: Float.nan, count: x.count))
                    hk_taps_pack_weights(&c, hk_convolution_backward_data, f(mw), f(packed))
                    hk_taps_convolve(&c, hk_convolution_backward_data, f(mdy), f(mw), nil, nil, false, false, f(back), room.start)
                    hk_taps_convolve(&c, hk_convolution_backward_data, f(mdy), nil, f(packed), nil, false, false, f(twice), nil)
                    results += [back, twice].map { shape.laidOut($0.array(Float.self), shape.x, back: true) }
                }
                return results
            }
            let wanted = (isForward ? [y, finished] : []) + (isBackward ? [dx, dx] : [])
            KernelTests.onEveryVariant { variant in
                let results = run()
                #expect(results.count == wanted.count)
                for (index, (got, want)) in zip(results, wanted).enumerated() {
                    #expect(zip(got, want).allSatisfy { ($1 - Double($0)).magnitude < 5e-5 }, "\(variant), result \(index)")
                }
            }
            _ = KernelTests.sameBits("\(shape)") { run().flatMap { $0 } }
        }

        @Test("Direct sums of what is not finite", arguments: [Shape(kernel: 1, padding: 0), Shape(channels: 3)])
        func notFinite(_ shape: Shape) {
            var c = shape.c
            var x = [Float](repeating: 1, count: shape.x.reduce(1, *))
            x[0] = .nan
            x[x.count - 1] = -.infinity
            let w = [Float](repeating: 1, count: shape.weight.reduce(1, *))
            let mx = Memory(shape.channels % 16 == 0 ? shape.laidOut(x, shape.x) : x), mw = Memory(w)
            func f(_ memory: Memory) -> UnsafeMutablePointer<Float> { memory.start.assumingMemoryBound(to: Float.self) }
            KernelTests.onEveryVariant { variant in
                let (y, room) = (Memory(repeating: Float.nan, count: shape.y.reduce(1, *)), Memory(w))
                hk_taps_convolve(&c, hk_convolution_forward, f(mx), f(mw), nil, nil, false, true, f(y), room.start)
                let got = shape.laidOut(y.array(Float.self), shape.y, back: true)
                // A rectified NaN stays one, what is infinitely far below zero becomes it; pixels that read neither are finite.
                #expect(got[0].isNaN, "\(variant)")
                #expect(got[got.count - 1] == 0, "\(variant)")
                #expect(got[shape.outWidth * shape.outHeight / 2].isFinite, "\(variant)")
            }
        }

        @Test("What direct sums do not take")
        func notTaps() {
            for shape in [Shape(outputs: 24), Shape(channelsLast: true), Shape(bf16: true), Shape(images: 0)] {
                var c = shape.c
                #expect(!hk_taps_supports(&c, hk_convolution_forward), "\(shape)")
            }
            var (c, wide) = (Shape().c, Shape(height: 30, width: 30, kernel: 9, stride: 9, padding: 0).c)
            #expect(!hk_taps_supports(&c, hk_convolution_backward_weights))
            #expect(hk_taps_supports(&wide, hk_convolution_forward) && !hk_taps_supports(&wide, hk_convolution_backward_data))
        }

        @Test(
            "Few output channels",
            arguments: [
                Shape(outputs: 3, height: 20, width: 70, kernel: 9, padding: 4), Shape(channels: 32, outputs: 1, padding: 0),
                Shape(outputs: 5, kernel: 5, padding: 2, channelsLast: true), Shape(outputs: 16, kernel: 1, padding: 0),
            ])
        func narrow(_ shape: Shape) {
            let x: [Float] = samples(shape.x.reduce(1, *), in: -1...1), w: [Float] = samples(shape.weight.reduce(1, *), in: -1...1)
            let bias: [Float] = samples(shape.outputs, in: -1...1)
            let plane = shape.outHeight * shape.outWidth
            var y = (0..<shape.images * shape.outputs * plane).map { Double(bias[$0 / plane % shape.outputs]) }
            shape.forEachProduct { y[$2] += Double(x[$0]) * Double(w[$1]) }
            check(shape, hk_convolution_forward, shape.laidOut(x, shape.x), w, bias, y)
        }

        @Test(
            "Few output channels, transposed",
            arguments: [
                Shape(channels: 3, height: 12, width: 40, kernel: 4, stride: 2), Shape(channels: 1, outputs: 32, kernel: 3, stride: 2),
                Shape(channels: 4, kernel: 3, channelsLast: true), Shape(channels: 1, kernel: 5, stride: 3, padding: 2),
                Shape(channels: 2, height: 10, width: 10, kernel: 3, stride: 2),
            ])
        func narrowTransposed(_ shape: Shape) {
            let dy: [Float] = samples(shape.y.reduce(1, *), in: -1...1), w: [Float] = samples(shape.weight.reduce(1, *), in: -1...1)
            let bias: [Float] = samples(shape.channels, in: -1...1)
            let plane = shape.height * shape.width
            var dx = (0..<shape.images * shape.channels * plane).map { Double(bias[$0 / plane % shape.channels]) }
            shape.forEachProduct { dx[$0] += Double(dy[$2]) * Double(w[$1]) }
            check(shape, hk_convolution_backward_data, shape.laidOut(dy, shape.y), w, bias, dx)
        }

        @Test(
            "Weight gradients as direct sums",
            arguments: [
                Shape(), Shape(channels: 48, outputs: 48, kernel: 1, padding: 0, channelsLast: true),
                Shape(kernel: 1, stride: 2, padding: 0), Shape(channels: 32, height: 8, width: 8, kernel: 4, stride: 2),
                Shape(images: 3, height: 12, width: 13, kernel: 3), Shape(bf16: true),
                Shape(channels: 48, outputs: 48, kernel: 1, padding: 0, channelsLast: true, bf16: true),
                Shape(images: 3, height: 11, width: 13, kernel: 3, stride: 2, bf16: true),
                Shape(images: 1, height: 5, width: 5, kernel: 3, padding: 0, bf16: true),
            ])
        func directWeights(_ shape: Shape) {
            var c = shape.c
            #expect(hk_direct_supports(&c))
            let x: [Float] = samples(shape.x.reduce(1, *), in: -1...1), dy: [Float] = samples(shape.y.reduce(1, *), in: -1...1).reversed()
            var dw = [Double](repeating: 0, count: shape.weight.reduce(1, *)), db = [Double](repeating: 0, count: shape.outputs)
            // The nearest bf16, ties to even.
            func multiplied(_ value: Float) -> Double {
                let bits = value.bitPattern
                return Double(shape.bf16 ? Float(bitPattern: (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000) : value)
            }
            let (left, right) = (x.map(multiplied), dy.map(multiplied))
            shape.forEachProduct { dw[$1] += left[$0] * right[$2] }
            let plane = shape.outHeight * shape.outWidth
            for (place, value) in dy.enumerated() { db[place / plane % shape.outputs] += Double(value) }
            let mx = Memory(shape.laidOut(x, shape.x)), my = Memory(shape.laidOut(dy, shape.y))
            func run() -> [Float] {
                let mw = Memory(repeating: Float.nan, count: dw.count), mb = Memory(repeating: Float.nan, count: db.count)
                let scratch = Memory(repeating: Float.nan, count: hk_direct_scratch_bytes(&c) / 4)
                func f(_ memory: Memory) -> UnsafeMutablePointer<Float> { memory.start.assumingMemoryBound(to: Float.self) }
                hk_direct_convolve_weights(&c, f(mx), f(my), f(mw), f(mb), scratch.start)
                _ = scratch.array(Float.self)
                return mw.array() + mb.array()
            }
            KernelTests.onEveryVariant { variant in
                #expect(zip(run(), dw + db).allSatisfy { ($1 - Double($0)).magnitude < 5e-5 }, "\(variant)")
            }
            _ = KernelTests.sameBits("\(shape)", run)
        }

        private func check(
            _ shape: Shape, _ direction: hk_convolution_direction, _ input: [Float], _ w: [Float], _ bias: [Float], _ want: [Double]
        ) {
            var c = shape.c
            #expect(hk_narrow_supports(&c, direction))
            let mi = Memory(input), mw = Memory(w), mb = Memory(bias)
            func run() -> [Float] {
                let output = Memory(repeating: Float.nan, count: want.count)
                let scratch = Memory(repeating: Float.nan, count: hk_narrow_scratch_bytes(&c, direction) / 4)
                func f(_ memory: Memory) -> UnsafeMutablePointer<Float> { memory.start.assumingMemoryBound(to: Float.self) }
                hk_narrow_convolve(&c, direction, f(mi), f(mw), f(mb), f(output), scratch.start)
                _ = scratch.array(Float.self)
                return output.array()
            }
            // Sums of that many products with rounding like a random walk's.
            let tolerance = 2e-6 * Double(shape.kernel * shape.kernel * max(shape.channels, shape.outputs)).squareRoot()
            KernelTests.onEveryVariant { variant in
                #expect(zip(run(), want).allSatisfy { ($1 - Double($0)).magnitude < tolerance }, "\(variant)")
            }
            _ = KernelTests.sameBits("\(shape)", run)
        }
    }
}
