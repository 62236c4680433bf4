import HillockCore
import Testing

/// Programs before and after ``LowerPrecision``.
@Suite("Products in bf16")
struct PrecisionPassTests {
    private let x = Tensor.zeros([8, 4]).evaluated()
    private let w = Tensor.zeros([4, 6]).evaluated()

    private func lowered(_ outputs: [Tensor], _ results: LowerPrecision.Results = .wide) -> Program {
        LowerPrecision(results).run(Program(computing: outputs))
    }

    private func text(_ program: Program) -> [String] {
        program.description.split(separator: "\n").map(String.init).filter { !$0.contains("= input") && !$0.contains("= scalar") }
    }

    private func count<P: Primitive>(_ primitive: P.Type, _ program: Program) -> Int {
        program.instructions.count { $0.primitive is P }
    }

    @Test func operandsAreRoundedAndSumsAreF32() {
        let after = lowered([matmul(x, w)])
        #expect(
            text(after) == [
                "%2 = convert(dtype: bf16) %0 : bf16[8, 4]", "%3 = convert(dtype: bf16) %1 : bf16[4, 6]",
                "%4 = matmul(transposesLeft: false, transposesRight: false, dtype: f32) %2, %3 : f32[8, 6]", "return %4",
            ])
        #expect(Verifier.fault(in: after) == nil)
    }

    @Test func aValueIsRoundedOnceForAllThatReadIt() {
        // Forward, both gradients: x, w and dy.
        let gradients = valueAndGradients(at: [x, w]) { (matmul($0[0], $0[1]) * 3).sum() }.gradients
        let after = LowerPrecision(.wide).run(Simplify().run(Program(computing: gradients)))
        #expect(count(MatrixMultiply.self, after) == 2)
        #expect(count(Convert.self, after) == 3)
        #expect(after.outputs.allSatisfy { after.type(of: $0).dtype == .float32 })
    }

    @Test func changesOfShapeComeAfterRounding() {
        let after = lowered([matmul(x.transposed().reshaped(to: [2, 16]), x.reshaped(to: [16, 2]))])
        #expect(count(Convert.self, after) == 1)
        #expect(after.instructions.first?.primitive is Convert)
        #expect(Verifier.fault(in: after) == nil)
    }

    @Test func betweenProductsResultsAreNarrow() {
        let hidden = relu(matmul(x, w))
        let after = lowered([matmul(hidden, w, transposingRight: true)], .narrowBetweenProducts)
        let products = after.instructions.filter { $0.primitive is MatrixMultiply }
        #expect(products.map(\.type.dtype) == [.bfloat16, .float32])
        #expect(Verifier.fault(in: after) == nil)
    }

    @Test func weightGradientsStayWide() {
        let y = { (values: [Tensor]) in matmul(relu(matmul(values[0], values[1])), values[2]) }
        let v = Tensor.zeros([6, 2]).evaluated()
        let gradients = valueAndGradients(at: [w, v]) { [x] in exp(y([x, $0[0], $0[1]])).sum() }.gradients
        let after = lowered(gradients, .narrowBetweenProducts)
        for output in after.outputs {
            let product = after.instruction(output)
            #expect(product?.primitive is MatrixMultiply && product?.type.dtype == .float32)
        }
        #expect(after.instructions.count { $0.primitive is MatrixMultiply && $0.type.dtype == .bfloat16 } == 3)
    }

    @Test func convolutionsAndTheirGradientsAreRounded() {
        let (image, kernel) = (Tensor.zeros([2, 3, 8, 8]).evaluated(), Tensor.zeros([4, 3, 3, 3]).evaluated())
        let gradients = valueAndGradients(at: [image, kernel]) { exp(conv2d($0[0], $0[1])).sum() }.gradients
        let after = lowered(gradients)
        let products = after.instructions.filter { $0.primitive is any Product }
        #expect(products.count == 3)
        #expect(products.allSatisfy { $0.operands.allSatisfy { after.type(of: $0).dtype == .bfloat16 } && $0.type.dtype == .float32 })
        #expect(count(Convert.self, after) == 3)
        #expect(Verifier.fault(in: after) == nil)
    }

    @Test func otherTypesAndWhatIsNotCoveredStay() {
        let doubles = Tensor.zeros([3, 3], dtype: .float64).evaluated()
        let before = Program(computing: [matmul(doubles, doubles)])
        #expect(LowerPrecision(.wide).run(before) == before)
        let small = Program(computing: [matmul(x, w)])
        #expect(LowerPrecision(.wide, where: { _, _ in false }).run(small) == small)
    }

    @Test func theReferenceRoundsOperandsAndSumsExactly() throws {
        // 1 + 2⁻⁸ is no bf16: it rounds to 1, whose products add up without loss.
        let a = Tensor([1.00390625, 1.5, 2.5, -3] as [Float]).reshaped(to: [1, 4]).converted(to: .bfloat16)
        let b = Tensor([1, 256.0, 1, 0.00390625] as [Float]).reshaped(to: [4, 1]).converted(to: .bfloat16)
        let results = try Device.$current.withValue(.reference) {
            try [DType.float32, .bfloat16].map { try Tensor.apply(MatrixMultiply(as: $0), [a, b]).hostArray().doubles[0] }
        }
        #expect(results == [1 + 384 + 2.5 - 3.0 / 256, 388])
    }

    @Test func theDtypeOfAResultIsChecked() {
        let (narrow, wide) = (TensorType(.bfloat16, [2, 2]), TensorType(.float32, [2, 2]))
        func message(_ product: MatrixMultiply, _ type: TensorType) -> String? {
            do throws(ShapeError) { _ = try product.outputType(for: [type, type]) } catch { return error.message }
            return nil
        }
        #expect(message(MatrixMultiply(as: .float32), narrow) == nil)
        #expect(message(MatrixMultiply(), narrow) == "bf16 has no arithmetic")
        #expect(message(MatrixMultiply(as: .bfloat16), wide) == "a product of f32 as bf16: only bf16 gives another dtype, f32 or bf16")
        #expect(message(MatrixMultiply(as: .float64), narrow) == "a product of bf16 as f64: only bf16 gives another dtype, f32 or bf16")
    }

    /// Gradients of a product of bf16 are in bf16, as its operands are.
    @Test func productsOfBFloat16HaveGradients() throws {
        let a = Tensor([1, 2, 3, 4] as [Float]).reshaped(to: [2, 2]).converted(to: .bfloat16).evaluated()
        let gradient = try Device.$current.withValue(.reference) {
            let gradients = valueAndGradients(at: [a]) { Tensor.apply(MatrixMultiply(as: .float32), [$0[0], a]).sum() }.gradients
            return try gradients[0].hostArray()
        }
        #expect(gradient.dtype == .bfloat16)
        // By each row of A the sums of the rows of the other.
        #expect(gradient.doubles == [3, 7, 3, 7])
    }
}

extension Tensor {
    /// The tensor with its value computed, so that programs begin at it.
    fileprivate func evaluated() -> Tensor {
        evaluate(self)
        return self
    }
}
