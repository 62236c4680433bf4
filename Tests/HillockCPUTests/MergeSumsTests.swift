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

    /// The program that `make` builds after the engine's passes, without and with the merger, after checking that the engine computes what the
    /// definitions do.
    private func compared(from inputs: [Tensor], _ make: ([Tensor]) -> [Tensor]) throws -> (without: Program, with: Program) {
        func values(_ device: Device) throws -> [HostArray] {
            try Device.$current.withValue(device) { try make(inputs).map { try $0.hostArray() } }
        }
        for (a, b) in zip(try values(.cpu), try values(.reference)) {
            let worst = zip(a.doubles, b.doubles).map { ($0 - $1).magnitude }.max() ?? 0
            #expect(worst < 1e-4)
        }
        let program = Program(computing: make(inputs), from: inputs)
        func optimized(_ passes: String) -> Program {
            PassSelection.$current.withValue(PassSelection(passes)) { CPUEngine.optimized(program) }
        }
        #expect(Verifier.fault(in: optimized("")) == nil)
        return (optimized("-sums"), optimized(""))
    }

    private func count<P: Primitive>(_ program: Program, _ type: P.Type) -> Int { program.instructions.count { $0.primitive is P } }

    @Test func gradientsOfAWeightUsedInALoop() throws {
        let inputs = draw([4, 3, 16], [16, 16], [16])
        let (without, with) = try compared(from: inputs) { inputs in
            let gradients = valueAndGradients(at: inputs) { t in
                var h = Tensor.zeros([3, 16])
                for step in 0..<4 { h = tanh(matmul(t[0][step] + h, t[1], transposingRight: true) + t[2]) }
                return (h * h).sum()
            }.gradients
            return Array(gradients[1...])
        }
        func products(_ program: Program) -> Int {
            program.instructions.count { ($0.primitive as? MatrixMultiply)?.transposesLeft ?? false }
        }
        #expect(products(without) == 4 && products(with) == 1, "\(with)")
    }

    @Test func gradientsOfParts() throws {
        let inputs = draw([3, 12])
        let (without, with) = try compared(from: inputs) { inputs in
            valueAndGradients(at: inputs) { t in
                let parts = t[0].split(sizes: [2, 3, 4, 3], axis: 1)
                // The second part is not used.
                return (parts[0] * parts[0]).sum() + exp(parts[2]).sum() + (parts[3] * parts[3] * parts[3]).sum()
            }.gradients
        }
        #expect(count(without, Pad.self) == 3 && count(without, Concatenate.self) == 0)
        #expect(count(with, Pad.self) == 0 && count(with, Concatenate.self) == 1, "\(with)")
    }

    @Test func partsThatMeetAreAdded() throws {
        let inputs = draw([3, 12])
        let (_, with) = try compared(from: inputs) { inputs in
            valueAndGradients(at: inputs) { t in
                let (a, b) = (t[0][TensorIndex.all, 0..<7], t[0][TensorIndex.all, 5...])
                return (a * a).sum() + exp(b).sum()
            }.gradients
        }
        #expect(count(with, Pad.self) == 2, "\(with)")
    }

    @Test func productsThatAreWantedThemselvesStay() throws {
        let inputs = draw([3, 16], [3, 16], [3, 16], [3, 16])
        let (_, with) = try compared(from: inputs) { t in
            let first = matmul(t[0], t[1], transposingLeft: true)
            return [first, first + matmul(t[2], t[3], transposingLeft: true)]
        }
        #expect(with.instructions.count { ($0.primitive as? any Composite) != nil || $0.primitive is MatrixMultiply } >= 2, "\(with)")
    }

    @Test func largeMatricesAreNotCopied() throws {
        let inputs = draw([64, 8], [64, 8], [64, 8], [64, 8])
        let (without, with) = try compared(from: inputs) { t in
            [matmul(t[0], t[1], transposingLeft: true) + matmul(t[2], t[3], transposingLeft: true)]
        }
        #expect(without == with)
    }
}
