import Foundation
import HillockCore
import HillockNN
import Testing

/// A multilayer perceptron as users write one.
private struct MLP: Layer {
    let hidden = Linear(784, 512)
    let hidden2 = Linear(512, 512)
    let output = Linear(512, 10)
    func callAsFunction(_ x: Tensor) -> Tensor { output(relu(hidden2(relu(hidden(x))))) }
}

/// A LeNet with every way to hold layers: directly, in a list, in a `Sequential`.
private struct LeNet: Layer {
    let features = Sequential(
        Conv2d(1, 6, kernel: 5, padding: 2), BatchNorm2d(6), ReLU(), MaxPool2d(kernel: 2), Conv2d(6, 16, kernel: 5), ReLU(),
        MaxPool2d(kernel: 2))
    let flatten = Flatten()
    let hidden = [Linear(400, 120), Linear(120, 84)]
    let output = Linear(84, 10)
    func callAsFunction(_ x: Tensor) -> Tensor {
        output(hidden.reduce(flatten(features(x))) { relu($1($0)) })
    }
}

/// Two names for one matrix.
private struct Tied: Layer {
    let embedding: Embedding
    let head: Head
    struct Head: Layer {
        let weight: Parameter
        func callAsFunction(_ x: Tensor) -> Tensor { matmul(x, weight.value, transposingRight: true) }
    }
    init() {
        embedding = Embedding(5, 3)
        head = Head(weight: embedding.weight)
    }
    func callAsFunction(_ x: Tensor) -> Tensor { head(embedding(x)) }
}

/// The one line of an error.
private func message(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch {
        return "\(error)"
    }
}

@Suite struct ModelTests {
    @Test("Names and shapes are those of PyTorch's state_dict", arguments: ["mlp", "lenet"])
    func names(_ name: String) throws {
        let model: any Layer = name == "mlp" ? MLP() : LeNet()
        let file = try Data(contentsOf: ReferenceValues.url("layers-names.json"))
        let golden = try JSONDecoder().decode([String: [String: [Int]]].self, from: file)
        var shapes: [String: [Int]] = [:]
        for (name, tensor) in model.stateTensors() { shapes[name] = tensor.shape.dimensions }
        #expect(shapes == golden[name])
    }

    @Test func listsTiedParametersOnce() throws {
        let model = Tied()
        let contents = model.contents()
        #expect(contents.parameters.map(\.name) == ["embedding.weight"])
        #expect(contents.aliases.map(\.name) == ["head.weight"] && contents.aliases.map(\.of) == ["embedding.weight"])
        // A checkpoint that has both names is welcome.
        let table = HostArray([Float](repeating: 2, count: 15), shape: [5, 3])
        try model.load(["embedding.weight": table, "head.weight": table])
        #expect(model(Tensor([1] as [Int64])).elements(as: Float.self) == [12, 12, 12, 12, 12])
    }

