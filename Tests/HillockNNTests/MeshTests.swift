import Hillock
import HillockCore
import Testing

private let isThere = (try? Device.mesh(Mesh(data: 8), of: "xla-cpu")) != nil

/// Several devices at once: XLA's plugin for the CPU gives as many as are asked for.
@Suite(.enabled(if: isThere, "needs XLA's plugin for the CPU: hillock devices install xla-cpu"), .serialized)
struct MeshTests {
    private func on(_ mesh: Mesh, _ body: () throws -> Void) throws {
        try Device.$current.withValue(.mesh(mesh, of: "xla-cpu"), operation: body)
    }

    // MARK: - Tensors

    @Test(
        "A divided tensor is put together, and taken as it lies",
        arguments: [
            (Sharding([["data"], ["model"]]), 8), (Sharding(axis: 1, by: "data"), 4), (Sharding([["data", "model"]]), 8),
            (Sharding([["model", "data"]]), 8), (Sharding([[], ["model"]]), 2), (.replicated, 1),
        ])
    func division(_ sharding: Sharding, parts: Int) throws {
        let mesh = Mesh(data: 4, model: 2)
        let x = Tensor.arange(to: 64).reshaped(to: [8, 8])
        try on(mesh) { () throws in
            let y = (x * 2).sharded(sharding, on: mesh)
            #expect(try y.currentSharding() == sharding)
            #expect(try y.byteCounts() == [Int](repeating: 256 / parts, count: 8))
            #expect(y.elements(as: Float.self) == (0..<64).map { Float(2 * $0) })
            #expect((y + x).elements(as: Float.self) == (0..<64).map { Float(3 * $0) })
            #expect("\(y)" == "\(x * 2)")
        }
    }

    @Test func partsOfArrays() {
        let x = Tensor.arange(to: 2 * 4 * 6).reshaped(to: [2, 4, 6])
        func array(_ tensor: Tensor) -> HostArray { HostArray(tensor.elements(as: Float.self), shape: tensor.shape) }
        for (start, shape) in [([1, 2, 3], [1, 2, 3]), ([0, 0, 2], [2, 4, 2]), ([1, 0, 0], [1, 4, 6]), ([0, 3, 5], [2, 1, 1])] {
            let part = array(x).part(from: start, Shape(shape))
            let ends = zip(start, shape).map(+)
            let wanted = x[start[0]..<ends[0], start[1]..<ends[1], start[2]..<ends[2]]
            #expect(part.elements(as: Float.self) == wanted.elements(as: Float.self))
            let whole = HostArray(zeros: x.type)
            whole.fill(from: start, with: part)
            #expect(whole.part(from: start, Shape(shape)).elements(as: Float.self) == wanted.elements(as: Float.self))
            #expect(whole.elements(as: Float.self).reduce(0, +) == Float(wanted.sum().item()))
        }
        let number = HostArray([Float(3)], shape: [])
        #expect(number.part(from: [], []).elements(as: Float.self) == [3])
        #expect(array(Tensor.zeros([0, 2])).part(from: [0, 1], [0, 1]).shape == [0, 1])
    }

