import Hillock

/// T20, T21: images to images, evaluated.
extension Workloads {
    static var imageNetworks: [Entry] {
        [
            ("T20", { .inference(SRResNet(), images(1, 3, 64)) }),
            ("T21", { .inference(StyleNet(), images(1, 3, 512)) }),
        ]
    }
}

private func conv(_ inputs: Int, _ outputs: Int, kernel: Int, bias: Bool = true) -> Conv2d {
    Conv2d(inputs, outputs, kernel: kernel, padding: kernel / 2, bias: bias)
}

/// The generator of Ledig et al. 2017, which makes images four times larger.
private struct SRResNet: Layer {
    let head = Sequential(conv(3, 64, kernel: 9), PReLU())
    let blocks = (0..<16).map { _ in
        Sequential(
            conv(64, 64, kernel: 3, bias: false), BatchNorm2d(64), PReLU(), conv(64, 64, kernel: 3, bias: false), BatchNorm2d(64))
    }
    let mid = Sequential(conv(64, 64, kernel: 3, bias: false), BatchNorm2d(64))
    let tail = Sequential(
        conv(64, 256, kernel: 3), PixelShuffle(2), PReLU(), conv(64, 256, kernel: 3), PixelShuffle(2), PReLU(), conv(64, 3, kernel: 9))

    func callAsFunction(_ x: Tensor) -> Tensor {
        let features = head(x)
        return tail(mid(blocks.reduce(features) { $0 + $1($0) }) + features)
    }
}

/// The transformation network of Johnson et al. 2016 with instance norm, reflection padding and nearest-neighbour upsampling.
private struct StyleNet: Layer {
    let head = Sequential(
        padded(3, 32, kernel: 9) + [InstanceNorm2d(32, affine: true), ReLU()] as [any Layer] + padded(32, 64, kernel: 3, stride: 2)
            + [InstanceNorm2d(64, affine: true), ReLU()] as [any Layer] + padded(64, 128, kernel: 3, stride: 2) + [
                InstanceNorm2d(128, affine: true), ReLU(),
            ] as [any Layer]
    )
    let blocks = (0..<5).map { _ in
        Sequential(
            padded(128, 128, kernel: 3) + [InstanceNorm2d(128, affine: true), ReLU()] as [any Layer] + padded(128, 128, kernel: 3) + [
                InstanceNorm2d(128, affine: true)
            ])
    }
    let tail = Sequential(
        [Upsample(factor: 2)] + padded(128, 64, kernel: 3) + [InstanceNorm2d(64, affine: true), ReLU(), Upsample(factor: 2)] as [any Layer]
            + padded(64, 32, kernel: 3) + [InstanceNorm2d(32, affine: true), ReLU()] as [any Layer] + padded(32, 3, kernel: 9))

    private static func padded(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1) -> [any Layer] {
        [ReflectionPad2d(kernel / 2), Conv2d(inputs, outputs, kernel: kernel, stride: stride)]
    }

    func callAsFunction(_ x: Tensor) -> Tensor { tail(blocks.reduce(head(x)) { $0 + $1($0) }) }
}
