import Foundation
import HillockCore
import HillockNN
import HillockOptimizers
import Synchronization
import Testing

/// The reference engine under a name of its own, so that its plans are nobody else's; keeps the programs that were planned.
final class RecordingEngine: Engine {
    let name = "recording-\(UUID())"
    private let state = Mutex<[Program]>([])
    var programs: [Program] { state.withLock { $0 } }

    func plan(_ program: Program) throws -> any Plan {
        state.withLock { $0.append(program) }
        return ReferenceEngine().plan(program)
    }
}

/// An optimizer and where its reference values are.
struct OptimizerCase: Sendable, CustomTestStringConvertible {
    let name: String
    let make: @Sendable ([Parameter]) -> any Optimizer
    var testDescription: String { name }

    init(_ name: String, _ make: @escaping @Sendable ([Parameter]) -> any Optimizer) {
        self.name = name
        self.make = make
    }

    static let all: [OptimizerCase] = [
        .init("sgd") { SGD($0, learningRate: 0.1) },
        .init("sgd-decay") { SGD($0, learningRate: 0.1, weightDecay: 0.05) },
        .init("sgd-momentum") { SGD($0, learningRate: 0.1, momentum: 0.9) },
        .init("sgd-dampening") { SGD($0, learningRate: 0.1, momentum: 0.9, dampening: 0.4, weightDecay: 0.05) },
        .init("sgd-nesterov") { SGD($0, learningRate: 0.1, momentum: 0.9, weightDecay: 0.05, nesterov: true) },
        .init("adam") { Adam($0, learningRate: 0.01) },
        .init("adam-options") { Adam($0, learningRate: 0.01, beta1: 0.5, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.1) },
        .init("adamw") { AdamW($0, learningRate: 0.01) },
        .init("adamw-options") { AdamW($0, learningRate: 0.01, beta1: 0.8, beta2: 0.95, epsilon: 1e-4, weightDecay: 0.2) },
        .init("adamw-filter") { AdamW($0, learningRate: 0.01, weightDecay: 0.3) { $1.shape.rank > 1 } },
    ]
}

@Suite struct OptimizerTests {
    static let reference = ReferenceValues.optimizers

    private func parameters() -> [Parameter] { [Parameter(Tensor(Self.reference["p0"])), Parameter(Tensor(Self.reference["p1"]))] }

    private func gradients(_ parameters: [Parameter], _ step: Int) -> Gradients {
        Gradients(parameters: parameters, values: (0..<2).map { Tensor(Self.reference["g\($0).\(step)"]) })
    }

    @Test("Two recorded updates computed in one program are what two updates are, and the second sees what the first wrote")
    func recordedUpdates() throws {
        func play(_ step: (any Optimizer, any Optimizer, Parameter, Parameter) -> Void) throws -> [HostArray] {
            let (a, b) = (Parameter(Tensor(Self.reference["p0"])), Parameter(Tensor(Self.reference["p1"])))
            let (first, second) = (Adam([a], learningRate: 0.1), SGD([b], learningRate: 0.1, momentum: 0.9))
            for _ in 0..<3 { step(first, second, a, b) }
            #expect(a.value.isEvaluated && b.value.isEvaluated && first.stepCount == 3)
            #expect(first.state.allSatisfy { $0.tensor.isEvaluated })
            let results: [Tensor] = [a.value, b.value, first.state[1].tensor]
            return try results.map { try $0.hostArray() }
        }
        func lossOfFirst(_ a: Parameter, _ b: Parameter) -> Tensor { (a.value * b.value.sum()).sum() }
        func lossOfSecond(_ a: Parameter, _ b: Parameter) -> Tensor { (b.value * b.value * a.value.sum()).sum() }
        let apart = try play { first, second, a, b in
            first.update(valueAndGradient(of: first.parameters) { lossOfFirst(a, b) }.gradients)
            second.update(valueAndGradient(of: second.parameters) { lossOfSecond(a, b) }.gradients)
        }
        let engine = RecordingEngine()
        let together = try Device.$current.withValue(Device(engine)) {
            try play { first, second, a, b in
                let written = first.recordUpdate(valueAndGradient(of: first.parameters) { lossOfFirst(a, b) }.gradients)
                #expect(!a.value.isEvaluated)
                second.update(valueAndGradient(of: second.parameters) { lossOfSecond(a, b) }.gradients, evaluating: written)
            }
        }
        for (x, y) in zip(together, apart) { try expectClose(Tensor(x), y) }
        // Zeros of the two optimizers' states, then one program for a step: the same each time.
        #expect(engine.programs.count <= 4, "\(engine.programs.count)")
    }

