import HillockCore
import HillockPJRT
import Testing

/// The engine of several devices: how it reads, and what it refuses. What it computes is tested with layers and optimizers.
@Suite(.enabled(if: TestPlugin.isThere), .serialized) struct MeshEngineTests {
    private func engine(_ mesh: Mesh) throws -> MeshEngine { try MeshEngine(MeshDevices(mesh, of: #require(TestPlugin.client))) }

    private func run(_ engine: MeshEngine, _ tensors: [Tensor], _ arguments: [HostArray]) throws -> [DeviceBuffer] {
        var arguments = arguments.map { Argument.buffer(HostBuffer($0)) }
        var results: [DeviceBuffer] = []
        try engine.plan(Program(computing: tensors)).run(&arguments, results: &results)
        return results
    }

    @Test func aClientMayHaveTooFewDevices() throws {
        #expect {
            try engine(Mesh(data: 8))
        } throws: {
            "\($0)"
                == "[xla-cpu] cannot use a mesh of data=8,model=1: it takes 8 devices and there are 4; hillock devices lists them"
        }
    }

    @Test func readingWithoutWaiting() async throws {
        let mesh = Mesh(data: 2, model: 2)
        let values = (0..<16).map { Float($0) }
        for sharding in [Sharding.replicated, Sharding([["model"], ["data"]]), Sharding([[], ["data", "model"]])] {
            let x = Tensor(values, shape: [4, 4])
            let results = try run(engine(mesh), [(x + x).sharded(sharding, on: mesh)], [HostArray(values, shape: [4, 4])])
            #expect(results[0].sharding == sharding)
            #expect(try await results[0].loadHostArray().elements(as: Float.self) == values.map { 2 * $0 })
        }
    }

    @Test func emptyTensorsAreDividedToo() throws {
        let mesh = Mesh(data: 4)
        let x = Tensor([Float](), shape: [0, 3])
        let results = try run(engine(mesh), [(x + x).sharded(on: mesh)], [HostArray([Float](), shape: [0, 3])])
        #expect(try results[0].hostArray().shape == [0, 3])
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let x = Tensor([1, 2] as [Float])
        #expect {
            try run(engine(Mesh(data: 2)), [tanh(x)], [HostArray([1, 2, 3] as [Float])])
        } throws: {
            "\($0)" == "[xla-cpu:data=2,model=1] cannot run the program: argument 0 is f32[3], the program was made for f32[2]"
        }
        // A graph that was made with another mesh in mind.
        #expect {
            try run(engine(Mesh(data: 4)), [x.sharded(on: Mesh(data: 2))], [HostArray([1, 2] as [Float])])
        } throws: {
            "\($0)" == "[shard] axis 0 of f32[2] cannot be divided among 4 devices (mesh data=4,model=1, sharding [data])"
        }
    }

    @Test func thePlanIsTextThatSaysHowThingsLie() throws {
        let mesh = Mesh(data: 2)
        let plan = try engine(mesh).plan(Program(computing: [tanh(Tensor([1, 2] as [Float]).sharded(on: mesh))]))
        #expect(plan.explanation.contains("sdy.mesh @mesh = <[\"data\"=2, \"model\"=1]>"))
        #expect(plan.explanation.contains("%arg0: tensor<2xf32> {sdy.sharding = #sdy.sharding<@mesh, [{\"data\"}p1]>}"))
        let stages = try engine(mesh).planStages(of: Program(computing: [tanh(Tensor([1, 2] as [Float]))]))
        #expect(try stages.map(\.name) == engine(mesh).planStageNames && stages[0].decisions.contains { $0.contains("sdy.mesh @mesh") })
        #expect(plan.details.steps[0].kernel == "XLA program of 2 operations on 2 devices")
    }
}