    @Test func loadingSaysAllThatIsWrongAndTakesNothing() throws {
        let model = Sequential(Linear(2, 3), BatchNorm2d(3))
        let before = try model.stateTensors().map { try bits($0.tensor) }
        var tensors: [String: HostArray] = [:]
        for (name, tensor) in model.stateTensors() { tensors[name] = try Tensor.onesLike(tensor).hostArray() }
        tensors["0.weight"] = HostArray([Float](repeating: 1, count: 6), shape: [2, 3])
        tensors["1.bias"] = HostArray([1, 2, 3] as [Int64])
        tensors["1.running_var"] = nil
        tensors["0.bias"] = nil
        tensors["fc.weight"] = HostArray([1] as [Float])
        tensors["fc.bias"] = HostArray([1] as [Float])
        let wrong = tensors
        let error = #expect(throws: WeightsError.self) { try model.load(wrong) }
        #expect(
            error?.description
                == """
                missing: 0.bias, 1.running_var
                unexpected: fc.bias, fc.weight
                of another shape: 0.weight (expected f32[3, 2], got f32[2, 3]), 1.bias (expected f32[3], got i64[3])
                """)
        #expect(try model.stateTensors().map { try bits($0.tensor) } == before)
        #expect(
            message { try model.load(wrong, strict: false) }
                == "of another shape: 0.weight (expected f32[3, 2], got f32[2, 3]), 1.bias (expected f32[3], got i64[3])")
        try model.load(["0.bias": HostArray([1, 2, 3] as [Double])], strict: false)
        #expect(model.stateTensors()[1].tensor.elements(as: Float.self) == [1, 2, 3])
    }

    @Test func halfPrecisionIsConverted() throws {
        let model = Linear(2, 1, bias: false)
        try model.load(["weight": Tensor([[1.5, -2]] as [[Float]]).converted(to: .bfloat16).hostArray()])
        #expect(model.weight.value.elements(as: Float.self) == [1.5, -2])
    }

    @Test func errorsOfImageLayers() {
        func said(_ layer: some Layer, _ shape: Shape) -> String {
            message { try Sequential(layer).validate(inputs: TensorType(.float32, shape)) }
        }
        #expect(
            said(ConvTranspose2d(3, 4, kernel: 3), [2, 5, 4, 4])
                == "[convTranspose2d] input has 5 channels, weight [3, 4, 3, 3] wants 3, in 1 groups · in 0")
        #expect(
            said(ConvTranspose2d(3, 4, kernel: 3, outputPadding: 1), [2, 3, 4, 4])
                == "[convTranspose2d] output padding is [1, 1], expected 0 or more and less than stride [1, 1] or dilation [1, 1] · in 0")
        #expect(
            said(ConvTranspose2d(3, 4, kernel: 1, padding: 2), [2, 3, 4, 4])
                == "[convTranspose2d] the output would be 0 by 0 · in 0 · use less padding or a larger input")
        #expect(said(PReLU(3), [2, 4, 5]) == "[prelu] slope is [3], input [2, 4, 5] wants [1] or [4] · in 0")
        #expect(
            said(PixelShuffle(2), [1, 6, 2, 2])
                == "[pixelShuffle] input is [1, 6, 2, 2], expected […, C·2², H, W] · in 0 · the factor is 1 or more")
        #expect(said(Upsample(factor: 2), [3, 2, 2]) == "[upsample] input is f32[3, 2, 2], expected 4 axes: [N, C, H, W] · in 0")
        #expect(
            said(ReflectionPad2d(2), [1, 1, 5, 2])
                == "[reflectionPad2d] left 2, right 2, top 2 and bottom 2 do not fit input [1, 1, 5, 2] · in 0 · each is 0 or more and less than the extent that it reflects"
        )
        #expect(
            said(AdaptiveAvgPool2d(2), [3, 2, 2])
                == "[adaptiveAvgPool2d] input f32[3, 2, 2] has no 2 by 2 windows, expected [N, C, H, W] of f32 or f64 · in 0")
    }

    @Test func errorsNameTheLayer() throws {
        let f32 = DType.float32
        #expect(
            message { try MLP().validate(inputs: TensorType(f32, [2, 700])) }
                == "[linear] input [2, 700] has 700 features, weight [512, 784] wants 784 · in hidden")
        #expect(
            message { try LeNet().validate(inputs: TensorType(f32, [2, 3, 28, 28])) }
                == "[conv2d] input has 3 channels, weight [6, 1, 5, 5] wants 1 · in features.0")
        #expect(
            message { try LeNet().validate(inputs: TensorType(f32, [2, 1, 32, 32])) }
                == "[linear] input [2, 576] has 576 features, weight [120, 400] wants 400 · in hidden.0")
        // Layers without parameters know their places too.
        #expect(
            message { try LeNet().validate(inputs: TensorType(f32, [2, 1, 1, 28])) }
                == "[maxpool2d] window [2, 2] with dilation [1, 1] is larger than input [2, 6, 1, 28] with padding · in features.3")
        let nested = Sequential(Flatten(), Sequential(ReLU(), Outer(inner: MaxPool2d(kernel: 2))))
        #expect(
            message { try nested.validate(inputs: TensorType(f32, [2, 3])) }
                == "[maxpool2d] input is f32[2, 3], expected f32 or f64 of shape [N, C, H, W] · in 1.1.inner")
        #expect(
            message { try BatchNorm2d(3).validate(inputs: TensorType(f32, [2, 4, 1, 1])) }
                == "[batchNorm2d] input [2, 4, 1, 1] has 4 channels, the layer has 3")
        #expect(
            message { try Sequential(BatchNorm2d(3)).validate(inputs: TensorType(f32, [2, 3])) }
                == "[batchNorm2d] input is f32[2, 3], expected 4 axes: [N, C, H, W] · in 0")
        #expect(
            message { try withTraining { try Sequential(BatchNorm2d(3)).validate(inputs: TensorType(f32, [1, 3, 1, 1])) } }
                == "[batchNorm2d] training needs more than one value in each channel, input is [1, 3, 1, 1] · in 0 · use a larger batch, or call the model outside withTraining"
        )
        #expect(
            message { try Sequential(LayerNorm(5)).validate(inputs: TensorType(f32, [2, 4])) }
                == "[layerNorm] input [2, 4] does not end with the normalised shape [5] · in 0")
        #expect(
            message { try Tied().validate(inputs: TensorType(f32, [2])) }
                == "[embedding] indices are f32[2], expected i32 or i64 · in embedding · convert them with converted(to: .int64)")
        #expect(
            message { try Sequential(Flatten(from: 2)).validate(inputs: TensorType(f32, [2, 4])) }
                == "[flatten] input [2, 4] has no axes 2 through -1 · in 0")
        #expect(
            message { try Sequential(Linear(3, 2)).validate(inputs: TensorType(.float64, [1, 3])) }
                == "[matmul] left is f64[1, 3], right is f32[2, 3]: dtypes differ · in 0 · convert one of them with converted(to:)")
        #expect(message { try MLP().validate(inputs: TensorType(f32, [2, 784]), TensorType(f32, [784])) } == "no error")
    }

    @Test func aWrongCallStopsWithTheLayersName() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let model = Sequential(Linear(4, 3), ReLU(), Sequential(Linear(4, 2)))
            _ = model.parameters()
            _ = model(Tensor.ones([1, 4]))
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("Fatal error: [linear] input [1, 3] has 3 features, weight [2, 4] wants 4 · in 2.0\n"), "\(text)")
    }

    @Test func settingsAreChecked() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Conv2d(3, 8, kernel: [3, 3, 3])
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("[conv2d] kernel is [3, 3, 3], expected one number or two: [height, width]"), "\(text)")
    }
}

