import HillockCPU
import HillockCore
import Testing

/// The kernels of losses and optimizers' steps against the composites' bodies, in f64 by the reference engine.
@Suite struct LossKernelTests {
    private func random(_ shape: Shape, _ seed: UInt64, low: Double = -2, high: Double = 2) -> Tensor {
        let x = withSeed(seed) { Tensor.uniform(shape, low: low, high: high, dtype: .float64) }
        // Known to f32 exactly, so that both sides compute with the same numbers.
        let known = x.converted(to: .float32).converted(to: .float64)
        evaluate(known)
        return known
    }

    private func integers(_ shape: Shape, below bound: Int, _ seed: UInt64, dtype: DType = .int64) -> Tensor {
        let x = withSeed(seed) { (Tensor.uniform(shape) * Double(bound)) }.converted(to: dtype)
        evaluate(x)
        return x
    }

    /// Values and gradients by `variables` on the native engine in f32, and by the definitions in f64, agree.
    private func expectAgreement(
        _ variables: [Tensor], tolerance: Double = 1e-5, _ what: String, _ function: ([Tensor]) -> Tensor,
        sourceLocation: Testing.SourceLocation = #_sourceLocation
    ) throws {
        let wanted = try Device.$current.withValue(.reference) {
            let (value, gradients) = valueAndGradients(at: variables, of: function)
            return try ([value] + gradients).map { try $0.hostArray() }
        }
        try Device.$current.withValue(.cpu) {
            let (value, gradients) = valueAndGradients(at: variables.map { $0.converted(to: .float32) }, of: function)
            // In the order of a training step, gradients first, and the other way round.
            for order in [gradients + [value], [value] + gradients] { evaluate(order) }
            for (got, expected) in zip([value] + gradients, wanted) {
                let (a, b) = (try got.hostArray().doubles, expected.doubles)
                let size = Swift.max(1e-3, b.map(\.magnitude).max() ?? 0)
                let off = zip(a, b).map { ($0 - $1).magnitude }.max() ?? 0
                #expect(off <= tolerance * size, "\(what): off by \(off) of \(size)", sourceLocation: sourceLocation)
            }
        }
    }

    @Test("Cross-entropy", arguments: [([7], 5), ([3, 4], 33), ([64], 1000), ([1], 1), ([2], 70_000)] as [([Int], Int)])
    func crossEntropyKernel(rows: [Int], classes: Int) throws {
        let logits = random(Shape(rows + [classes]), 1, low: -6, high: 6)
        let weights = random([classes], 2, low: 0.5, high: 2)
        for dtype in [DType.int32, .int64] {
            let labels = integers(Shape(rows), below: classes, 3, dtype: dtype)
            for smoothing in [0, 0.1] {
                try expectAgreement([logits], "\(rows) × \(classes), smoothing \(smoothing)") {
                    crossEntropy($0[0], labels, labelSmoothing: smoothing) * 3
                }
                try expectAgreement([logits], "\(rows) × \(classes), smoothing \(smoothing), weights") {
                    crossEntropy($0[0], labels, classWeights: weights.converted(to: $0[0].dtype), labelSmoothing: smoothing)
                }
            }
            // The gradient depends on the loss, which therefore comes first.
            try expectAgreement([logits], "squared") {
                let loss = crossEntropy($0[0], labels)
                return loss * loss
            }
        }
    }

    @Test("A bias before the logits takes its gradient from the loss: no pass over the logits' gradient sums it")
    func crossEntropyBehindBias() throws {
        for rows in [[20], [3, 7]] {
            let x = random(Shape(rows + [8]), 4), w = random([8, 11], 5), b = random([11], 8)
            let labels = integers(Shape(rows), below: 11, 6)
            func loss(_ v: [Tensor]) -> Tensor { crossEntropy(matmul(v[0], v[1]) + v[2], labels) }
            try expectAgreement([x, w, b], "behind a bias, \(rows)", loss)
            try expectAgreement([x, w, b], "squared, behind a bias, \(rows)") { loss($0) * loss($0) }
        }
        let (x, w, b) = (random([20, 8], 4), random([8, 11], 5), random([11], 8))
        let labels = integers([20], below: 11, 6)
        let (value, gradients) = valueAndGradients(at: [x, w, b].map { $0.converted(to: .float32) }) {
            crossEntropy(matmul($0[0], $0[1]) + $0[2], labels)
        }
        let run = try RecordedRun(of: gradients + [value])
        let plan = try PassSelection.$current.withValue(PassSelection("")) { try CPUEngine().plan(run.program).explanation }
        // Or the weight's gradient brings it, where our kernel multiplies.
        let isBrought = plan.contains("cross-entropy loss and gradient f32[20, 11], sum over its rows") || plan.contains(", bias: own")
        #expect(isBrought, "\(plan)")
        #expect(!plan.contains("sum of"), "\(plan)")
    }

