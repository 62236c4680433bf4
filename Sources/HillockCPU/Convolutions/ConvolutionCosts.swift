import HillockCore

/// What a convolution's algorithms cost, in cycles of one core with two multiply-adds.
struct ConvolutionCosts {
    /// What was measured on a kind of machine.
    private struct Rates {
        /// Multiply-adds in a cycle that products come to, the same where a stride makes phases of channels, and direct sums.
        let products, phased, sums: Double
        /// Cycles to transform sixteen channels of a tile, and of weights.
        let tile, weight: Double
        /// Tiles that take as long as fewer do.
        let leastTiles: Double
    }

    /// With sixteen lanes: products at four fifths of the peak.
    private static let wide = Rates(products: 32 * 0.8, phased: 32 * 0.8, sums: 32 * 0.8, tile: 250, weight: 250, leastTiles: 0)
    /// With eight: both measured at 0.88 of the peak. Transformations take less than twice as long, since loads and stores are a part of
    /// them. With phases, whose channels are four times as many, transformed tiles and weights come from further away.
    private static let narrow = Rates(products: 16 * 0.88, phased: 16 * 0.6, sums: 16 * 0.88, tile: 400, weight: 360, leastTiles: 4)

    /// Our Winograd filtering's products, transformations of tiles, and of weights.
    private let products, tiles, weights: Double
    /// The direct sum, with copying the weights into a layout.
    private let direct: Double

    init(_ call: ConvolutionCall) {
        let rates = InstructionSet.current == .avx2 ? Self.narrow : Self.wide
        let (geometry, input, output) = (call.geometry, call.input, call.output)
        let stride = geometry.strides[0]
        let step = 7 - (call.weight[2] + stride - 1) / stride
        let phases = Double(stride * stride)
        var grid = (output[2], output[3])
        var channels = (in: Double(input[1]) * phases, out: Double(output[1]))
        if call.direction == .inputGradient {
            // Where the image begins, in steps; with sixteen lanes the rule was fitted to a grid that begins before it.
            let first = InstructionSet.current == .avx2 ? geometry.paddingBefore.map { $0 / stride } : [0, 0]
            grid = (
                (input[2] - 1 + geometry.paddingBefore[0]) / stride - first[0] + 1,
                (input[3] - 1 + geometry.paddingBefore[1]) / stride - first[1] + 1
            )
            channels = (in: Double(output[1]), out: Double(input[1]) * phases)
        }
        let count = Double(input[0] * ((grid.0 + step - 1) / step) * ((grid.1 + step - 1) / step))
        products = Swift.max(count, rates.leastTiles) * 36 * channels.in * channels.out / (stride > 1 ? rates.phased : rates.products)
        tiles = count * (channels.in + channels.out) / 16 * rates.tile
        weights = channels.in * channels.out / 16 * rates.weight
        direct = Double(call.floatingPointOperations) / 2 / rates.sums + 1.5 * Double(call.weight.count)
    }

    private var winograd: Double { products + tiles + weights }

    /// Whether our Winograd filtering is expected to be clearly faster than the direct sum.
    var prefersWinograd: Bool { winograd < 0.9 * direct }

    /// Whether it is expected to take at most half the time.
    var prefersWinogradByFar: Bool { winograd < 0.5 * direct }

    /// Whether Winograd's weights take little of its time: they are transformed once for all tiles.
    var hasManyTiles: Bool { weights < 0.2 * winograd }
}
