import HillockCore
import Testing

/// The exact text of every misuse.
@Suite struct MisuseTests {
    /// A wrong call, and what it says.
    struct Misuse: Sendable, CustomTestStringConvertible {
        let text: String
        /// Where the row begins, where the operation can know its caller.
        let line: UInt?
        let call: @Sendable () -> Void

        init(_ text: String, isLocated: Bool = true, line: UInt = #line, call: @escaping @Sendable () -> Tensor) {
            self.text = text
            self.line = isLocated ? line : nil
            self.call = { _ = call() }
        }

        var testDescription: String { text }
    }

    @Test(arguments: all) func saysWhatIsWrong(misuse: Misuse) throws {
        let error = #expect(throws: ShapeError.self) { try Validation.check(misuse.call) }
        var found = try #require(error)
        // The call is on one of the row's lines.
        let places = misuse.line.map { line in (line..<line + 5).map { "HillockCoreTests/MisuseTests.swift:\($0)" } }
        #expect(places.map { $0.contains(found.caller ?? "") } ?? (found.caller == nil), "called at \(found.caller ?? "nowhere")")
        found.caller = nil
        #expect(found.description == misuse.text)
    }

    @Test func theWholeLine() throws {
        var error = ShapeError("conv2d", "input has 3 channels, weight [8, 4, 3, 3] wants 4", hint: "check the model")
        error.layer = "blocks.2.conv1"
        error.caller = "App/Net.swift:12"
        #expect(
            "\(error)"
                == "[conv2d] input has 3 channels, weight [8, 4, 3, 3] wants 4 · in blocks.2.conv1 · at App/Net.swift:12 · check the model")
    }

    @Test func theFirstOfSeveralIsKept() {
        let error = #expect(throws: ShapeError.self) {
            try Validation.check {
                let wrong = matmul(Tensor.zeros([2, 3]), Tensor.zeros([4, 5]))
                return (wrong + Tensor.zeros([7])).reshaped(to: [100])
            }
        }
        #expect(error?.operation == "matmul")
    }

    @Test func rightCallsPassAndNothingIsComputed() throws {
        try CountingEngine.use { engine in
            let y = try Validation.check { exp(Tensor.zeros([2, 3])).sum() }
            #expect(y.shape == [])
            #expect(engine.ran.isEmpty)
        }
    }

    @Test func valuesOfWrongCallsAreZerosDuringValidation() {
        #expect(throws: ShapeError.self) {
            try Validation.check {
                let wrong = Tensor.zeros([2]) + Tensor.zeros([3])
                #expect(wrong.sum().item() == 0)
                #expect(wrong.elements(as: Float.self).allSatisfy { $0 == 0 })
            }
        }
    }

    @Test func layersAreNamed() {
        let error = #expect(throws: ShapeError.self) {
            try Validation.check {
                LayerPath.entering("blocks") { LayerPath.entering("2") { Tensor.zeros([2]) + Tensor.zeros([3]) } }
            }
        }
        #expect(error?.layer == "blocks.2")
    }

    static let v2 = Tensor.zeros([2])
    static let v3 = Tensor.zeros([3])
    static let m23 = Tensor.zeros([2, 3])
    static let m45 = Tensor.zeros([4, 5])
    static let scalar = Tensor(1)
    static let whole = Tensor([1, 2, 3])
    static let image = Tensor.zeros([1, 3, 5, 5])
    static let weight = Tensor.zeros([4, 3, 3, 3])
    static let truth = Tensor([true, false, true])

    static let all: [Misuse] = arithmetic + shapes + reductions + joining + windows + losses + creation

    static let arithmetic = [
        Misuse(
            "[add] left is f32[2], right is f32[3]: shapes cannot be broadcast together · extents must be equal or 1, counted from the last axis",
            isLocated: false
        ) { v2 + v3 },
        Misuse(
            "[multiply] left is f32[2, 3], right is f32[4, 5]: shapes cannot be broadcast together · extents must be equal or 1, counted from the last axis",
            isLocated: false
        ) { m23 * m45 },
        Misuse("[add] left is f32[3], right is i64[3]: dtypes differ · convert one of them with converted(to:)", isLocated: false) {
            v3 + whole
        },
        Misuse("[subtract] bool has no arithmetic · convert it with converted(to: .float32)", isLocated: false) { truth - truth },
        Misuse("[add] bf16 has no arithmetic · convert it with converted(to: .float32)", isLocated: false) {
            let x = Tensor.zeros([2]).converted(to: .bfloat16)
            return x + x
        },
        Misuse(
            "[multiply] tensor is i64[3], which cannot hold the number 0.5 · convert it with converted(to: .float32)", isLocated: false
        ) { whole * 0.5 },
        Misuse("[compare] tensor is i64[3], which cannot hold the number 0.5 · convert it with converted(to: .float32)", isLocated: false) {
            whole .> 0.5
        },
        Misuse("[add] tensor is u8[1], which cannot hold the number -1.0 · convert it with converted(to: .float32)", isLocated: false) {
            Tensor([1] as [UInt8]) + -1
        },
        Misuse("[power] tensor is i64[3], which cannot hold the number 0.5 · convert it with converted(to: .float32)", isLocated: false) {
            pow(whole, 0.5)
        },
        Misuse("[pad] tensor is i64[5], which cannot hold the number inf · convert it with converted(to: .float32)", isLocated: false) {
            whole.padded([(1, 1)], value: .infinity)
        },
        Misuse("[exp] input is i64[3], a real function wants f32 or f64 · convert it with converted(to: .float32)", isLocated: false) {
            exp(whole)
        },
        Misuse("[negate] bool has no arithmetic · convert it with converted(to: .float32)", isLocated: false) { -truth },
        Misuse("[compare] left is f32[3], right is i64[3]: dtypes differ · convert one of them with converted(to:)", isLocated: false) {
            v3 .== whole
        },
        Misuse("[logical] operands are f32, logic wants bool · compare with `.!= 0` first", isLocated: false) { v3 .& v3 },
        Misuse("[not] operand is f32, logic wants bool · compare with `.!= 0` first", isLocated: false) { .!v3 },
        Misuse("[where] condition is f32[3], expected bool · compare with `.!= 0` first", isLocated: false) { `where`(v3, v3, v3) },
        Misuse("[where] left is f32[3], right is i64[3]: dtypes differ · convert one of them with converted(to:)", isLocated: false) {
            `where`(truth, v3, whole)
        },
        Misuse(
            "[where] left is bool[3], right is f32[2]: shapes cannot be broadcast together · extents must be equal or 1, counted from the last axis",
            isLocated: false
        ) { `where`(truth, v2, v2) },
        Misuse("[matmul] left has 3 columns, right has 4 rows: left [2, 3], right [4, 5]") { matmul(m23, m45) },
        Misuse("[matmul] left has 2 columns, right has 4 rows: left [2, 3] transposed, right [4, 5]") {
            matmul(m23, m45, transposingLeft: true)
        },
        Misuse("[matmul] left is f32[], right is f32[3]: a scalar is no matrix · use * to scale") { matmul(scalar, v3) },
        Misuse("[matmul] left is f32[2, 3], right is i64[3, 1]: dtypes differ · convert one of them with converted(to:)") {
            matmul(m23, whole.reshaped(to: [3, 1]))
        },
        Misuse("[matmul] left is f32[2, 4, 5], right is f32[3, 5, 4]: batch axes cannot be broadcast together") {
            matmul(Tensor.zeros([2, 4, 5]), Tensor.zeros([3, 5, 4]))
        },
        Misuse("[matmul] left has 3 columns, right has 2 rows: left [1, 3], right [2, 1]") { matmul(v3, v2) },
    ]

    static let shapes = [
        Misuse("[broadcast] shape [2] cannot be broadcast to [3] · extents must be equal or 1, counted from the last axis") {
            v2.broadcast(to: [3])
        },
        Misuse("[broadcast] shape [2, 3] cannot be broadcast to [3] · extents must be equal or 1, counted from the last axis") {
            m23.broadcast(to: [3])
        },
        Misuse("[reshape] shape [2, 3] has 6 elements, which [4] cannot hold") { m23.reshaped(to: [4]) },
        Misuse("[reshape] shape [2, 3] has 6 elements, which [4, -1] cannot hold") { m23.reshaped(to: [4, -1]) },
        Misuse("[reshape] shape [2, 3] has 6 elements, which [-1, -1] cannot hold") { m23.reshaped(to: [-1, -1]) },
        Misuse("[reshape] shape [2, 3] has 6 elements, which [-2, -3] cannot hold") { m23.reshaped(to: [-2, -3]) },
        Misuse("[transpose] [0, 0] is no permutation of the 2 axes of shape [2, 3]") { m23.transposed([0, 0]) },
        Misuse("[transpose] [0, 1, 2] is no permutation of the 2 axes of shape [2, 3]") { m23.transposed([0, 1, 2]) },
        Misuse("[transpose] shape [2] has no two axes to swap · give a permutation, or add an axis with unsqueezed(axis:)") {
            v2.transposed()
        },
        Misuse("[squeeze] axis 0 of shape [2, 3] is not of extent 1") { m23.squeezed(axis: 0) },
        Misuse("[squeeze] axis 2 is out of range for shape [2, 3]: expected -2...1") { m23.squeezed(axis: 2) },
        Misuse("[unsqueeze] axis 4 is out of range for shape [2, 3]: expected -3...2") { m23.unsqueezed(axis: 4) },
        Misuse("[flatten] axis 2 is out of range for shape [2, 3]: expected -2...1") { m23.flattened(axes: 0...2) },
        Misuse("[flatten] axis 0 is out of range for shape []: it has none") { scalar.flattened(axes: 0...0) },
        Misuse("[flatten] axes -1...0 of shape [2, 3] are not in order") { m23.flattened(axes: -1...0) },
        Misuse("[reverse] axis 2 is out of range for shape [2, 3]: expected -2...1") { m23.reversed(axes: 2) },
        Misuse("[index] index 2 is out of range for axis 0 of shape [2, 3]") { m23[2] },
        Misuse("[index] index -4 is out of range for axis 1 of shape [2, 3]") { m23[0, -4] },
        Misuse("[index] 3 indices for the 2 axes of shape [2, 3]") { m23[0, 0, 0] },
        Misuse("[index] more than one ellipsis of shape [2, 3]") { m23[TensorIndex.ellipsis, TensorIndex.ellipsis] },
        Misuse("[index] step is 0") { m23[TensorIndex.every(0)] },
        Misuse("[pad] 1 amounts for the 2 axes of shape [2, 3]") { m23.padded([(1, 1)]) },
        Misuse("[pad] low [-3] and high [0] crop more than shape [2] has") { v2.padded([(-3, 0)]) },
    ]

    static let reductions = [
        Misuse("[sum] axis 2 is out of range for shape [2, 3]: expected -2...1") { m23.sum(axes: 2) },
        Misuse("[sum] axis 0 is out of range for shape []: it has none") { scalar.sum(axes: 0) },
        Misuse("[maximum] axis 0 is out of range for shape []: it has none") { scalar.max(axes: 0) },
        Misuse("[sum] axes [0, -2] name one axis of shape [2, 3] twice") { m23.sum(axes: 0, -2) },
        Misuse("[sum] bool has no arithmetic · convert it with converted(to: .float32)") { truth.sum() },
        Misuse("[maximum] axis 0 of shape [0, 3] is empty: there is no maximum") { Tensor.zeros([0, 3]).max(axes: 0) },
        Misuse("[minimum] axis 1 of shape [2, 0] is empty: there is no minimum") { Tensor.zeros([2, 0]).min() },
        Misuse("[mean] input is i64[3], expected f32 or f64 · convert it with converted(to: .float32)") { whole.mean() },
        Misuse("[variance] input is i64[3], expected f32 or f64 · convert it with converted(to: .float32)") { whole.variance() },
        Misuse("[argmax] axis 2 is out of range for shape [2, 3]: expected -2...1") { m23.argmax(axis: 2) },
        Misuse("[argmax] axis -1 is out of range for shape []: it has none") { scalar.argmax() },
        Misuse("[argmin] axis 1 of shape [2, 0] is empty") { Tensor.zeros([2, 0]).argmin() },
        Misuse("[softmax] axis 2 is out of range for shape [2, 3]: expected -2...1") { softmax(m23, axis: 2) },
        Misuse("[softmax] axis -1 is out of range for shape []: it has none") { softmax(scalar) },
        Misuse("[logSoftmax] axis 2 is out of range for shape [2, 3]: expected -2...1") { logSoftmax(m23, axis: 2) },
    ]

    static let joining = [
        Misuse("[concatenate] there is nothing to concatenate") { concatenate([]) },
        Misuse("[concatenate] input 0 is f32[2, 3], input 1 is f32[4, 5]: shapes must agree in every axis but 0") {
            concatenate([m23, m45])
        },
        Misuse("[concatenate] input 0 is f32[3], input 1 is i64[3]: dtypes differ") { concatenate([v3, whole]) },
        Misuse("[concatenate] axis 1 is out of range for shape [3]: expected -1...0") { concatenate([v3, v3], axis: 1) },
        Misuse("[concatenate] axis 0 is out of range for shape []: it has none") { concatenate([scalar, scalar]) },
        Misuse("[stack] there is nothing to stack") { stack([]) },
        Misuse("[stack] input 0 is f32[2], input 1 is f32[3]: they must be equal") { stack([v2, v3]) },
        Misuse("[stack] axis 2 is out of range for shape [2]: expected -2...1") { stack([v2, v2], axis: 2) },
        Misuse("[split] sizes [1, 3] do not add up to axis 1 of shape [2, 3]") { m23.split(sizes: [1, 3], axis: 1)[1] },
        Misuse("[split] axis 1 of shape [2, 3] cannot be split into 2 equal parts") { m23.split(into: 2, axis: 1)[1] },
        Misuse("[gather] indices are f32, expected i32 or i64 · convert them with converted(to: .int64)") { m23.gathered(v2) },
        Misuse("[gather] indices are f32, expected i32 or i64 · convert them with converted(to: .int64)") { m23.gathered(m23, axis: 1) },
        Misuse("[gather] axis 2 is out of range for shape [2, 3]: expected -2...1") { m23.gathered(whole, axis: 2) },
        Misuse("[gather] table f32[0, 3] has no rows") { Tensor.zeros([0, 3]).gathered(whole) },
        Misuse("[scatterAdded] updates are f32[2, 3], table f32[4, 5] and indices [3] want f32[3, 5]") { m45.scatterAdded(m23, at: whole) },
        Misuse("[scatterAdded] a scalar has no rows") { scalar.scatterAdded(v3, at: whole) },
        Misuse("[scatteradd] indices are f32, expected i32 or i64 · convert them with converted(to: .int64)") {
            v2.scatterAdded(v3, at: v3)
        },
        Misuse("[oneHot] indices are f32[3], depth is 4: expected i32, i64 or u8, and a depth of at least 0") { oneHot(v3, depth: 4) },
        Misuse("[oneHot] indices are i64[3], depth is -1: expected i32, i64 or u8, and a depth of at least 0") { oneHot(whole, depth: -1) },
    ]

    static let windows = [
        Misuse("[conv2d] input has 3 channels, weight [8, 4, 3, 3] wants 4") { conv2d(image, Tensor.zeros([8, 4, 3, 3])) },
        Misuse("[conv2d] input has 3 channels, weight [4, 3, 3, 3] wants 3 × 2 groups = 6") { conv2d(image, weight, groups: 2) },
        Misuse("[conv2d] weight [4, 1, 3, 3] has 4 output channels, which 3 groups do not divide") {
            conv2d(image, Tensor.zeros([4, 1, 3, 3]), groups: 3)
        },
        Misuse("[conv2d] input is [2, 3], expected 4 axes: N, C and 2 spatial") { conv2d(m23, weight) },
        Misuse("[conv2d] input is [3], expected 4 axes: N, C and 2 spatial") { conv2d(v3, weight, bias: v3) },
        Misuse("[conv2d] weight is [2, 3], expected 4 axes: O, C / groups and 2 of the kernel") { conv2d(image, m23) },
        Misuse("[conv2d] weight is [], expected 4 axes: O, C / groups and 2 of the kernel") { conv2d(image, scalar, bias: v3) },
        Misuse("[conv2d] input is f32[1, 3, 5, 5], weight is f64[4, 3, 3, 3]: expected both f32 or both f64") {
            conv2d(image, .zeros([4, 3, 3, 3], dtype: .float64))
        },
        Misuse("[conv2d] bias is [3], weight [4, 3, 3, 3] wants [4]") { conv2d(image, weight, bias: v3) },
        Misuse(
            "[conv2d] kernel [3, 3] with dilation [3, 3] is larger than input [1, 3, 5, 5] with padding · use a larger input, a smaller kernel or more padding"
        ) { conv2d(image, weight, dilation: (3, 3)) },
        Misuse(
            "[conv2d] stride [0, 1], padding [0, 0] [0, 0], dilation [1, 1], groups 1: strides, dilation and groups must be at least 1, padding at least 0"
        ) { conv2d(image, weight, stride: (0, 1)) },
        Misuse("[maxpool2d] input is f32[2, 3], expected f32 or f64 of shape [N, C, H, W]") { maxPool2d(m23, kernel: (2, 2)) },
        Misuse("[maxpool2d] window [6, 6] with dilation [1, 1] is larger than input [1, 3, 5, 5] with padding") {
            maxPool2d(image, kernel: (6, 6))
        },
        Misuse(
            "[maxpool2d] window [2, 2], stride [2, 2], padding [2, 0], dilation [1, 1] · all must be at least 1, padding at most half the window"
        ) { maxPool2d(image, kernel: (2, 2), padding: (2, 0)) },
        Misuse("[avgpool2d] input is f32[3], expected f32 or f64 of shape [N, C, H, W]") { avgPool2d(v3, kernel: (2, 2)) },
    ]

    static let losses = [
        Misuse("[crossEntropy] logits are f32[2, 3], labels are i64[3]: labels must have the logits' shape without its last axis") {
            crossEntropy(m23, whole)
        },
        Misuse("[crossEntropy] logits are f32[], labels are i64[3]: labels must have the logits' shape without its last axis") {
            crossEntropy(scalar, whole)
        },
        Misuse(
            "[crossEntropy] labels are f32, expected class indices as i32 or i64 · convert them with converted(to: .int64), or argmax one-hot rows"
        ) { crossEntropy(m23, v2) },
        Misuse("[crossEntropy] class weights are f32[2], expected f32[3]") { crossEntropy(m23, whole[..<2], classWeights: v2) },
        Misuse("[crossEntropy] label smoothing is 2.0, expected 0 to 1") { crossEntropy(m23, whole[..<2], labelSmoothing: 2) },
        Misuse("[meanSquaredError] prediction is [2], target is [3]: shapes differ") { meanSquaredError(v2, v3) },
        Misuse("[binaryCrossEntropy] logits are [2], target is [3]: shapes differ") { binaryCrossEntropy(logits: v2, v3) },
        Misuse("[dropout] rate is 1.0, expected 0 or more and less than 1") { dropout(v2, rate: 1) },
        Misuse("[dropout] rate is nan, expected 0 or more and less than 1") { dropout(v2, rate: .nan) },
        Misuse("[layerNorm] input [2, 3] does not end with the normalised shape [2]") { layerNorm(m23, scale: v2, bias: nil) },
        Misuse("[layerNorm] input [2, 3] does not end with the normalised shape []") { layerNorm(m23, scale: scalar, bias: nil) },
        Misuse("[batchNorm] input is [3], expected [N, C, …]") { batchNorm(v3, mean: v3, variance: v3, scale: nil, bias: nil) },
        Misuse("[batchNorm] mean is [2], input [2, 3] wants [3]") { batchNorm(m23, mean: v2, variance: v3, scale: nil, bias: nil) },
        Misuse("[batchNorm] scale is [2], input [2, 3] wants [3]") { batchNorm(m23, mean: v3, variance: v3, scale: v2, bias: nil) },
    ]

    static let creation = [
        Misuse("[tensor] 3 elements cannot fill shape [2, 2], which has 4") { Tensor([1, 2, 3] as [Float], shape: [2, 2]) },
        Misuse("[tensor] row 1 has 1 elements, row 0 has 2") { Tensor([[1, 2], [3]] as [[Float]]) },
        Misuse("[zeros] shape [-1, 2] has a negative extent") { Tensor.zeros([-1, 2]) },
        Misuse("[ones] shape [-1] has a negative extent") { Tensor.ones([-1]) },
        Misuse("[full] shape [2, -3] has a negative extent") { Tensor.full([2, -3], 1) },
        Misuse("[eye] shape [-2, -2] has a negative extent") { Tensor.eye(-2) },
        Misuse("[linspace] shape [-1] has a negative extent") { Tensor.linspace(from: 0, to: 1, count: -1) },
        Misuse("[random] shape [-1] has a negative extent", isLocated: false) { Tensor.uniform([-1]) },
        Misuse("[random] dtype is i32, expected f32 or f64 · draw f32 and convert", isLocated: false) { Tensor.normal([2], dtype: .int32) },
        Misuse("[arange] from 0.0 to 5.0 by 0.0 never ends · use finite bounds and a step that is not 0") { Tensor.arange(to: 5, by: 0) },
        Misuse("[arange] from 0.0 to inf by 1.0 never ends · use finite bounds and a step that is not 0") { Tensor.arange(to: .infinity) },
        Misuse("[item] a tensor of shape [2, 3] has 6 elements, not 1 · reduce it first, or use elements()") { Tensor(m23.item()) },
        Misuse("[gradient] the function's value is f32[2, 3], expected a floating scalar · reduce it with sum() or mean()") {
            gradient(at: m23) { $0 * 2 }
        },
        Misuse("[gradient] the function's value is i64[], expected a floating scalar · reduce it with sum() or mean()") {
            gradient(at: whole) { $0.sum() }
        },
    ]
}
