import Foundation
import HillockCore
import Testing

/// The text that every primitive writes, kept in `Tests/Reference/stablehlo.txt`; what it means is tested where it is run.
@Suite struct StableHLOTextTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Reference/stablehlo.txt")

    private static let pooling = PoolingGeometry(kernel: [1, 2], strides: [2, 1], padding: [0, 1], dilation: [1, 1])
    private static let square = PoolingGeometry(kernel: [2, 2], strides: [2, 2], padding: [1, 1], dilation: [1, 1])
    private static let convolution = ConvolutionGeometry(
        strides: [2, 1], paddingBefore: [1, 0], paddingAfter: [1, 0], dilation: [1, 2], groups: 2)

    private static func f32(_ extents: Int...) -> TensorType { TensorType(.float32, Shape(extents)) }
    private static func i64(_ extents: Int...) -> TensorType { TensorType(.int64, Shape(extents)) }
    private static func bool(_ extents: Int...) -> TensorType { TensorType(.bool, Shape(extents)) }

    /// What is written, by functions of inputs of these types: every primitive, and more than once where the text depends on more than types.
    private static var table: [([TensorType], ([Tensor]) -> Tensor)] {
        let bytes = TensorType(.uint8, [2])
        let x = f32(2, 3)
        func primitive(_ primitive: any Primitive) -> ([Tensor]) -> Tensor {
            func apply(_ primitive: some Primitive) -> ([Tensor]) -> Tensor { { .apply(primitive, $0) } }
            return apply(primitive)
        }
        var rows: [([TensorType], ([Tensor]) -> Tensor)] = []
        func row(_ types: TensorType..., function: @escaping ([Tensor]) -> Tensor) { rows.append((types, function)) }
        row(x) { exp($0[0]) }
        row(x) { expm1($0[0]) }
        row(x) { log($0[0]) }
        row(x) { log1p($0[0]) }
        row(x) { sqrt($0[0]) }
        row(x) { rsqrt($0[0]) }
        row(x) { sin($0[0]) }
        row(x) { cos($0[0]) }
        row(x) { tanh($0[0]) }
        row(x) { sigmoid($0[0]) }
        row(x) { erf($0[0]) }
        row(x) { floor($0[0]) }
        row(x) { ceil($0[0]) }
        row(x) { round($0[0]) }
        row(x) { abs($0[0]) }
        row(x) { sign($0[0]) }
        row(x) { relu($0[0]) }
        row(x) { -$0[0] }
        row(x) { $0[0].stoppingGradient() }
        row(x, x) { $0[0] + $0[1] }
        row(x, x) { $0[0] - $0[1] }
        row(x, x) { $0[0] * $0[1] }
        row(x, x) { $0[0] / $0[1] }
        row(x, x) { $0[0] % $0[1] }
        row(x, x) { pow($0[0], $0[1]) }
        row(x, x) { maximum($0[0], $0[1]) }
        row(x, x) { minimum($0[0], $0[1]) }
        row(i64(2), i64(2)) { pow($0[0], $0[1]) }
        row(bytes) { abs($0[0]) }
        row(bytes) { sign($0[0]) }
        row(x) { valueAndGradient(at: $0[0]) { $0.sum() }.value }
        row(x, x) { $0[0] .< $0[1] }
        row(bool(2), bool(2)) { $0[0] .^ $0[1] }
        row(bool(2)) { .!$0[0] }
        row(bool(2, 3), x, x) { `where`($0[0], $0[1], $0[2]) }
        row(x) { $0[0].converted(to: .bool) }
        row(x) { $0[0].converted(to: .bfloat16) }
        let constants: [any Primitive] = [
            Fill(0.1, f32(2, 2)), Fill(-.infinity, TensorType(.float64, [2])), Fill(.nan, f32()), Fill(300, bytes), Fill(1, bool(2)),
            Fill(1e-30, f32()), Iota(i64(2, 3), axis: 1), Iota(bool(2), axis: 0),
        ]
        let others: [([TensorType], any Primitive)] = [
            ([x], Reshape(to: [3, 2])), ([f32(2, 1)], Broadcast(to: [4, 2, 3])), ([x], Transpose([1, 0])),
            ([x], Slice(starts: [0, 1], limits: [2, 3], strides: [1, 2])), ([x], Reverse(axes: [1])),
            ([x], Pad(low: [1, -1], high: [0, 2], interior: [0, 1])), ([x, f32(2, 1)], Concatenate(axis: 1)),
            ([x], Reduce(.sum, axes: [0])), ([x], Reduce(.product, axes: [0, 1])), ([x], Reduce(.maximum, axes: [1])),
            ([i64(2, 3)], Reduce(.minimum, axes: [1])), ([x], ArgReduce(isMaximum: true, axis: 1)), ([x, f32(3, 4)], MatrixMultiply()),
            ([f32(5, 3, 2), f32(5, 4, 3)], MatrixMultiply(transposingLeft: true, transposingRight: true)), ([x, i64(4)], Gather()),
            ([f32(4, 3), i64(4)], ScatterAdd(rows: 2)), ([f32(1, 4, 5, 6), f32(2, 2, 3, 2)], Convolution(convolution)),
            ([f32(1, 2, 3, 4), f32(2, 2, 3, 2)], ConvolutionInputGradient(convolution, inputShape: [1, 4, 5, 6])),
            ([f32(1, 4, 5, 6), f32(1, 2, 3, 4)], ConvolutionWeightGradient(convolution, weightShape: [2, 2, 3, 2])),
            ([f32(1, 1, 4, 3)], MaxPool(pooling)), ([f32(1, 1, 4, 3), f32(1, 1, 3, 2)], MaxPoolScatter(square)),
            ([f32(1, 1, 4, 3), f32(1, 1, 2, 4)], MaxPoolScatter(pooling)),
            ([f32(1, 1, 4, 3), f32(1, 1, 4, 3)], MaxPoolSelect(pooling)), ([f32(1, 1, 4, 3)], AveragePool(pooling, countsPadding: true)),
            ([f32(1, 1, 4, 3)], AveragePool(pooling, countsPadding: false)),
            ([f32(1, 1, 2, 4)], AveragePoolGradient(pooling, countsPadding: true, inputShape: [1, 1, 4, 3])),
            ([i64()], RandomNumbers(.uniform, f32(3))),
            ([f32(4, 6)], Shard(Sharding(axis: 1, by: "data"), on: Mesh(data: 2))),
        ]
        return rows + constants.map { ([], primitive($0)) } + others.map { ($0, primitive($1)) }
    }

    /// What a row computes.
    private static func program(_ types: [TensorType], _ function: ([Tensor]) -> Tensor) -> Program {
        let inputs = types.map { Tensor(HostArray([Int64](repeating: 0, count: $0.shape.count), as: $0)) }
        let outputs = [function(inputs)]
        return Program(computing: outputs, from: inputs)
    }

    private static func text(_ primitive: some Primitive, _ types: [TensorType]) throws -> String {
        try program(types) { .apply(primitive, $0) }.stableHLO()
    }

    /// `HILLOCK_RECORD=1` writes the file anew; read what changed before committing it.
    @Test func textsAreThoseKept() throws {
        let separator = "\n// -----\n"
        let texts = try Self.table.map { try Self.program($0, $1).stableHLO() }
        if ProcessInfo.processInfo.environment["HILLOCK_RECORD"] == "1" {
            try texts.joined(separator: separator).write(to: Self.file, atomically: true, encoding: .utf8)
        }
        let kept = try String(contentsOf: Self.file, encoding: .utf8).components(separatedBy: separator)
        #expect(kept.count == texts.count)
        for (text, expected) in zip(texts, kept) { #expect(text == expected) }
    }

    @Test func everyPrimitiveHasText() throws {
        let primitives = Set(try CoreSources.primitives()).subtracting(["Leaf", "CompositeResult"])
        let written = Self.table.flatMap { Self.program($0, $1).instructions.map { "\(type(of: $0.primitive))" } }
        #expect(primitives.subtracting(written).sorted() == [], "primitives that no row writes")
    }

    @Test func resultsWithoutElementsAreConstants() throws {
        let text = try Self.text(MaxPool(Self.pooling), [Self.f32(0, 1, 4, 3)])
        #expect(text.contains("dense<> : tensor<0x1x2x4xf32>"))
        #expect(!text.contains("reduce_window"))
    }

    @Test func donatedInputsAreMarked() throws {
        let x = Self.f32(2)
        let program = Program(
            inputs: [.init(type: x, isScalar: false), .init(type: x, isScalar: false)], instructions: [.init(Add(), [0, 1], x)],
            outputs: [2])
        #expect(
            try program.stableHLO(donating: [1]).contains(
                "@main(%arg0: tensor<2xf32>, %arg1: tensor<2xf32> {jax.buffer_donor = true}) -> (tensor<2xf32>)"))
    }

    @Test func dividedValuesAreSharded() throws {
        let mesh = Mesh(data: 2, model: 3)
        let program = Self.program([Self.f32(4, 6), Self.f32(6, 6)]) {
            matmul($0[0].sharded(on: mesh), $0[1]).sharded(Sharding([["data"], ["model"]]), on: mesh)
        }
        let placement = program.placement(on: mesh, inputs: [nil, Sharding(axis: 0, by: "model")], outputs: [nil])
        #expect(placement.inputs == [Sharding(axis: 0, by: "data"), Sharding(axis: 0, by: "model")])
        #expect(placement.outputs == [Sharding([["data"], ["model"]])])
        let lines = try program.stableHLO(donating: [0], on: placement).split(separator: "\n")
        #expect(lines[1] == #"  sdy.mesh @mesh = <["data"=2, "model"=3]>"#)
        #expect(
            lines[2] == """
                  func.func public @main(\
                %arg0: tensor<4x6xf32> {jax.buffer_donor = true, sdy.sharding = #sdy.sharding<@mesh, [{"data"}p1, {}]>}, \
                %arg1: tensor<6x6xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"model"}p1, {}]>}) \
                -> (tensor<4x6xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"data"}p1, {"model"}p1]>}) {
                """)
        #expect(
            lines[3] == """
                    %0 = "sdy.sharding_constraint"(%arg0) <{sharding = #sdy.sharding<@mesh, [{"data"}, {}]>}> : \
                (tensor<4x6xf32>) -> tensor<4x6xf32> loc("shard#2")
                """)
    }

    @Test func oneAxisMayBeDividedAndTheOthersLeftOpen() throws {
        let mesh = Mesh(data: 2, model: 3)
        let program = Self.program([Self.f32(4, 6)]) { $0[0].sharded(axis: -1, by: "model", on: mesh) }
        let placement = program.placement(on: mesh, inputs: [nil], outputs: [nil])
        #expect(placement.inputs == [.replicated] && placement.outputs == [.replicated])
        #expect(try program.stableHLO(on: placement).contains(#"<{sharding = #sdy.sharding<@mesh, [{?}, {"model"}]>}>"#))
    }

    @Test func anotherMeshMustDivideToo() throws {
        let program = Self.program([Self.f32(4)]) { $0[0].sharded(on: Mesh(data: 2)) }
        let placement = program.placement(on: Mesh(data: 3), inputs: [nil], outputs: [nil])
        let message = "axis 0 of f32[4] cannot be divided among 3 devices (mesh data=3,model=1, sharding [data])"
        #expect(throws: StableHLOError("shard", message)) {
            try program.stableHLO(on: placement)
        }
    }

    @Test func strictNumericsAskForF32() throws {
        let types = [Self.f32(2, 3), Self.f32(3, 4)]
        #expect(try Numerics.$current.withValue(.fast) { try Self.text(MatrixMultiply(), types) }.contains("<precision DEFAULT>"))
        #expect(try Numerics.$current.withValue(.strict) { try Self.text(MatrixMultiply(), types) }.contains("<precision HIGHEST>"))
    }

    @Test func namesSayWhatIsPartOfWhat() throws {
        let x = Tensor.known([2, 3])
        let text = try Program(computing: [softmax(x, axis: 1)], from: [x]).stableHLO()
        #expect(text.contains("loc(\"softmax#1/exp\")"))
    }

    @Test func aResultWithoutItsCompositeHasNoText() {
        let result = CompositeResult(index: 0, type: Self.f32(2))
        let program = Program(
            inputs: [.init(type: Self.f32(2), isScalar: false)], instructions: [.init(result, [0], Self.f32(2))], outputs: [1])
        #expect(throws: StableHLOError("result", "its operand is no composite that was written")) { try program.stableHLO() }
    }

    /// A recurrence of 50 steps is no longer than one of 5, forward and backward.
    @Test(arguments: [5, 50]) func recurrencesAreLoops(steps: Int) throws {
        func operand(_ extents: Int...) -> Tensor { .known(Shape(extents)) }
        let (input, recurrent) = (operand(9, 4), operand(9, 3))
        func run(_ steps: Int) throws -> String {
            let x = Tensor.known([2, steps, 4])
            let value = valueAndGradients(at: [x, input, recurrent]) { gru($0[0], inputWeight: $0[1], recurrentWeight: $0[2]).output.sum() }
            return try Program(computing: value.gradients).stableHLO()
        }
        #expect(try run(steps).split(separator: "\n").count == run(5).split(separator: "\n").count)
        #expect(try run(steps).contains("stablehlo.while"))
    }
}

extension Tensor {
    /// Elements that are known, of this shape.
    fileprivate static func known(_ shape: Shape) -> Tensor {
        Tensor([Float](repeating: 0.5, count: shape.count), shape: shape)
    }
}
