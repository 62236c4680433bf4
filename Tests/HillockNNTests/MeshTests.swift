import Hillock
import HillockCore
import Testing

/// Training on several devices at once: XLA's CPU plugin gives eight.
@Suite(.enabled(if: MeshTests.isThere, "needs XLA's plugin for the CPU: hillock devices install xla-cpu"), .serialized)
struct MeshTests {
    static let isThere = (try? Device.mesh(Mesh(data: 8), of: "xla-cpu")) != nil

    @Test func aDividedTensorIsPutTogether() throws {
        let mesh = Mesh(data: 4, model: 2)
        let x = Tensor.arange(to: 64).reshaped(to: [8, 8])
        try Device.$current.withValue(.mesh(mesh, of: "xla-cpu")) {
            for sharding in [Sharding([["data"], ["model"]]), Sharding(axis: 1, by: "data"), Sharding([["data", "model"]]), .replicated] {
                let y = (x * 2).sharded(sharding, on: mesh)
                #expect(try y.currentSharding() == sharding)
                #expect(y.elements(as: Float.self) == (0..<64).map { Float(2 * $0) }, "\(sharding)")
                // And taken as an argument as it lies.
                #expect((y + x).elements(as: Float.self) == (0..<64).map { Float(3 * $0) }, "\(sharding)")
            }
            #expect(matmul(x.sharded(on: mesh), x).sum().item() == matmul(x, x).sum().item())
        }
    }

    @Test func onOneDeviceAShardingSaysNothing() throws {
        let x = Tensor.arange(to: 8)
        for device in LayerTests.devices {
            try Device.$current.withValue(device) {
                let y = (x + 1).sharded(on: Mesh(data: 4))
                #expect(y.elements(as: Float.self) == (1...8).map(Float.init))
                #expect(try y.currentSharding() == nil)
            }
        }
    }

    @Test func aMeshThatDoesNotDivideIsAnError() {
        let sharding = Sharding(axis: 1, by: "data")
        let fault = sharding.fault(for: TensorType(.float32, [4, 10]), on: Mesh(data: 4))
        #expect("\(fault!)".contains("axis 1 of f32[4, 10] cannot be divided among 4 devices"))
        #expect("\(Sharding(axis: 0, by: "rows").fault(for: TensorType(.float32, [4]), on: Mesh(data: 2))!)".contains("no axis rows"))
    }

    /// A block of a transformer with an embedding and a head; losses of a few steps and how parameters lie after them.
    private func train(
        _ device: Device, _ mesh: Mesh? = nil, _ policy: ShardingPolicy = .dataParallel
    ) throws -> (losses: [Float], shardings: [String: Sharding?]) {
        try Device.$current.withValue(device) {
            struct Model: Layer {
                let embedding = Embedding(32, 16)
                let block = TransformerEncoderLayer(16, heads: 4, feedForward: 32, activation: GELU(), dropout: 0)
                let head = Linear(16, 32)
                func callAsFunction(_ x: Tensor) -> Tensor { head(block(embedding(x))) }
            }
            let model = withSeed(3) { Model() }
            if let mesh { model.place(on: mesh, policy) }
            let optimizer = Adam(model, learningRate: 1e-2)
            let tokens = (Tensor.arange(to: 64) * 7).remainder(32).converted(to: .int64).reshaped(to: [8, 8])
            func placed(_ x: Tensor) -> Tensor { mesh.map { x.sharded(on: $0) } ?? x }
            var losses: [Float] = []
            for _ in 0..<5 {
                let (loss, gradients) = valueAndGradient(of: optimizer.parameters) {
                    crossEntropy(model(placed(tokens)).reshaped(to: [64, 32]), placed(tokens).reshaped(to: [64]))
                }
                optimizer.update(gradients)
                losses.append(Float(loss.item()))
            }
            var shardings: [String: Sharding?] = [:]
            for (name, parameter) in model.contents().parameters { shardings[name] = .some(try parameter.value.currentSharding()) }
            return (losses, shardings)
        }
    }

    private func check(_ mesh: Mesh, _ policy: ShardingPolicy) throws -> [String: Sharding?] {
        let expected = try train(.cpu).losses
        let got = try train(.mesh(mesh, of: "xla-cpu"), mesh, policy)
        for (a, b) in zip(got.losses, expected) { #expect(abs(a - b) < 1e-4 * abs(b), "\(got.losses), expected \(expected)") }
        return got.shardings
    }

    @Test func dataParallel() throws {
        let shardings = try check(Mesh(data: 8), .dataParallel)
        #expect(shardings.values.allSatisfy { $0 == .replicated })
    }

    @Test func fullySharded() throws {
        let shardings = try check(Mesh(data: 8), .fullySharded)
        #expect(shardings.values.allSatisfy { $0 != .replicated }, "\(shardings)")
        #expect(shardings["embedding.weight"] == Sharding(axis: 0, by: "data"))
    }

    @Test func tensorParallel() throws {
        let shardings = try check(Mesh(data: 2, model: 4), .tensorParallel())
        #expect(shardings["block.linear1.weight"] == Sharding(axis: 0, by: "model"))
        #expect(shardings["block.linear2.weight"] == Sharding(axis: 1, by: "model"))
        #expect(shardings["block.self_attn.in_proj_weight"] == Sharding(axis: 0, by: "model"))
        #expect(shardings["embedding.weight"] == Sharding(axis: 1, by: "model"))
        #expect(shardings["head.weight"] == .replicated)
    }
}
