import HillockCore

extension OperationCase {
    /// Operations of networks that make images.
    static let images: [OperationCase] = {
        let convolution =
            "convTranspose2d(Tensor, Tensor, bias: Tensor?, stride: (Int, Int), padding: (Int, Int), outputPadding: (Int, Int), dilation: (Int, Int), groups: Int)"
        let upsampling = "upsample2d(Tensor, to: (Int, Int), mode: InterpolationMode)"
        let reflection = "reflectionPad2d(Tensor, left: Int, right: Int, top: Int, bottom: Int)"
        return [
            OperationCase("convTranspose2d/plain", convolution) { convTranspose2d($0[0], $0[1], bias: $0[2]) },
            OperationCase("convTranspose2d/stride") { convTranspose2d($0[0], $0[1], stride: (2, 2), padding: (1, 1)) },
            OperationCase("convTranspose2d/outputPadding") {
                convTranspose2d($0[0], $0[1], stride: (2, 2), padding: (1, 1), outputPadding: (1, 1))
            },
            OperationCase("convTranspose2d/groups") {
                convTranspose2d(
                    $0[0], $0[1], bias: $0[2], stride: (3, 2), padding: (0, 1), outputPadding: (2, 1), dilation: (1, 2), groups: 2)
            },
            OperationCase("convTranspose2d/beyondStride") {
                convTranspose2d($0[0], $0[1], padding: (1, 0), outputPadding: (2, 2), dilation: (3, 3))
            },
            OperationCase("convTranspose2d/wholeImage") { convTranspose2d($0[0], $0[1], bias: $0[2]) },
            OperationCase("convTranspose2d/emptyBatch") { convTranspose2d($0[0], $0[1]) },
            OperationCase("prelu/one", "prelu(Tensor, slope: Tensor)") { prelu($0[0], slope: $0[1]) },
            OperationCase("prelu/channels") { prelu($0[0], slope: $0[1]) },
            OperationCase("prelu/special") { prelu($0[0], slope: $0[1]) },
            OperationCase("pixelShuffle/two", "pixelShuffle(Tensor, factor: Int)") { pixelShuffle($0[0], factor: 2) },
            OperationCase("pixelShuffle/three") { pixelShuffle($0[0], factor: 3) },
            OperationCase("pixelShuffle/empty") { pixelShuffle($0[0], factor: 2) },
            OperationCase("upsample2d/nearest", upsampling) { upsample2d($0[0], to: (8, 9)) },
            OperationCase("upsample2d/nearestUneven") { upsample2d($0[0], to: (7, 3)) },
            OperationCase("upsample2d/bilinear") { upsample2d($0[0], to: (8, 7), mode: .bilinear()) },
            OperationCase("upsample2d/bilinearSmaller") { upsample2d($0[0], to: (3, 6), mode: .bilinear()) },
            OperationCase("upsample2d/aligningCorners") { upsample2d($0[0], to: (5, 9), mode: .bilinear(aligningCorners: true)) },
            OperationCase("upsample2d/aligningCornersOne") { upsample2d($0[0], to: (1, 2), mode: .bilinear(aligningCorners: true)) },
            OperationCase("reflectionPad2d/all", reflection) { reflectionPad2d($0[0], left: 2, right: 2, top: 2, bottom: 2) },
            OperationCase("reflectionPad2d/uneven") { reflectionPad2d($0[0], left: 1, right: 0, top: 2, bottom: 3) },
            OperationCase("adaptiveAvgPool2d/global", "adaptiveAvgPool2d(Tensor, to: (Int, Int))") { adaptiveAvgPool2d($0[0], to: (1, 1)) },
            OperationCase("adaptiveAvgPool2d/dividing") { adaptiveAvgPool2d($0[0], to: (2, 3)) },
            OperationCase("adaptiveAvgPool2d/overlapping") { adaptiveAvgPool2d($0[0], to: (3, 7)) },
        ]
    }()
}
