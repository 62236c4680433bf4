import HillockCore

extension OperationCase {
    /// Convolution and pooling.
    static let windows: [OperationCase] = {
        typealias Settings = (stride: (Int, Int), padding: (Int, Int), dilation: (Int, Int), groups: Int)
        let convolutions: [(String, Settings)] = [
            ("plain", ((1, 1), (0, 0), (1, 1), 1)),
            ("bias", ((1, 1), (0, 0), (1, 1), 1)),
            ("padded", ((1, 1), (1, 1), (1, 1), 1)),
            ("stride", ((2, 2), (0, 0), (1, 1), 1)),
            ("strideLeftover", ((3, 2), (0, 1), (1, 1), 1)),
            ("dilation", ((1, 1), (0, 0), (2, 2), 1)),
            ("dilationAndStride", ((2, 3), (2, 1), (3, 2), 1)),
            ("groups", ((1, 1), (1, 1), (1, 1), 2)),
            ("groupsStrideDilation", ((2, 2), (2, 2), (2, 2), 3)),
            ("depthwise", ((1, 1), (1, 1), (1, 1), 4)),
            ("depthwiseMultiplied", ((2, 2), (0, 0), (1, 1), 3)),
            ("pointwise", ((1, 1), (0, 0), (1, 1), 1)),
            ("pointwiseStride", ((2, 2), (0, 0), (1, 1), 1)),
            ("wholeImage", ((1, 1), (0, 0), (1, 1), 1)),
            ("oneByOneImage", ((1, 1), (1, 1), (1, 1), 1)),
            ("unevenKernel", ((1, 1), (0, 2), (1, 1), 1)),
            ("sevenByStride2", ((2, 2), (3, 3), (1, 1), 1)),
            ("sixteenChannels", ((1, 1), (1, 1), (1, 1), 1)),
            ("oneChannel", ((1, 1), (0, 0), (1, 1), 1)),
            ("wideStride", ((3, 3), (0, 0), (1, 1), 1)),
            ("emptyBatch", ((1, 1), (0, 0), (1, 1), 1)),
        ]
        let convolution =
            "conv2d(Tensor, Tensor, bias: Tensor?, stride: (Int, Int), padding: (Int, Int), dilation: (Int, Int), groups: Int)"
        var cases = convolutions.map { name, settings in
            OperationCase("conv2d/\(name)", convolution) {
                conv2d(
                    $0[0], $0[1], bias: $0.count > 2 ? $0[2] : nil, stride: settings.stride, padding: settings.padding,
                    dilation: settings.dilation, groups: settings.groups)
            }
        }
        let maximum = "maxPool2d(Tensor, kernel: (Int, Int), stride: (Int, Int)?, padding: (Int, Int), dilation: (Int, Int))"
        for variant in ["plain", "leftover", "emptyBatch", "ties", "special"] {
            cases.append(OperationCase("maxPool2d/\(variant)", maximum) { maxPool2d($0[0], kernel: (2, 2)) })
        }
        let average = "avgPool2d(Tensor, kernel: (Int, Int), stride: (Int, Int)?, padding: (Int, Int), countsPadding: Bool)"
        for variant in ["plain", "leftover", "emptyBatch"] {
            cases.append(OperationCase("avgPool2d/\(variant)", average) { avgPool2d($0[0], kernel: (2, 2)) })
        }
        return cases + [
            OperationCase("maxPool2d/overlapping") { maxPool2d($0[0], kernel: (3, 3), stride: (2, 2), padding: (1, 1)) },
            OperationCase("maxPool2d/uneven") { maxPool2d($0[0], kernel: (2, 3), stride: (1, 2), padding: (0, 1)) },
            OperationCase("maxPool2d/dilation") { maxPool2d($0[0], kernel: (2, 3), stride: (1, 2), dilation: (3, 2)) },
            OperationCase("maxPool2d/strideBeyondWindow") { maxPool2d($0[0], kernel: (2, 2), stride: (3, 3)) },
            OperationCase("maxPool2d/whole") { maxPool2d($0[0], kernel: (3, 3)) },
            OperationCase("maxPool2d/one") { maxPool2d($0[0], kernel: (1, 1)) },
            OperationCase("maxPool2d/negativePadded") { maxPool2d($0[0], kernel: (2, 2), stride: (2, 2), padding: (1, 1)) },
            OperationCase("avgPool2d/padded") { avgPool2d($0[0], kernel: (3, 3), stride: (2, 2), padding: (1, 1)) },
            OperationCase("avgPool2d/paddedExcluded") {
                avgPool2d($0[0], kernel: (3, 3), stride: (2, 2), padding: (1, 1), countsPadding: false)
            },
            OperationCase("avgPool2d/uneven") { avgPool2d($0[0], kernel: (2, 3), stride: (1, 2), padding: (1, 1), countsPadding: false) },
            OperationCase("avgPool2d/strideBeyondWindow") { avgPool2d($0[0], kernel: (2, 2), stride: (3, 3)) },
            OperationCase("avgPool2d/whole") { avgPool2d($0[0], kernel: (3, 3)) },
        ]
    }()
}
