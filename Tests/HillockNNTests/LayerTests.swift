import HillockCore
import HillockNN
import Testing

@Suite struct LayerTests {
    static let reference = ReferenceValues.layers

    /// The native engine, and XLA's where its plugin for the CPU is installed.
    static let devices: [Device] = [.cpu] + ((try? Device(named: "xla-cpu")).map { [$0] } ?? [])

    @Test("Forward, gradients and running statistics are PyTorch's", arguments: LayerCase.all, devices)
    func agreesWithPyTorch(_ layerCase: LayerCase, on device: Device) throws {
        let layer = layerCase.make()
        let values = Self.reference.group("\(layerCase.name).")
        try layer.load(Self.reference.group("\(layerCase.name).state."))
        let contents = layer.contents()

        let x = Parameter(Tensor(values["x"]!))
        let isIndex = !x.type.dtype.isFloatingPoint
        let variables = (isIndex ? [] : [x]) + contents.parameters.map(\.parameter)
        var y = Tensor(0)
        try Device.$current.withValue(device) {
            let (_, gradients) = withTraining(layerCase.isTraining) {
                valueAndGradient(of: variables) {
                    y = layer(x.value)
                    return (y * Tensor(values["dy"]!)).sum()
                }
            }
            try expectClose(y, values["y"]!, "y")
            if !isIndex { try expectClose(gradients[x]!, values["dx"]!, "dx") }
            for (name, parameter) in contents.parameters {
                try expectClose(gradients[parameter]!, values["grad.\(name)"]!, tolerance: 1e-11, "gradient of \(name)")
            }
            for (name, buffer) in contents.buffers { try expectClose(buffer.value, values["after.\(name)"]!, "\(name) afterwards") }
        }
    }

    /// Along one random direction through the input and all parameters; a padding row has no gradient on purpose.
    @Test("Gradients are the central differences", arguments: LayerCase.all.filter { $0.name != "embedding-padding" })
    func agreesWithCentralDifferences(_ layerCase: LayerCase) throws {
        let layer = layerCase.make()
        let values = Self.reference.group("\(layerCase.name).")
        try layer.load(Self.reference.group("\(layerCase.name).state."))
        let x = Parameter(Tensor(values["x"]!))
        let variables = (x.type.dtype.isFloatingPoint ? [x] : []) + layer.parameters()
        if variables.isEmpty { return }
        let starts = variables.map(\.value)
        let directions = withSeed(7) { starts.map { Tensor.normal($0.shape, dtype: .float64) } }
        func loss() -> Tensor { withTraining(layerCase.isTraining) { (layer(x.value) * Tensor(values["dy"]!)).sum() } }
        func loss(at step: Double) -> Double {
            for (variable, (start, direction)) in zip(variables, zip(starts, directions)) { variable.value = start + direction * step }
            return loss().item()
        }
        let step = 1e-5
        let difference = (loss(at: step) - loss(at: -step)) / (2 * step)
        _ = loss(at: 0)
        let (_, gradients) = valueAndGradient(of: variables) { loss() }
        let slope = zip(gradients.values, directions).reduce(0) { $0 + ($1.0 * $1.1).sum().item() }
        #expect(abs(slope - difference) <= 1e-7 * max(1, abs(difference)), "\(slope), by differences \(difference)")
    }

    @Test("Saved and loaded into a new layer, it gives the same bits", arguments: LayerCase.all)
    func survivesSaving(_ layerCase: LayerCase) throws {
        let x = Tensor(Self.reference["\(layerCase.name).x"])
        let (first, second) = (layerCase.make(), layerCase.make())
        if layerCase.isTraining { evaluate(withTraining { first(x) }) }
        var saved: [String: HostArray] = [:]
        for (name, tensor) in first.stateTensors() { saved[name] = try tensor.hostArray() }
        try second.load(saved)
        #expect(try bits(first(x)) == bits(second(x)))
        #expect(Set(saved.keys) == Set(Self.reference.group("\(layerCase.name).state.").keys))
    }

