import HillockCPU
import HillockCore
import Testing

/// Sums whose terms become one operation.
@Suite struct MergeSumsTests {
    private func draw(_ shapes: Shape...) -> [Tensor] {
        let tensors = withSeed(4) { shapes.map { Tensor.normal($0) } }
        evaluate(tensors)
        return tensors
    }

    /// The program of these tensors after the engine's passes, with and without the merger, after checking that both give the same values.
    private func compared(_ outputs: [Tensor], from inputs: [Tensor]) throws -> (without: Program, with: Program) {
        let program = Program(computing: outputs, from: inputs)
        func run(_ passes: String) throws -> (Program, [HostArray]) {
            try PassSelection.$current.withValue(PassSelection(passes)) {
                var arguments = try inputs.map { Argument.buffer(HostBuffer(try $0.hostArray())) }
                var results: [DeviceBuffer] = []
                try CPUEngine().plan(program).run(&arguments, results: &results)
                return (CPUEngine.optimized(program), try results.map { try $0.hostArray() })
            }
        }
        let (without, with) = (try run("-sums"), try run(""))
        #expect(Verifier.fault(in: with.0) == nil)
        for (a, b) in zip(without.1, with.1) {
            let worst = zip(a.doubles, b.doubles).map { ($0 - $1).magnitude }.max() ?? 0
            #expect(worst < 1e-4)
        }
        return (without.0, with.0)
    }

    private func count<P: Primitive>(_ program: Program, _ type: P.Type) -> Int { program.instructions.count { $0.primitive is P } }

    @Test func gradientsOfAWeightUsedInALoop() throws {
        let inputs = draw([4, 3, 16], [16, 16], [16])
        let gradients = valueAndGradients(at: inputs) { t in
            var h = Tensor.zeros([3, 16])
            for step in 0..<4 { h = tanh(matmul(t[0][step] + h, t[1], transposingRight: true) + t[2]) }
            return (h * h).sum()
        }.gradients
        let (without, with) = try compared(Array(gradients[1...]), from: inputs)
        func products(_ program: Program) -> Int {
            program.instructions.count { ($0.primitive as? MatrixMultiply)?.transposesLeft ?? false }
        }
        #expect(products(without) == 4 && products(with) == 1, "\(with)")
    }

    @Test func gradientsOfParts() throws {
        let inputs = draw([3, 12])
        let gradients = valueAndGradients(at: inputs) { t in
            let parts = t[0].split(sizes: [2, 3, 4, 3], axis: 1)
            // The second part is not used.
            return (parts[0] * parts[0]).sum() + exp(parts[2]).sum() + (parts[3] * parts[3] * parts[3]).sum()
        }.gradients
        let (without, with) = try compared(gradients, from: inputs)
        #expect(count(without, Pad.self) == 3 && count(without, Concatenate.self) == 0)
        #expect(count(with, Pad.self) == 0 && count(with, Concatenate.self) == 1, "\(with)")
    }

    @Test func partsThatMeetAreAdded() throws {
        let inputs = draw([3, 12])
        let gradients = valueAndGradients(at: inputs) { t in
            let (a, b) = (t[0][TensorIndex.all, 0..<7], t[0][TensorIndex.all, 5...])
            return (a * a).sum() + exp(b).sum()
        }.gradients
        let (_, with) = try compared(gradients, from: inputs)
        #expect(count(with, Pad.self) == 2, "\(with)")
    }

    @Test func productsThatAreWantedThemselvesStay() throws {
        let inputs = draw([3, 16], [3, 16], [3, 16], [3, 16])
        let first = matmul(inputs[0], inputs[1], transposingLeft: true)
        let sum = first + matmul(inputs[2], inputs[3], transposingLeft: true)
        let (_, with) = try compared([first, sum], from: inputs)
        #expect(with.instructions.count { ($0.primitive as? any Composite) != nil || $0.primitive is MatrixMultiply } >= 2, "\(with)")
    }

    @Test func largeMatricesAreNotCopied() throws {
        let inputs = draw([64, 8], [64, 8], [64, 8], [64, 8])
        let sum = matmul(inputs[0], inputs[1], transposingLeft: true) + matmul(inputs[2], inputs[3], transposingLeft: true)
        let (without, with) = try compared([sum], from: inputs)
        #expect(without == with)
    }
}