@Suite struct SummaryTests {
    @Test func printsATable() {
        #expect(
            LeNet().summary(input: [1, 28, 28]).description
                == """
                layer       type         output           parameters    FLOPs
                ─────────────────────────────────────────────────────────────
                features.0  Conv2d       [1, 6, 28, 28]          156  235,200
                features.1  BatchNorm2d  [1, 6, 28, 28]           12        0
                features.2  ReLU         [1, 6, 28, 28]            0        0
                features.3  MaxPool2d    [1, 6, 14, 14]            0        0
                features.4  Conv2d       [1, 16, 10, 10]       2,416  480,000
                features.5  ReLU         [1, 16, 10, 10]           0        0
                features.6  MaxPool2d    [1, 16, 5, 5]             0        0
                flatten     Flatten      [1, 400]                  0        0
                hidden.0    Linear       [1, 120]             48,120   96,000
                hidden.1    Linear       [1, 84]              10,164   20,160
                output      Linear       [1, 10]                 850    1,680
                ─────────────────────────────────────────────────────────────
                total                                         61,718  833,040
                parameters take 0.25 MB
                """)
    }

    @Test func countsWhatCustomLayersComputeThemselves() {
        let summary = Tied().summary(input: [7], batch: 2, dtype: .int64)
        #expect(summary.rows.map(\.path) == ["embedding", ""])
        #expect(summary.rows.map(\.type) == ["Embedding", "between layers"])
        #expect(summary.rows[0].outputShape == [2, 7, 3])
        #expect(summary.parameters == 15 && summary.parameterBytes == 60)
        #expect(summary.flops == 2 * 14 * 3 * 5)
    }

    @Test func nothingIsComputed() {
        let model = MLP()
        // An array of this size could not be held.
        let summary = model.summary(input: [784], batch: 1 << 40)
        #expect(summary.flops == 2 * (784 * 512 + 512 * 512 + 512 * 10) << 40)
        #expect(!model.hidden.weight.value.isEvaluated)
    }

    @Test func aLayerCalledTwiceCountsItsParametersOnce() {
        struct Twice: Layer {
            let inner = Linear(3, 3, bias: false)
            func callAsFunction(_ x: Tensor) -> Tensor { inner(inner(x)) }
        }
        let summary = Twice().summary(input: [3])
        #expect(summary.rows.map(\.parameters) == [9, 0])
        #expect(summary.rows.map(\.flops) == [18, 18] && summary.flops == 36)
    }
}