    @Test(
        "A first step writes parameters and moments where they were made, and what somebody else holds stays what it is",
        .enabled(if: PassSelection.current.isWhole, "says what donation does, and some stages are switched off"))
    func firstStepInPlace() throws {
        func address(_ tensor: Tensor) throws -> UnsafeRawPointer? { try tensor.hostArray().withBytes { $0.baseAddress } }
        let count = 1 << 17
        let held = HostArray([Float](repeating: 1, count: count))
        let parameters = [Parameter(Tensor([Float](repeating: 1, count: count))), Parameter(Tensor(held))]
        let optimizer = Adam(parameters, learningRate: 0.5)
        #expect(try optimizer.state.dropFirst().allSatisfy { try $0.tensor.hostArray().doubles.allSatisfy { $0 == 0 } })
        let before = try [parameters[0].value, optimizer.state[1].tensor, optimizer.state[2].tensor].map(address)
        #expect(Set(before).count == 3, "moments share no memory")
        optimizer.update(valueAndGradient(of: parameters) { (parameters[0].value * 3 + parameters[1].value).sum() }.gradients)
        let after = try [parameters[0].value, optimizer.state[1].tensor, optimizer.state[2].tensor].map(address)
        #expect(before == after)
        #expect(held.doubles.allSatisfy { $0 == 1 })
        #expect(try parameters[1].value.hostArray().doubles.allSatisfy { ($0 - 0.5).magnitude < 1e-5 })
    }

    @Test("Five steps with a falling learning rate are PyTorch's", arguments: OptimizerCase.all)
    func agreesWithPyTorch(_ optimizerCase: OptimizerCase) throws {
        let parameters = parameters()
        let optimizer = optimizerCase.make(parameters)
        let rate = optimizer.learningRate
        for step in 0..<5 {
            optimizer.learningRate = rate / Double(1 + step)
            optimizer.update(gradients(parameters, step))
            #expect(optimizer.stepCount == step + 1)
            for index in 0..<2 {
                #expect(parameters[index].value.isEvaluated)
                let expected = Self.reference["\(optimizerCase.name).p\(index).\(step)"]
                try expectClose(parameters[index].value, expected, "p\(index) after step \(step)")
            }
        }
    }

