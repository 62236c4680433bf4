import Hillock

/// T12, T13, T19: networks that make images.
extension Workloads {
    static var generativeNetworks: [Entry] { [("T12", dcgan), ("T13", variationalAutoencoder), ("T19", pix2pix)] }

    /// A step of both players, in one program: the critic's on real and made images, then the generator's through the new critic.
    private static func dcgan() -> Workload {
        let gan = DCGAN()
        PortableRandom.initialize(gan)
        let real = PortableRandom(stream: 1).uniform([16, 3, 64, 64], low: -1)
        let z = PortableRandom(stream: 2).normal([16, 100, 1, 1])
        let (one, zero) = (Tensor.ones([16, 1, 1, 1]), Tensor.zeros([16, 1, 1, 1]))
        evaluate(one, zero)
        let generator = Adam(gan.g, learningRate: 2e-4, beta1: 0.5)
        let critic = Adam(gan.d, learningRate: 2e-4, beta1: 0.5)
        let criticBuffers = gan.d.contents().buffers.map(\.buffer)
        // A function of its own, so that nothing of the step is held when it is computed.
        @inline(never) func record() -> (written: [Tensor], gradients: Gradients, loss: Tensor) {
            var fake = Tensor(0)
            var written: [Tensor] = []
            var criticLoss = Tensor(0)
            let (generatorLoss, gradients) = valueAndGradient(of: generator.parameters) {
                fake = gan.g(z)
                let (loss, gradients) = valueAndGradient(of: critic.parameters) {
                    binaryCrossEntropy(logits: gan.d(real), one) + binaryCrossEntropy(logits: gan.d(fake.stoppingGradient()), zero)
                }
                criticLoss = loss
                written = critic.recordUpdate(gradients)
                return binaryCrossEntropy(logits: gan.d(fake), one)
            }
            return (written, gradients, criticLoss + generatorLoss)
        }
        var workload = Workload {
            withTraining {
                let (written, gradients, loss) = record()
                generator.update(gradients, evaluating: written + criticBuffers.map(\.value) + [loss])
                return loss
            }
        }
        workload.samples = 16
        workload.hasLoss = true
        return workload
    }

    private static func variationalAutoencoder() -> Workload {
        let model = VariationalAutoencoder()
        PortableRandom.initialize(model)
        let x = PortableRandom(stream: 1).uniform([128, 1, 28, 28])
        let noise = PortableRandom(stream: 2).normal([128, 20])
        return .training(Adam(model, learningRate: 1e-3), samples: 128) { model.loss(x, noise: noise) }
    }

    /// Forward and backward only, no update.
    private static func pix2pix() -> Workload {
        let model = UNet()
        PortableRandom.initialize(model)
        let contents = model.contents()
        let (parameters, buffers) = (contents.parameters.map(\.parameter), contents.buffers.map(\.buffer))
        evaluate(buffers.map(\.value))
        let x = PortableRandom(stream: 1).normal([4, 3, 128, 128])
        let target = PortableRandom(stream: 2).uniform([4, 3, 128, 128], low: -1)
        var workload = Workload {
            withTraining {
                let (loss, gradients) = valueAndGradient(of: parameters) { abs(model(x) - target).mean() }
                evaluate([loss] + gradients.values + buffers.map(\.value))
                return loss
            }
        }
        workload.samples = 4
        workload.hasLoss = true
        return workload
    }
}

/// Generator and critic of Radford et al. 2016, 64 × 64 pixels, no biases.
private struct DCGAN: Module {
    let g: Sequential
    let d: Sequential

