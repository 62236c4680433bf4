import Hillock

/// T04, T07, I03: residual networks (He et al. 2016).
extension Workloads {
    static var residualNetworks: [Entry] {
        [
            ("T04", { .classification(.forCIFAR(), images(32, 3, 32), classes: 10) { momentum($0) } }),
            ("T07", { residualTraining(WorkloadSize()) }),
            ("I03-b1", { .inference(ResNet.fifty(), images(1, 3, 224)) }),
            ("I03-b32", { .inference(ResNet.fifty(), images(32, 3, 224)) }),
        ]
    }

    /// T07, in any batch.
    static func residualTraining(_ size: WorkloadSize) -> Workload {
        .classification(.fifty(), images(size.batch ?? 8, 3, 224), classes: 1000) { momentum($0) }
    }

    private static func momentum(_ model: ResNet) -> any Optimizer { SGD(model, learningRate: 0.01, momentum: 0.9) }
}

/// Convolutions whose output is added to their input, `relu(body(x) + down(x))`; with a bottleneck 1×1, 3×3, 1×1 (×4 channels).
private struct ResidualBlock: Layer {
    let body: Sequential
    let down: Sequential?

    init(_ inputs: Int, width: Int, stride: Int, bottleneck: Bool) {
        let outputs = bottleneck ? width * 4 : width
        func conv(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1) -> Conv2d {
            Conv2d(inputs, outputs, kernel: kernel, stride: stride, padding: kernel / 2, bias: false)
        }
        body =
            bottleneck
            ? Sequential(
                conv(inputs, width, kernel: 1), BatchNorm2d(width), ReLU(), conv(width, width, kernel: 3, stride: stride),
                BatchNorm2d(width),
                ReLU(), conv(width, outputs, kernel: 1), BatchNorm2d(outputs))
            : Sequential(
                conv(inputs, width, kernel: 3, stride: stride), BatchNorm2d(width), ReLU(), conv(width, outputs, kernel: 3),
                BatchNorm2d(outputs))
        down =
            stride != 1 || inputs != outputs
            ? Sequential(conv(inputs, outputs, kernel: 1, stride: stride), BatchNorm2d(outputs)) : nil
    }

    func callAsFunction(_ x: Tensor) -> Tensor { relu(body(x) + (down?(x) ?? x)) }
}

/// A stem, stages of residual blocks of widths 64, 128, 256 and 512, a global average and a classifier.
private struct ResNet: Layer {
    let stem: Sequential
    let blocks: Sequential
    let fc: Linear

    init(stem: Sequential, counts: [Int], bottleneck: Bool, classes: Int) {
        var blocks: [any Layer] = []
        var channels = 64
        for (stage, count) in counts.enumerated() {
            let width = 64 << stage
            for position in 0..<count {
                blocks.append(ResidualBlock(channels, width: width, stride: stage > 0 && position == 0 ? 2 : 1, bottleneck: bottleneck))
                channels = bottleneck ? width * 4 : width
            }
        }
        self.stem = stem
        self.blocks = Sequential(blocks)
        fc = Linear(channels, classes)
    }

    /// ResNet-18 for images of 32 × 32.
    static func forCIFAR() -> ResNet {
        let stem = Sequential(Conv2d(3, 64, kernel: 3, padding: 1, bias: false), BatchNorm2d(64), ReLU())
        return ResNet(stem: stem, counts: [2, 2, 2, 2], bottleneck: false, classes: 10)
    }

    /// ResNet-50, version 1.5: the 3×3 convolutions have the strides.
    static func fifty() -> ResNet {
        let stem = Sequential(
            Conv2d(3, 64, kernel: 7, stride: 2, padding: 3, bias: false), BatchNorm2d(64), ReLU(),
            MaxPool2d(kernel: 3, stride: 2, padding: 1))
        return ResNet(stem: stem, counts: [3, 4, 6, 3], bottleneck: true, classes: 1000)
    }

    func callAsFunction(_ x: Tensor) -> Tensor { fc(blocks(stem(x)).mean(axes: 2, 3)) }
}