    @Test("Saved and restored, it goes on to the last bit", arguments: OptimizerCase.all)
    func resumes(_ optimizerCase: OptimizerCase) throws {
        let first = parameters()
        let optimizer = optimizerCase.make(first)
        for step in 0..<3 { optimizer.update(gradients(first, step)) }

        let second = first.map { Parameter($0.value) }
        let resumed = optimizerCase.make(second)
        var state: [String: HostArray] = [:]
        for (name, tensor) in optimizer.state { state[name] = try tensor.hostArray() }
        try resumed.restore(state: state)
        for step in 3..<5 {
            optimizer.update(gradients(first, step))
            resumed.update(gradients(second, step))
        }
        for (a, b) in zip(first, second) { #expect(try bits(a.value) == bits(b.value)) }
        #expect(resumed.stepCount == 5)
    }

    @Test("Every step runs the plan of the first", arguments: OptimizerCase.all)
    func plansOnce(_ optimizerCase: OptimizerCase) throws {
        let engine = RecordingEngine()
        try Device.$current.withValue(Device(engine)) {
            let model = Sequential(Linear(3, 4), BatchNorm2dOnRows(4), ReLU(), Dropout(0.2), Linear(4, 2))
            let optimizer = optimizerCase.make(model.parameters())
            var losses: [Double] = []
            var counts: [Int] = []
            for step in 0..<4 {
                optimizer.learningRate *= 0.9
                let x = Tensor((0..<15).map { Float($0 * (step + 1) % 7) }, shape: [5, 3])
                let (loss, gradients) = withTraining {
                    valueAndGradient(of: optimizer.parameters) { crossEntropy(model(x), Tensor([0, 1, 1, 0, 1] as [Int64])) }
                }
                optimizer.update(gradients)
                #expect(loss.isEvaluated)
                losses.append(loss.item())
                counts.append(engine.programs.count)
            }
            #expect(counts == [2, 2, 2, 2], "one plan for the beginning, one for the steps")
            #expect(losses.allSatisfy(\.isFinite) && Set(losses).count == 4)
            // Parameters, their moments, the loss: gradients are given up and never written.
            let step = try #require(engine.programs.last)
            #expect(step.outputs.count == optimizer.parameters.count + optimizer.state.count - 1 + 1)
        }
    }

    @Test("The model's buffers are computed with the step")
    func computesBuffers() throws {
        let engine = RecordingEngine()
        Device.$current.withValue(Device(engine)) {
            let model = Sequential(Conv2d(1, 2, kernel: 3), BatchNorm2d(2), Flatten(), Linear(8, 2))
            let optimizer = Adam(model)
            var plans: [Int] = []
            for _ in 0..<3 {
                let (loss, gradients) = withTraining {
                    valueAndGradient(of: optimizer.parameters) {
                        crossEntropy(model(.normal([2, 1, 4, 4])), Tensor([0, 1] as [Int64]))
                    }
                }
                let half = loss * 0.5
                optimizer.update(gradients, evaluating: [half])
                #expect(half.isEvaluated && loss.isEvaluated)
                #expect(model.contents().buffers.allSatisfy { $0.buffer.value.isEvaluated })
                plans.append(engine.programs.count)
            }
            #expect(plans == [2, 2, 2])
            #expect(model.contents().buffers.last?.buffer.value.item() == 3)
        }
    }

    @Test func namesItsState() throws {
        let model = Sequential(Linear(2, 1, bias: false), ReLU())
        #expect(Adam(model).state.map(\.name) == ["step", "0.weight.exp_avg", "0.weight.exp_avg_sq"])
        #expect(SGD(model, learningRate: 1).state.map(\.name) == ["step"])
        #expect(SGD(model, learningRate: 1, momentum: 0.5).state.map(\.name) == ["step", "0.weight.momentum_buffer"])
    }

    @Test func refusesForeignState() throws {
        let model = Linear(2, 1, bias: false)
        let adam = Adam(model)
        let error = #expect(throws: WeightsError.self) {
            try adam.restore(state: [
                "weight.exp_avg": HostArray([1, 2] as [Float]), "weight.momentum_buffer": HostArray([1, 2] as [Float], shape: [1, 2]),
                "step": HostArray([3] as [Int64], shape: []),
            ])
        }
        #expect(
            error?.description
                == """
                missing: weight.exp_avg_sq
                unexpected: weight.momentum_buffer
                of another shape: weight.exp_avg (expected f32[1, 2], got f32[2])
                """)
        #expect(adam.stepCount == 0)
    }

    @Test func refusesForeignGradients() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let (a, b) = (Linear(2, 1), Linear(2, 1))
            let optimizer = Adam(a)
            optimizer.update(valueAndGradient(of: b.parameters()) { b(Tensor.ones([1, 2])).sum() }.gradients)
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(
            text.contains(
                "[Adam] gradients are of 2 other parameters than the optimizer's 2 · differentiate by optimizer.parameters"), "\(text)")
    }

    @Test func refusesGradientsTwice() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let model = Linear(2, 1)
            let optimizer = SGD(model, learningRate: 0.1)
            let (_, gradients) = valueAndGradient(of: optimizer.parameters) { model(Tensor.ones([1, 2])).sum() }
            optimizer.update(gradients)
            optimizer.update(gradients)
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("[SGD] gradients were taken by an update before · differentiate anew for each step"), "\(text)")
    }

    @Test func clipsGradients() throws {
        let r = ReferenceValues.layers
        let values = [Tensor(r["clip.g0"]), Tensor(r["clip.g1"])]
        func gradients() -> Gradients { Gradients(parameters: values.map { Parameter($0) }, values: values) }
        for limit in [1, 100] {
            let clipped = gradients()
            try expectClose(clipped.clip(toNorm: Double(limit)), r["clip.norm"])
            for index in 0..<2 { try expectClose(clipped.values[index], r["clip.norm\(limit).\(index)"]) }
        }
        let clipped = gradients()
        clipped.clip(toValue: 0.5)
        let byValue = clipped.values[0].elements(as: Double.self)
        #expect(byValue == values[0].elements(as: Double.self).map { Swift.min(Swift.max($0, -0.5), 0.5) })
        #expect(byValue.contains(0.5) || byValue.contains(-0.5))
    }

    @Test(
        "Schedules are PyTorch's",
        arguments: [
            ("step", Schedule.step(interval: 3, factor: 0.5)), ("exponential", .exponential(factor: 0.9)),
            ("cosine", .cosine(steps: 12, minimum: 0.1)), ("onecycle", .oneCycle(steps: 12)),
        ])
    func schedules(_ name: String, _ schedule: Schedule) throws {
        let factors = (0..<12).map(schedule.factor(at:))
        try expectClose(Tensor(factors), Self.reference["schedule.\(name)"], name)
    }

    @Test func warmsUp() {
        let schedule = Schedule.cosine(steps: 10, warmup: 4, minimum: 0.2)
        #expect((0..<5).map(schedule.factor(at:)) == [0.25, 0.5, 0.75, 1, 1])
        #expect(abs(schedule.factor(at: 7) - 0.6) < 1e-12)
        #expect(abs(schedule.factor(at: 10) - 0.2) < 1e-12 && schedule.factor(at: 99) == schedule.factor(at: 10))
        #expect(Schedule.constant.factor(at: 5) == 1)
    }
}

/// Batch normalisation of `[N, C]`, by way of two axes of extent 1.
struct BatchNorm2dOnRows: Layer {
    let norm: BatchNorm2d
    init(_ channels: Int) { norm = BatchNorm2d(channels) }
    func callAsFunction(_ x: Tensor) -> Tensor { norm(x.reshaped(to: [x.shape[0], x.shape[1], 1, 1])).reshaped(to: x.shape) }
}
