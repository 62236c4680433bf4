import Hillock

/// T01–T03, T05, T06, I01, I02: networks that are layers in a row.
extension Workloads {
    static var classifiers: [Entry] {
        [
            ("T01", { .classification(Sequential(Linear(784, 10)), vectors(128), classes: 10) { SGD($0, learningRate: 0.01) } }),
            ("T02", { .classification(multilayerPerceptron(), vectors(128), classes: 10) { Adam($0, learningRate: 1e-3) } }),
            ("T03", { leNetTraining(WorkloadSize()) }),
            ("T05", { .classification(alexNet(), images(16, 3, 224), classes: 1000) { SGD($0, learningRate: 1e-3) } }),
            ("T06", { .classification(vgg16(), images(4, 3, 224), classes: 1000) { SGD($0, learningRate: 1e-4) } }),
            ("I01-b1", { .inference(multilayerPerceptron(), vectors(1)) }),
            ("I01-b32", { .inference(multilayerPerceptron(), vectors(32)) }),
            ("I02-b1", { .inference(leNet(), images(1, 1, 28)) }),
            ("I02-b32", { .inference(leNet(), images(32, 1, 28)) }),
        ]
    }

    static func vectors(_ batch: Int) -> Tensor { PortableRandom(stream: 1).normal([batch, 784]) }

    static func images(_ batch: Int, _ channels: Int, _ size: Int) -> Tensor {
        PortableRandom(stream: 1).normal([batch, channels, size, size])
    }

    /// T03, in any batch.
    static func leNetTraining(_ size: WorkloadSize) -> Workload {
        .classification(leNet(), images(size.batch ?? 128, 1, 28), classes: 10) { Adam($0, learningRate: 1e-3) }
    }

    private static func multilayerPerceptron() -> Sequential {
        Sequential(Linear(784, 512), ReLU(), Linear(512, 512), ReLU(), Linear(512, 10))
    }

    private static func leNet() -> Sequential {
        Sequential(
            Conv2d(1, 32, kernel: 3), ReLU(), Conv2d(32, 64, kernel: 3), ReLU(), MaxPool2d(kernel: 2), Flatten(), Linear(9216, 128), ReLU(),
            Linear(128, 10))
    }

    /// AlexNet with one tower (Krizhevsky 2014).
    private static func alexNet() -> Sequential {
        func pool() -> MaxPool2d { MaxPool2d(kernel: 3, stride: 2) }
        return Sequential(
            Conv2d(3, 64, kernel: 11, stride: 4, padding: 2), ReLU(), pool(), Conv2d(64, 192, kernel: 5, padding: 2), ReLU(), pool(),
            Conv2d(192, 384, kernel: 3, padding: 1), ReLU(), Conv2d(384, 256, kernel: 3, padding: 1), ReLU(),
            Conv2d(256, 256, kernel: 3, padding: 1), ReLU(), pool(), Flatten(), Linear(9216, 4096), ReLU(), Linear(4096, 4096), ReLU(),
            Linear(4096, 1000))
    }

    /// VGG-16 without batch norm (Simonyan and Zisserman 2015); 0 is a max pooling.
    private static func vgg16() -> Sequential {
        var layers: [any Layer] = []
        var channels = 3
        for width in [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0] {
            if width == 0 {
                layers.append(MaxPool2d(kernel: 2))
            } else {
                layers += [Conv2d(channels, width, kernel: 3, padding: 1), ReLU()]
                channels = width
            }
        }
        layers += [Flatten(), Linear(25088, 4096), ReLU(), Linear(4096, 4096), ReLU(), Linear(4096, 1000)]
        return Sequential(layers)
    }
}