    @Test("Cross-entropy of something computed, with the loss alone and the gradient alone")
    func crossEntropyInContext() throws {
        let x = random([20, 8], 4), w = random([8, 11], 5)
        let labels = integers([20], below: 11, 6)
        try expectAgreement([x, w], "of a product") { crossEntropy(matmul($0[0], $0[1]), labels) }
        Device.$current.withValue(.cpu) {
            let logits = x.converted(to: .float32)
            let labels = integers([20], below: 8, 7)
            let alone = gradient(at: logits) { crossEntropy($0, labels) }
            evaluate(alone)
            let loss = crossEntropy(logits, labels)
            evaluate(loss)
            let (value, both) = valueAndGradient(at: logits) { crossEntropy($0, labels) }
            evaluate(both, value)
            #expect((value.item() - loss.item()).magnitude < 1e-6)
            #expect(abs(both - alone).max().item() < 1e-7)
        }
    }

    @Test("CTC", arguments: [(12, 3, 5, 4), (1, 2, 3, 0), (40, 2, 20, 9), (5, 1, 4, 2)])
    func ctcKernel(time: Int, batch: Int, symbols: Int, length: Int) throws {
        let logits = random([time, batch, symbols], 8)
        let targets = integers([batch, length], below: symbols - 1, 9) + 1
        let inputLengths = Tensor.full([batch], Double(time), dtype: .int64) - integers([batch], below: Swift.max(1, time / 5), 10)
        let targetLengths = Tensor.full([batch], Double(length), dtype: .int64) - integers([batch], below: Swift.max(1, length / 2), 11)
        evaluate(targets, inputLengths, targetLengths)
        try expectAgreement([logits], tolerance: 1e-4, "time \(time)") {
            ctcLoss(logSoftmax($0[0]), targets, inputLengths: inputLengths, targetLengths: targetLengths, zeroInfinity: true)
        }
        // Log-probabilities that lie otherwise in memory: [batch, time, symbols], transposed.
        try expectAgreement([random([batch, time, symbols], 12)], tolerance: 1e-4, "batch first") {
            ctcLoss(
                logSoftmax($0[0]).transposed([1, 0, 2]), targets, inputLengths: inputLengths, targetLengths: targetLengths,
                zeroInfinity: true)
        }
    }

    @Test func ctcSaysWhichSampleIsWrong() throws {
        let log = Tensor.zeros([4, 2, 3])
        func loss(_ targets: [Int64], _ lengths: [Int64]) -> Tensor {
            ctcLoss(log, Tensor(targets, shape: [2, 1]), inputLengths: Tensor(lengths), targetLengths: Tensor([1, 1] as [Int64]))
        }
        // The kernel does; the body, which is what runs with the passes off, leaves it be.
        PassSelection.$current.withValue(PassSelection("")) {
            let error = #expect(throws: (any Error).self) { try loss([1, 3], [4, 4]).hostArray() }
            #expect(error.map { "\($0)" } == "[ctcLoss] sample 1: lengths must be 0 to 4 frames and 0 to 1 symbols, symbols 0 to 2")
            #expect(throws: (any Error).self) { try loss([1, 2], [4, 5]).hostArray() }
        }
    }

    @Test("Skip-gram", arguments: [(9, 5, 6), (30, 16, 20)])
    func skipGramKernel(vocabulary: Int, dimensions: Int, words: Int) throws {
        let tables = [random([vocabulary, dimensions], 40), random([vocabulary, dimensions], 41)]
        let centers = integers([words], below: vocabulary, 42, dtype: .int32)
        // Some slots are empty.
        let targets = integers([words, 4], below: vocabulary + 3, 43, dtype: .int32) - 3
        evaluate(targets)
        try expectStep(SkipGramStep(period: 2), tables + [centers, targets] + scalars(0.2), "skip-gram")
    }

    // MARK: - Optimizers' steps

    /// The results of a step on the native engine in f32 agree with those of its body in f64.
    private func expectStep<C: Composite>(
        _ composite: C, _ inputs: [Tensor], _ what: String, sourceLocation: Testing.SourceLocation = #_sourceLocation
    ) throws {
        let wanted = try Device.$current.withValue(.reference) { try Tensor.composite(composite, inputs).map { try $0.hostArray() } }
        try Device.$current.withValue(.cpu) {
            let results = Tensor.composite(composite, inputs.map { $0.dtype == .float64 ? $0.converted(to: .float32) : $0 })
            evaluate(results)
            for (position, (got, expected)) in zip(results, wanted).enumerated() {
                let off = zip(try got.hostArray().doubles, expected.doubles).map { ($0 - $1).magnitude }.max() ?? 0
                #expect(off < 3e-6, "\(what), result \(position): off by \(off)", sourceLocation: sourceLocation)
            }
        }
    }

    private func scalars(_ values: Double...) -> [Tensor] { values.map { Tensor($0, dtype: .float64) } }

