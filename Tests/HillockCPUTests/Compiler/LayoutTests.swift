import HillockCPU
import HillockCore
import Testing

/// Parameters stay in blocked layouts between steps, and nobody can tell from their values.
@Suite("Layouts between steps")
struct LayoutTests {
    private func values(_ shape: Shape, seed: Double) -> Tensor {
        let x = sin(Tensor.arange(to: Double(shape.count)) * 0.37 + seed).reshaped(to: shape)
        evaluate(x)
        return x
    }

    /// Some steps of momentum on two convolutions; the weights after them.
    private func train(steps: Int, readingEachStep: Bool = false) throws -> [[Double]] {
        let x = values([2, 16, 8, 8], seed: 0.1)
        var weights = [values([32, 16, 3, 3], seed: 1) * 0.05, values([16, 32, 1, 1], seed: 2) * 0.05]
        var velocities = weights.map { Tensor.zerosLike($0) }
        for _ in 0..<steps {
            let gradients = valueAndGradients(at: weights) { w in
                let y = conv2d(relu(conv2d(x, w[0], padding: (1, 1))), w[1])
                return (y * y).mean()
            }.gradients
            for k in weights.indices {
                velocities[k] = velocities[k] * 0.9 + gradients[k]
                weights[k] = weights[k] - velocities[k] * 0.1
            }
            evaluate(weights + velocities)
            if readingEachStep { _ = try weights.map { try $0.hostArray() } }
        }
        return try weights.map { try $0.hostArray().doubles }
    }

    @Test func trainingIsThatOfTheReference() throws {
        let expected = try Device.$current.withValue(.reference) { try train(steps: 4) }
        for (a, b) in zip(try train(steps: 4), expected) { #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 }) }
    }

    @Test func readingChangesNothing() throws {
        #expect(try train(steps: 4) == train(steps: 4, readingEachStep: true))
    }

    @Test func laidOutWeightsServeOtherPrograms() throws {
        let x = values([1, 16, 6, 6], seed: 0.3)
        var w = values([32, 16, 3, 3], seed: 1) * 0.05
        evaluate(w)
        for _ in 0..<2 {
            let gradient = gradient(at: w) { w in conv2d(x, w).sum() }
            w = w - gradient * 0.01
            evaluate(w)
        }
        // Sliced, transposed, reduced and convolved with: every consumer sees the same elements.
        let plain = Tensor(try HostArray(w.hostArray().doubles, as: w.type))
        for use in [{ $0.sum(axes: 0) }, { $0.transposed([1, 0, 2, 3]) * 2 }, { conv2d(x, $0) }, { $0[0..<3] + 1 }] as [(Tensor) -> Tensor]
        {
            let (a, b) = (try use(w).hostArray().doubles, try use(plain).hostArray().doubles)
            #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }

    /// A mask has one byte an element: oneDNN, which copies numbers between layouts, has no type for it.
    @Test func masksFollowLayouts() throws {
        func run() throws -> [[Double]] {
            let (x, w, a) = (values([2, 16, 5, 4], seed: 0.3), values([32, 16, 1, 1], seed: 1), values([2, 32, 5, 4], seed: 2))
            let y = conv2d(x, w)
            // Each mask is read again after it was summed up: row-major by a group that walks blocks, and the other way round.
            let (plain, blocked) = (a .> 0.1, y .> 0.2)
            let first = `where`(plain, y * plain.converted(to: .float32).sum(), y)
            let second = `where`(blocked, a.transposed([0, 1, 3, 2]).reshaped(to: a.shape) * blocked.converted(to: .float32).sum(), a)
            return try [first, second, blocked.converted(to: .float32)].map { try $0.hostArray().doubles }
        }
        let expected = try Device.$current.withValue(.reference) { try run() }
        for selection in ["", "none"] {
            let got = try PassSelection.$current.withValue(PassSelection(selection)) { try run() }
            for (a, b) in zip(got, expected) { #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-3 }, "passes: \(selection)") }
        }
    }

    /// What is converted lies in blocks as the convolution left it, but reading copies no type out of a layout of its own but f32.
    @Test(arguments: [DType.bfloat16, .float16, .float64, .int32, .int64, .uint8, .bool])
    func convertedResultsAreRead(as dtype: DType) throws {
        func run() throws -> [HostArray] {
            // Whole numbers that f32 and bf16 hold exactly, and that no algorithm rounds to others.
            func whole(_ shape: Shape, seed: Double) -> Tensor { round(values(shape, seed: seed) * 1.5) }
            let (x, w) = (whole([2, 16, 6, 6], seed: 0.3), whole([32, 16, 3, 3], seed: 1))
            let y = round(relu(conv2d(x, w, padding: (1, 1))))
            let converted = y.converted(to: dtype)
            evaluate([converted, y])
            return try [converted, y].map { try $0.hostArray() }
        }
        let expected = try Device.$current.withValue(.reference) { try run() }
        for (got, wanted) in zip(try run(), expected) {
            #expect(got.dtype == wanted.dtype && got.doubles == wanted.doubles)
        }
    }
}