    init(width: Int = 64, noise: Int = 100) {
        func deconv(_ inputs: Int, _ outputs: Int, stride: Int, padding: Int) -> ConvTranspose2d {
            ConvTranspose2d(inputs, outputs, kernel: 4, stride: stride, padding: padding, bias: false)
        }
        func conv(_ inputs: Int, _ outputs: Int, stride: Int, padding: Int) -> Conv2d {
            Conv2d(inputs, outputs, kernel: 4, stride: stride, padding: padding, bias: false)
        }
        var g: [any Layer] = [deconv(noise, 8 * width, stride: 1, padding: 0), BatchNorm2d(8 * width), ReLU()]
        for m in [8, 4, 2] {
            g += [deconv(m * width, m * width / 2, stride: 2, padding: 1), BatchNorm2d(m * width / 2), ReLU()] as [any Layer]
        }
        self.g = Sequential(g + [deconv(width, 3, stride: 2, padding: 1), Tanh()] as [any Layer])
        var d: [any Layer] = [conv(3, width, stride: 2, padding: 1), LeakyReLU(slope: 0.2)]
        for m in [1, 2, 4] {
            d += [conv(m * width, 2 * m * width, stride: 2, padding: 1), BatchNorm2d(2 * m * width), LeakyReLU(slope: 0.2)] as [any Layer]
        }
        self.d = Sequential(d + [conv(8 * width, 1, stride: 1, padding: 0)])
    }
}

/// A convolutional variational autoencoder (Kingma and Welling 2014) of 28 × 28 pixels.
private struct VariationalAutoencoder: Module {
    let encoder = Sequential(
        Conv2d(1, 32, kernel: 3, stride: 2, padding: 1), ReLU(), Conv2d(32, 64, kernel: 3, stride: 2, padding: 1), ReLU(), Flatten(),
        Linear(3136, 256), ReLU(), Linear(256, 40))
    let hidden = Sequential(Linear(20, 3136), ReLU())
    let decoder = Sequential(
        ConvTranspose2d(64, 32, kernel: 3, stride: 2, padding: 1, outputPadding: 1), ReLU(),
        ConvTranspose2d(32, 1, kernel: 3, stride: 2, padding: 1, outputPadding: 1))

    /// Reconstruction, binary cross-entropy summed over the pixels, and divergence from the standard normal; a mean over the images.
    func loss(_ x: Tensor, noise: Tensor) -> Tensor {
        let batch = x.shape[0]
        let parts = encoder(x).split(into: 2, axis: 1)
        let (mean, logVariance) = (parts[0], parts[1])
        let z = mean + noise * exp(logVariance * 0.5)
        let logits = decoder(hidden(z).reshaped(to: [batch, 64, 7, 7]))
        let reconstruction = binaryCrossEntropy(logits: logits, x) * Double(x.count / batch)
        let divergence = (1 + logVariance - mean * mean - exp(logVariance)).sum() * (-0.5 / Double(batch))
        return reconstruction + divergence
    }
}

/// The U-Net of pix2pix (Isola et al. 2017) for 128 × 128 pixels, without dropout.
private struct UNet: Layer {
    let down: [Sequential]
    let up: [Sequential]

    init() {
        let widths = [64, 128, 256, 512, 512, 512, 512]
        var down = [Sequential(Conv2d(3, 64, kernel: 4, stride: 2, padding: 1))]
        for i in 1...6 {
            let conv = Conv2d(widths[i - 1], widths[i], kernel: 4, stride: 2, padding: 1, bias: i == 6)
            down.append(
                i == 6 ? Sequential(LeakyReLU(slope: 0.2), conv) : Sequential(LeakyReLU(slope: 0.2), conv, BatchNorm2d(widths[i])))
        }
        self.down = down
        let up = (1...6).reversed().map { i in
            Sequential(
                ReLU(), ConvTranspose2d(widths[i] * (i == 6 ? 1 : 2), widths[i - 1], kernel: 4, stride: 2, padding: 1, bias: false),
                BatchNorm2d(widths[i - 1]))
        }
        self.up = up + [Sequential(ReLU(), ConvTranspose2d(128, 3, kernel: 4, stride: 2, padding: 1), Tanh())]
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        var x = x
        var skips: [Tensor] = []
        for block in down {
            x = block(x)
            skips.append(x)
        }
        skips.removeLast()
        for block in up {
            x = block(x)
            if let skip = skips.popLast() { x = concatenate([skip, x], axis: 1) }
        }
        return x
    }
}