    @Test func productsAndSumsAreWhole() throws {
        let mesh = Mesh(data: 4, model: 2)
        let (x, w) = withSeed(1) { (Tensor.normal([8, 12]), Tensor.normal([12, 6])) }
        func result() -> [Float] {
            let product = matmul(x.sharded(on: mesh), w.sharded(Sharding(axis: 1, by: "model"), on: mesh))
            return concatenate([product.flattened(), product.sum().reshaped(to: [1]), product.max(axes: 1)], axis: 0).elements()
        }
        let wanted = result()
        try on(mesh) { () throws in
            for (a, b) in zip(result(), wanted) { #expect(abs(a - b) < 1e-4) }
        }
    }

    @Test func onOneDeviceAShardingSaysNothing() throws {
        let x = Tensor.arange(to: 8)
        for device in LayerTests.devices {
            try Device.$current.withValue(device) { () throws in
                let y = (x + 1).sharded(on: Mesh(data: 4))
                #expect(y.elements(as: Float.self) == (1...8).map(Float.init))
                #expect(try y.currentSharding() == nil)
                #expect(try y.byteCounts() == [32])
            }
        }
    }

    @Test func anArrayThatIsReadIsNotOverwritten() throws {
        let mesh = Mesh(data: 8)
        for sharding in [Sharding.replicated, Sharding(axis: 0, by: "data")] {
            try on(mesh) { () throws in
                var x = (Tensor([Float](repeating: 3, count: 4096)) + 0).sharded(sharding, on: mesh)
                evaluate(x)
                let array = try x.hostArray()
                let held = x
                for _ in 0..<3 {
                    x = x * 2
                    evaluate(x)
                }
                #expect(array.elements(as: Float.self).allSatisfy { $0 == 3 })
                #expect(held.elements(as: Float.self).allSatisfy { $0 == 3 })
                #expect(x.elements(as: Float.self).allSatisfy { $0 == 24 })
                #expect(try x.currentSharding() == sharding)
            }
        }
    }

    @Test func memoryThatNobodyHoldsIsTaken() throws {
        try on(Mesh(data: 8)) { () throws in
            var x = Tensor([Float](repeating: 1, count: 4096)) + 0
            evaluate(x)
            // A view of the first device's memory, which is gone when its address is known.
            let address = UInt(bitPattern: try x.hostArray().storage.pointer)
            for _ in 0..<4 {
                x = x * 2
                evaluate(x)
                #expect(UInt(bitPattern: try x.hostArray().storage.pointer) == address)
            }
            #expect(x.elements(as: Float.self).allSatisfy { $0 == 16 })
        }
    }

    @Test func tensorsMoveBetweenDevices() throws {
        let mesh = Mesh(data: 4)
        let x = Tensor.arange(to: 8)
        let y = (x + 1).sharded(on: mesh)
        try on(mesh) { evaluate(y) }
        #expect(try y.currentSharding() == Sharding(axis: 0, by: "data"))
        #expect((y * x).elements(as: Float.self) == [0, 2, 6, 12, 20, 30, 42, 56])
        // As many devices in another grid.
        let other = Mesh(data: 2, model: 2)
        try on(other) { () throws in
            #expect((y * 2).elements(as: Float.self) == (1...8).map { Float(2 * $0) })
        }
        try on(Mesh(data: 8)) { () throws in
            #expect((y * 2).elements(as: Float.self) == (1...8).map { Float(2 * $0) })
        }
    }

    // MARK: - Faults

    @Test func aMeshThatDoesNotDivideIsAnError() throws {
        let x = Tensor.zeros([4, 10])
        func message(_ body: () throws -> Void) -> String {
            do {
                try Validation.check(body)
                return ""
            } catch { return "\(error)" }
        }
        #expect(
            message { _ = x.sharded(Sharding(axis: 1, by: "data"), on: Mesh(data: 4)) }.hasPrefix(
                "[shard] axis 1 of f32[4, 10] cannot be divided among 4 devices (mesh data=4,model=1, sharding [-, data])"))
        #expect(message { _ = x.sharded(Sharding(axis: 0, by: "rows"), on: Mesh(data: 4)) }.contains("has no axis rows"))
        #expect(message { _ = x.sharded(Sharding([[], [], ["data"]]), on: Mesh(data: 2)) }.contains("divides axis 2 of f32[4, 10]"))
        #expect(message { _ = x.sharded(Sharding([["data"], ["data"]]), on: Mesh(data: 2)) }.contains("names an axis of the mesh twice"))
        #expect(message { _ = Mesh(data: 0) } == "[mesh] axis data has 0 devices, expected 1 or more")
        let model = Linear(10, 4)
        let undivided = message { model.place(on: Mesh(data: 3), ShardingPolicy { _, _, _ in Sharding(axis: 0, by: "data") }) }
        #expect(undivided.hasPrefix("[shard] axis 0 of f32[4, 10] cannot be divided among 3 devices"))
        #expect(undivided.contains("in weight"))
        #expect(
            message { model.place(on: Mesh(axes: [.init("rows", 2)]), .tensorParallel([ShardingRule("*", axis: 0)])) }.contains(
                "no axis model"))
        // Placed on one mesh and computed on another.
        model.place(on: Mesh(data: 2), .fullySharded)
        #expect {
            try on(Mesh(data: 3)) { _ = try model(x).hostArray() }
        } throws: {
            "\($0)".hasPrefix("[xla-cpu:data=3,model=1] cannot place a parameter: axis ") && "\($0)".contains("among 3 devices")
        }
    }

    @Test func meshesAreNamed() throws {
        #expect(try Device(named: "xla-cpu:data=2,model=4").mesh == Mesh(data: 2, model: 4))
        #expect(try Device(named: "xla-cpu:data=2,model=4").description == "xla-cpu:data=2,model=4")
        #expect(try Device(named: "xla-cpu:rows=2").mesh == Mesh(axes: [.init("rows", 2)]))
        #expect(Device.cpu.mesh == nil)
        for (name, text) in [
            ("xla-cpu:data=", "there is no device"), ("xla-cpu:data=2,", "there is no device"), ("xla-cpu:data=x", "there is no device"),
            ("gpu:data=2", "there is no device"), ("xla-cpu:data=0", "[mesh] axis data has 0 devices"),
            ("xla-cpu:=2", "[mesh] an axis is called \"\""), ("xla-cpu:a=2,a=2", "[mesh] two of the axes a, a have the same name"),
            ("xla-cpu:data=9999999999", "[mesh] it has more than"),
            ("xla-cpu:data=1000", "[xla-cpu] cannot use a mesh of data=1000: it takes 1000 devices"),
        ] {
            #expect {
                _ = try Device(named: name)
            } throws: {
                "\($0)".hasPrefix(text)
            }
        }
    }

    // MARK: - Policies

    @Test func patterns() {
        for (pattern, path, fits) in [
            ("*.weight", "a.weight", true), ("*.weight", "a.weights", false), ("weight", "weight", true), ("weight", "a.weight", false),
            ("*a*b*", "xaxbx", true), ("*a*b*", "xbxax", false), ("a*a", "a", false), ("a*a", "aa", true), ("*", "", true),
        ] {
            #expect(ShardingRule(pattern, axis: 0).fits(path) == fits, "\(pattern) \(path)")
        }
    }

    @Test func policiesDivideWhatCanBe() {
        let mesh = Mesh(data: 4, model: 2)
        #expect(ShardingPolicy.fullySharded.sharding(of: "w", [6, 8], on: mesh) == Sharding(axis: 1, by: "data"))
        #expect(ShardingPolicy.fullySharded.sharding(of: "w", [12, 10], on: mesh) == Sharding(axis: 0, by: "data"))
        #expect(ShardingPolicy.fullySharded.sharding(of: "w", [5, 7], on: mesh) == .replicated)
        #expect(ShardingPolicy.fullySharded.sharding(of: "w", [], on: mesh) == .replicated)
        let rules = [ShardingRule("*.weight", axis: 1), ShardingRule("*", axis: 0)]
        #expect(ShardingPolicy.tensorParallel(rules).sharding(of: "a.weight", [6, 8], on: mesh) == Sharding(axis: 1, by: "model"))
        #expect(ShardingPolicy.tensorParallel(rules).sharding(of: "a.weight", [6, 7], on: mesh) == .replicated)
        #expect(ShardingPolicy.tensorParallel(rules).sharding(of: "a.bias", [6], on: mesh) == Sharding(axis: 0, by: "model"))
    }

    @Test func aPlacementStays() throws {
        let mesh = Mesh(data: 4)
        let model = Linear(8, 8)
        model.place(on: mesh, .fullySharded)
        // None of these is done on the mesh.
        let optimizer = Adam(model, learningRate: 1e-2)
        try model.load([
            "weight": HostArray([Float](repeating: 1, count: 64), shape: [8, 8]), "bias": HostArray([Float](repeating: 0, count: 8)),
        ])
        let x = Tensor.ones([4, 8])
        func step() {
            let (_, gradients) = valueAndGradient(of: optimizer.parameters) { (model(x) * model(x)).sum() }
            optimizer.update(gradients)
        }
        step()
        try on(mesh) { () throws in
            step()
            for (name, tensor) in model.stateTensors() + optimizer.state where name != "step" {
                #expect(try tensor.currentSharding() == Sharding(axis: 0, by: "data"), "\(name)")
                #expect(try tensor.byteCounts() == [Int](repeating: tensor.count, count: 4), "\(name)")
            }
            // Placed anew, parameters lie so after the next step, and what belongs to them too.
            model.place(on: mesh, .dataParallel)
            step()
            #expect(try model.weight.value.currentSharding() == .replicated)
            step()
            #expect(try optimizer.state[1].tensor.byteCounts() == [256, 256, 256, 256])
        }
    }

    // MARK: - Training

    /// A language model of one block, of the layers that this library has.
    private struct GPT: Layer {
        let embedding = Embedding(32, 16)
        let positions = Parameter(Tensor.normal([8, 16]) * 0.1)
        let blocks = Sequential(
            TransformerEncoderLayer(
                16, heads: 4, feedForward: 32, activation: GELU(), dropout: 0.1, normalizesFirst: true, isCausal: true))
        let norm = LayerNorm(16)
        let head = Linear(16, 32)

        func callAsFunction(_ x: Tensor) -> Tensor { head(norm(blocks(embedding(x) + positions.value))) }
    }

    /// Five steps: losses, and of each parameter and what the optimizer remembers of it how it lies and how many bytes each device holds.
    private func train(
        _ mesh: Mesh?, _ policy: ShardingPolicy
    ) throws -> (losses: [Double], shardings: [String: Sharding?], bytes: [Int]) {
        let device = try mesh.map { try Device.mesh($0, of: "xla-cpu") } ?? .cpu
        return try Device.$current.withValue(device) {
            try withSeed(3) {
                let model = GPT()
                if let mesh { model.place(on: mesh, policy) }
                let optimizer = AdamW(model, learningRate: 1e-2)
                let tokens = (Tensor.arange(to: 128) * 7 % 32).converted(to: .int64).reshaped(to: [16, 8])
                let batch = Batch(inputs: tokens, targets: (tokens + 1) % 32)
                var losses: [Double] = []
                for _ in 0..<5 {
                    let placed = mesh.map { batch.sharded(on: $0) } ?? batch
                    let (loss, gradients) = withTraining {
                        valueAndGradient(of: optimizer.parameters) { crossEntropy(model(placed.inputs), placed.targets) }
                    }
                    optimizer.update(gradients)
                    losses.append(loss.item())
                }
                var shardings: [String: Sharding?] = [:]
                var bytes = [Int](repeating: 0, count: mesh?.deviceCount ?? 1)
                for (name, tensor) in model.stateTensors() + optimizer.state where name != "step" {
                    shardings[name] = .some(try tensor.currentSharding())
                    for (device, count) in try tensor.byteCounts().enumerated() { bytes[device] += count }
                }
                return (losses, shardings, bytes)
            }
        }
    }

    /// Trains on a mesh, compares with the CPU engine, and gives shardings and each device's share of all bytes.
    private func check(_ mesh: Mesh, _ policy: ShardingPolicy) throws -> (shardings: [String: Sharding?], shares: [Double]) {
        let expected = try train(nil, policy)
        let got = try train(mesh, policy)
        for (a, b) in zip(got.losses, expected.losses) { #expect(abs(a - b) < 1e-4 * b, "\(got.losses), expected \(expected.losses)") }
        for (name, sharding) in got.shardings where name.contains(".exp_avg") {
            let parameter = String(name[..<(name.lastIndex(of: ".") ?? name.endIndex)])
            #expect(sharding == got.shardings[parameter], "\(name)")
        }
        return (got.shardings, got.bytes.map { Double($0) / Double(expected.bytes[0]) })
    }

    @Test func dataParallel() throws {
        let (shardings, shares) = try check(Mesh(data: 8), .dataParallel)
        #expect(shardings.values.allSatisfy { $0 == .replicated })
        #expect(shares == [Double](repeating: 1, count: 8))
    }

    @Test func fullySharded() throws {
        let (shardings, shares) = try check(Mesh(data: 8), .fullySharded)
        #expect(shardings.values.allSatisfy { $0 != .replicated }, "\(shardings)")
        #expect(shardings["embedding.weight"] == Sharding(axis: 0, by: "data"))
        #expect(shares == [Double](repeating: 0.125, count: 8))
    }

    @Test func tensorParallel() throws {
        let (shardings, shares) = try check(Mesh(data: 2, model: 4), .tensorParallel())
        #expect(shardings["blocks.0.linear1.weight"] == Sharding(axis: 0, by: "model"))
        #expect(shardings["blocks.0.linear2.weight"] == Sharding(axis: 1, by: "model"))
        #expect(shardings["blocks.0.self_attn.in_proj_weight"] == Sharding(axis: 0, by: "model"))
        #expect(shardings["blocks.0.self_attn.out_proj.weight"] == Sharding(axis: 1, by: "model"))
        #expect(shardings["embedding.weight"] == Sharding(axis: 1, by: "model"))
        #expect(shardings["head.weight"] == .replicated)
        #expect(shares.allSatisfy { $0 > 0.25 && $0 < 0.5 }, "\(shares)")
    }
}