@Suite struct RecurrentStateTests {
    private let reference = ReferenceValues.layers

    @Test func statesGoInAndOut() throws {
        let deep = LSTM(3, 4, layers: 2, bidirectional: true, dtype: .float64)
        try deep.load(reference.group("lstm-states.state."))
        let begin = LSTM.State(h: Tensor(reference["lstm-states.h0"]), c: Tensor(reference["lstm-states.c0"]))
        let (y, state) = deep(Tensor(reference["lstm-states.x"]), state: begin)
        try expectClose(y, reference["lstm-states.y"])
        try expectClose(state.h, reference["lstm-states.h"])
        try expectClose(state.c, reference["lstm-states.c"])

        let stacked = GRU(3, 4, layers: 2, dtype: .float64)
        try stacked.load(reference.group("gru-states.state."))
        let (output, h) = stacked(Tensor(reference["gru-states.x"]), state: Tensor(reference["gru-states.h0"]))
        try expectClose(output, reference["gru-states.y"])
        try expectClose(h, reference["gru-states.h"])
    }

    /// A cell, step by step, is the layer.
    @Test func cellsAreLayersOfOneStep() throws {
        let x = withSeed(1) { Tensor.normal([2, 3, 3], dtype: .float64) }
        let (layer, cell) = (GRU(3, 4, dtype: .float64), GRUCell(3, 4, dtype: .float64))
        try cell.load([
            "weight_ih": layer.weights[0][0].inputWeight.value.hostArray(),
            "weight_hh": layer.weights[0][0].recurrentWeight.value.hostArray(),
            "bias_ih": layer.weights[0][0].inputBias!.value.hostArray(), "bias_hh": layer.weights[0][0].recurrentBias!.value.hostArray(),
        ])
        var h: Tensor?
        for step in 0..<3 { h = cell(x[TensorIndex.all, step], state: h) }
        try expectClose(h!, layer(x, state: nil).state[0].hostArray())
    }

    @Test func dropoutIsBetweenLayersAndInTrainingOnly() throws {
        let x = withSeed(1) { Tensor.normal([2, 3, 3]) }
        let layer = withSeed(2) { GRU(3, 4, layers: 2, dropout: 0.5) }
        #expect(try bits(layer(x)) == bits(layer(x)))
        let dropped = withSeed(3) { withTraining { layer(x) } }
        #expect(try bits(dropped) != bits(layer(x)))
        let single = withSeed(2) { GRU(3, 4, dropout: 0.5) }
        #expect(try bits(withTraining { single(x) }) == bits(single(x)))
    }

    @Test func wrongStatesAreNamed() throws {
        let layer = GRU(3, 4, layers: 2)
        do {
            _ = try Validation.check { layer(Tensor.zeros([5, 7, 3]), state: Tensor.zeros([1, 5, 4])) }
            Issue.record("a state of one layer was taken for two")
        } catch let error as ShapeError {
            #expect(error.description == "[gru] state is f32[1, 5, 4], input [5, 7, 3] wants [2, 5, 4]")
        }
    }
}