    @Test("Steps over several parameters")
    func steps() throws {
        let shapes: [Shape] = [[3, 5], [17], [], [2, 3, 4, 4], [0, 2], [70, 100]]
        func each(_ count: Int) -> [Tensor] {
            shapes.enumerated().flatMap { index, shape in
                (0..<count).map { random(shape, UInt64(20 + 10 * index + $0), low: $0 == 3 ? 0 : -2) }
            }
        }
        let decays = [true, false, true, true, false, false]
        for isNesterov in [false, true] {
            try expectStep(
                SGDStep(hasMomentum: true, isNesterov: isNesterov, decays: decays), scalars(0.1, 0.02, 0.9, 0.7) + each(3), "momentum")
        }
        try expectStep(SGDStep(hasMomentum: false, isNesterov: false, decays: decays), scalars(0.1, 0.02, 0, 0) + each(2), "sgd")
        try expectStep(
            AdamStep(decays: decays, areSparse: decays.map { _ in false }),
            scalars(0.1, 1.3, 1e-3, 0.1, 0.99, 0.01, 0.02, 0.9) + each(4), "adam")
    }

    @Test("Gradients that are rows", arguments: [(40, 3, [12]), (7, 16, [5, 9]), (300, 70, [400]), (5, 1, [3])])
    func rows(count: Int, width: Int, indices shape: [Int]) throws {
        let index = integers(Shape(shape), below: count, 30, dtype: .int32)
        let p = random([count, width], 31)
        let m = random([count, width], 32)
        let v = random([count, width], 33, low: 0)
        let updates = random(Shape(shape + [width]), 34)
        func gradient(_ dtype: DType) -> Tensor { .apply(ScatterAdd(rows: count), [updates.converted(to: dtype), index]) }
        let adam = scalars(0.1, 1.3, 1e-3, 0.1, 0.99, 0.01, 0, 1)
        // Rows beside others, as the gradient of a concatenation leaves them.
        let wide = random(Shape(shape + [3 * width]), 35)
        func part(_ dtype: DType) -> Tensor {
            .apply(ScatterAdd(rows: count), [wide.converted(to: dtype).split(into: 3, axis: shape.count)[1], index])
        }
        try expectRows(AdamStep(decays: [true], areSparse: [false]), adam, [p, m, v], part, "adam, a part of each row")
        for decays in [false, true] {
            for isSparse in [false, true] {
                try expectRows(AdamStep(decays: [decays], areSparse: [isSparse]), adam, [p, m, v], gradient, "adam, sparse \(isSparse)")
            }
            for momentum in [false, true] {
                try expectRows(
                    SGDStep(hasMomentum: momentum, isNesterov: false, decays: [decays]), scalars(0.1, 0.02, 0.9, 1),
                    momentum ? [p, m] : [p], gradient, "sgd, momentum \(momentum)")
            }
        }
    }

    @Test("Rows that are gathered beside each other")
    func concatenatedRows() throws {
        let (users, items) = (random([50, 8], 40), random([30, 5], 41))
        let (first, second) = (integers([4, 6], below: 50, 42), integers([4, 6], below: 30, 43, dtype: .int32))
        func beside(_ x: [Tensor], axis: Int) -> Tensor { concatenate([x[0].gathered(first), x[1].gathered(second)], axis: axis) }
        try expectAgreement([users, items], "by columns") { (tanh(beside($0, axis: 2)) * 3).sum() }
        try expectAgreement([users, random([30, 8], 44)], "by rows") { (tanh(beside($0, axis: 0)) * 3).sum() }
        try expectAgreement([users, random([30, 8], 44)], "in between") { (tanh(beside($0, axis: 1)) * 3).sum() }
        // One that is wanted itself too, and one that is there twice.
        try expectAgreement([users, items], "and once more") { x in
            let rows = x[0].gathered(first)
            return (tanh(concatenate([rows, x[1].gathered(second)], axis: 2)) * 3).sum() + (rows * rows).sum()
        }
        try expectAgreement([users], "twice") { x in
            let rows = x[0].gathered(first)
            return (tanh(concatenate([rows, rows], axis: 2)) * 3).sum()
        }
    }

    private func expectRows<C: Composite>(
        _ composite: C, _ scalars: [Tensor], _ state: [Tensor], _ gradient: (DType) -> Tensor, _ what: String
    ) throws {
        let wanted = try Device.$current.withValue(.reference) {
            try Tensor.composite(composite, scalars + [state[0], gradient(.float64)] + state.dropFirst()).map { try $0.hostArray() }
        }
        try Device.$current.withValue(.cpu) {
            // Memory of its own that nobody else holds is written over; memory that is held is not.
            for isHeld in [false, true] {
                var old = state.map { $0.converted(to: .float32) }
                evaluate(old)
                let before = try old.map { try $0.hostArray().doubles }
                let held = isHeld ? old : []
                let g = gradient(.float32)
                let numbers = scalars.map { Tensor(hoisting: .real($0.item()), dtype: .float32) }
                let results = Tensor.composite(composite, numbers + [old[0], g] + old.dropFirst())
                old = []
                evaluate(results)
                for (position, (got, expected)) in zip(results, wanted).enumerated() {
                    let off = zip(try got.hostArray().doubles, expected.doubles).map { ($0 - $1).magnitude }.max() ?? 0
                    #expect(off < 1e-5, "\(what), held \(isHeld), result \(position): off by \(off)")
                }
                for (tensor, values) in zip(held, before) { #expect(try tensor.hostArray().doubles == values) }
            }
        }
    }
}