    @Test("The summary has the layer's output shape and parameters", arguments: LayerCase.all)
    func summarizes(_ layerCase: LayerCase) throws {
        let layer = layerCase.make()
        let x = Self.reference["\(layerCase.name).x"]
        let summary = layer.summary(inputs: [TensorType(x.dtype, x.shape)]) { layer($0[0]) }
        #expect(summary.rows.last?.outputShape == Self.reference["\(layerCase.name).y"].shape)
        #expect(summary.parameters == layer.parameterCount)
        #expect(summary.rows.reduce(0) { $0 + $1.parameters } == layer.parameterCount)
        #expect(summary.rows.reduce(0) { $0 + $1.flops } == summary.flops)
        #expect(layer.contents().parameters.allSatisfy { !$0.parameter.value.isEvaluated }, "nothing is computed")
    }

    @Test("A size that fits is valid, and the model stays as it was", arguments: LayerCase.all)
    func validates(_ layerCase: LayerCase) throws {
        let x = Self.reference["\(layerCase.name).x"]
        let layer = layerCase.make()
        try withTraining(layerCase.isTraining) { try Outer(inner: layer).validate(inputs: TensorType(x.dtype, x.shape)) }
        #expect(layer.stateTensors().allSatisfy { !$0.tensor.isEvaluated || $0.name.hasSuffix("num_batches_tracked") })
    }

    @Test func dropoutZeroesAndScales() throws {
        let layer = Dropout(0.3)
        let x = Tensor.ones([200, 100])
        #expect(try bits(layer(x)) == bits(x))
        let (y, again) = withSeed(7) { withTraining { (layer(x), layer(x)) } }
        let values = y.elements(as: Float.self)
        let kept = values.filter { $0 != 0 }
        #expect(kept.allSatisfy { abs($0 - 1 / 0.7) < 1e-6 })
        // 20,000 draws: four standard deviations are 0.013.
        #expect(abs(Double(kept.count) / 20_000 - 0.7) < 0.013)
        #expect(again.elements(as: Float.self) != values)
        #expect(withSeed(7) { withTraining { layer(x) } }.elements(as: Float.self) == values)
    }

    @Test func batchNormMovesRunningStatisticsOnlyInTraining() throws {
        let layer = BatchNorm2d(2)
        let x = Tensor.normal([4, 2, 3, 3], mean: 5)
        _ = layer(x)
        #expect(layer.batchesTracked.value.item() == 0)
        #expect(layer.runningMean.value.elements(as: Float.self) == [0, 0])
        try withTraining { try layer.validate(inputs: x.type) }
        #expect(layer.batchesTracked.value.item() == 0)
        for _ in 0..<3 { _ = withTraining { layer(x) } }
        #expect(layer.batchesTracked.value.item() == 3)
        // After three batches with mean 5: 5 · (1 − 0.9³).
        #expect(abs(layer.runningMean.value.mean().item() - 5 * (1 - 0.729)) < 0.3)
    }

    @Test func crossEntropyHasWeightsAndSmoothing() throws {
        let r = Self.reference
        let labels = Tensor(r["crossentropy.labels"])
        let weights = Tensor(r["crossentropy.weights"])
        for (name, classWeights, smoothing) in [
            ("plain", nil, 0), ("weighted", weights, 0), ("smoothed", nil, 0.1), ("both", weights, 0.3),
        ] as [(String, Tensor?, Double)] {
            let (loss, gradient) = valueAndGradient(at: Tensor(r["crossentropy.logits"])) {
                crossEntropy($0, labels, classWeights: classWeights, labelSmoothing: smoothing)
            }
            try expectClose(loss, r["crossentropy.\(name)"], name)
            try expectClose(gradient, r["crossentropy.\(name).gradient"], name)
        }
    }
}

/// A model around a layer, as users write them.
struct Outer: Layer {
    let inner: any Layer
    func callAsFunction(_ x: Tensor) -> Tensor { inner(x) }
}
