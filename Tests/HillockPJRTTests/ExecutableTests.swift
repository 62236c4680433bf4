import HillockCore
import HillockPJRT
import TestFolders
import Testing

/// Programs written by hand, compiled and run by the CPU plugin.
@Suite(.enabled(if: TestPlugin.isThere), .serialized) struct ExecutableTests {
    private func compile(_ text: String, on device: Accelerator) throws -> Executable {
        try Executable(text, on: device.client, CompileOptions(devices: [[device.id]]))
    }

    /// Runs text on arrays; gives arrays of these types.
    private func run(_ text: String, _ inputs: [HostArray], _ types: [TensorType]) throws -> [HostArray] {
        let device = try TestPlugin.device()
        let executable = try compile(text, on: device)
        let memory = try inputs.map { try device.upload($0, isOwn: false) }
        return try zip(executable.run([memory])[0], types).map { try $0.read($1) }
    }

    @Test func elementTypes() throws {
        func roundTrip(_ array: HostArray, _ name: String) throws {
            let type = "tensor<\(array.count)x\(name)>"
            let text = "func.func @main(%arg0: \(type)) -> \(type) { return %arg0 : \(type) }"
            let result = try run(text, [array], [TensorType(array.dtype, array.shape)])[0]
            #expect(result.withBytes { Array($0) } == array.withBytes { Array($0) }, "\(name)")
        }
        try roundTrip(HostArray([Float(1.5), -.infinity, .nan]), "f32")
        try roundTrip(HostArray([1.5, 2e300]), "f64")
        try roundTrip(HostArray([Int32.min, 7]), "i32")
        try roundTrip(HostArray([Int64.max, -7]), "i64")
        try roundTrip(HostArray([UInt8(0), 200, 255]), "ui8")
        try roundTrip(HostArray([true, false, true]), "i1")
        for dtype in [DType.bfloat16, .float16] {
            let bits = HostArray(dtype: dtype, shape: [4]) { $0.copyBytes(from: [0, 0x3c, 0x80, 0x3f, 0xff, 0x7f, 1, 2]) }
            try roundTrip(bits, dtype.name)
        }
    }

    @Test func arithmeticAndSeveralResults() throws {
        let text = """
            func.func @main(%arg0: tensor<2x3xf32>, %arg1: tensor<3xf32>) -> (tensor<2x3xf32>, tensor<f32>) {
              %0 = stablehlo.broadcast_in_dim %arg1, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>
              %1 = stablehlo.multiply %arg0, %0 : tensor<2x3xf32>
              %2 = stablehlo.constant dense<0.0> : tensor<f32>
              %3 = stablehlo.reduce(%1 init: %2) applies stablehlo.add across dimensions = [0, 1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<f32>
              return %1, %3 : tensor<2x3xf32>, tensor<f32>
            }
            """
        let results = try run(
            text, [HostArray([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3]), HostArray([1, 10, 100] as [Float])],
            [TensorType(.float32, [2, 3]), TensorType(.float32, .scalar)])
        #expect(results[0].elements(as: Float.self) == [1, 20, 300, 4, 50, 600])
        #expect(results[1].elements(as: Float.self) == [975])
    }

    @Test func largeAndEmptyArrays() throws {
        let n = 1 << 20
        let text = """
            func.func @main(%arg0: tensor<\(n)xf32>, %arg1: tensor<0x3xf32>) -> (tensor<\(n)xf32>, tensor<0x3xf32>) {
              %0 = stablehlo.add %arg0, %arg0 : tensor<\(n)xf32>
              return %0, %arg1 : tensor<\(n)xf32>, tensor<0x3xf32>
            }
            """
        let results = try run(
            text, [HostArray((0..<n).map { Float($0) }), HostArray([Float](), shape: [0, 3])],
            [TensorType(.float32, [n]), TensorType(.float32, [0, 3])])
        #expect(results[0].elements(as: Float.self)[n - 1] == Float(2 * (n - 1)))
        #expect(results[1].shape == [0, 3])
    }

    @Test func donatedMemoryIsTakenAndKeptMemoryIsNot() throws {
        let device = try TestPlugin.device()
        let text = """
            func.func @main(%arg0: tensor<4096xf32> {jax.buffer_donor = true}) -> tensor<4096xf32> {
              %0 = stablehlo.negate %arg0 : tensor<4096xf32>
              return %0 : tensor<4096xf32>
            }
            """
        let executable = try compile(text, on: device)
        let array = HostArray([Float](repeating: 2, count: 4096))
        let memory = try device.upload(array, isOwn: true)
        let result = try executable.run([[memory]])[0][0]
        #expect(memory.isDonated)
        #expect(try result.read(TensorType(.float32, [4096])).elements(as: Float.self)[17] == -2)
        #expect(array.elements(as: Float.self)[17] == 2, "the host's copy is its own")
        #expect {
            try executable.run([[memory]])
        } throws: {
            ($0 as? PJRTError)?.code == .invalidArgument
        }
    }

    @Test func readingWithoutWaiting() async throws {
        let device = try TestPlugin.device()
        let type = "tensor<300x300xf32>"
        let text = """
            func.func @main(%arg0: \(type)) -> \(type) {
              %0 = stablehlo.dot_general %arg0, %arg0, contracting_dims = [1] x [0] : (\(type), \(type)) -> \(type)
              return %0 : \(type)
            }
            """
        let executable = try compile(text, on: device)
        let memory = try device.upload(HostArray([Float](repeating: 1, count: 90_000), shape: [300, 300]), isOwn: false)
        let result = try executable.run([[memory]])[0][0]
        let array = try await result.load(TensorType(.float32, [300, 300]))
        #expect(array.elements(as: Float.self).allSatisfy { $0 == 300 })
    }

    @Test func fourReplicasAndFourParts() throws {
        let client = try #require(TestPlugin.client)
        let devices = try (0..<4).map { try client.device($0) }
        let sum = """
            func.func @main(%arg0: tensor<2xf32>) -> tensor<2xf32> {
              %0 = "stablehlo.all_reduce"(%arg0) ({
                ^bb0(%a: tensor<f32>, %b: tensor<f32>):
                  %1 = stablehlo.add %a, %b : tensor<f32>
                  stablehlo.return %1 : tensor<f32>
              }) {replica_groups = dense<[[0, 1, 2, 3]]> : tensor<1x4xi64>} : (tensor<2xf32>) -> tensor<2xf32>
              return %0 : tensor<2xf32>
            }
            """
        let replicas = try Executable(sum, on: client, CompileOptions(devices: devices.map { [$0.id] }))
        #expect(try replicas.deviceCount() == 4)
        let arguments = try devices.enumerated().map { [try $0.element.upload(HostArray([Float($0.offset), 1]), isOwn: false)] }
        for result in try replicas.run(arguments) {
            #expect(try result[0].read(TensorType(.float32, [2])).elements(as: Float.self) == [6, 4])
        }
        // The program speaks of whole arrays; each device has and gives a quarter.
        let divided = """
            module {
              sdy.mesh @mesh = <["x"=4]>
              func.func @main(%arg0: tensor<8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}]>}) -> (tensor<8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}]>}) {
                %0 = stablehlo.add %arg0, %arg0 : tensor<8xf32>
                return %0 : tensor<8xf32>
              }
            }
            """
        let parts = try Executable(divided, on: client, CompileOptions(devices: [devices.map(\.id)]))
        for (position, result) in try parts.run(arguments).enumerated() {
            #expect(try result[0].read(TensorType(.float32, [2])).elements(as: Float.self) == [Float(2 * position), 2])
        }
    }

    @Test func storedProgramsAreLoaded() throws {
        let folder = try TemporaryFolder()
        try ExecutableStore.$current.withValue(ExecutableStore(folder: folder.path)) {
            let device = try TestPlugin.device()
            let text = """
                func.func @main(%arg0: tensor<3xf32>) -> tensor<3xf32> {
                  %0 = stablehlo.tanh %arg0 : tensor<3xf32>
                  return %0 : tensor<3xf32>
                }
                """
            let input = try device.upload(HostArray([0.5, 1, 2] as [Float]), isOwn: false)
            func result(_ executable: Executable) throws -> [Float] {
                try executable.run([[input]])[0][0].read(TensorType(.float32, [3])).elements()
            }
            let expected = try result(device.client.executable(text, for: [device]))
            #expect(try folder.names().count == 1)
            // That it was compiled again would not be noticed otherwise.
            #expect(try result(device.client.executable(text, for: [device])) == expected)
            let name = try folder.names()[0]
            var asked = 0
            _ = try device.client.executable(text, for: [device]) { _ in
                asked += 1
                return false
            }
            #expect(asked == 1, "what the store has is shown to the caller first")
            try folder.write(name, Array("rubbish".utf8))
            #expect(try result(device.client.executable(text, for: [device])) == expected)
            asked = 0
            _ = try device.client.executable(text, for: [device]) { _ in
                asked += 1
                return true
            }
            #expect(asked == 1, "the damaged file was replaced")
        }
    }

    @Test func errorsSayWhatAndWhere() throws {
        let device = try TestPlugin.device()
        let wrong = """
            func.func @main(%arg0: tensor<2xf32>) -> tensor<3xf32> {
              %0 = stablehlo.add %arg0, %arg0 : tensor<2xf32>
              %1 = stablehlo.concatenate %0, %0, dim = 5 : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32> loc("concatenate#1")
              return %1 : tensor<3xf32>
            }
            """
        #expect {
            try compile(wrong, on: device)
        } throws: { error in
            guard let error = error as? PJRTError else { return false }
            return "\(error)".hasPrefix("[xla-cpu] cannot compile the program at ") && !"\(error)".contains("\n") && error.operation != nil
        }
        #expect {
            try compile("rubbish", on: device)
        } throws: {
            ($0 as? PJRTError)?.action == "compile the program"
        }
        let executable = try compile("func.func @main(%arg0: tensor<2xf32>) -> tensor<2xf32> { return %arg0 : tensor<2xf32> }", on: device)
        #expect {
            try executable.run([[]])
        } throws: {
            ($0 as? PJRTError)?.code == .invalidArgument
        }
    }

    @Test func operationsAreNamedByTheirLine() {
        let text = "a\n  %1 = stablehlo.add %0, %0 : tensor<2xf32>\n  %2 = \"stablehlo.sort\"(%1) loc(\"sort#7\")"
        #expect(Executable.operation(in: text, of: "error: <unknown>:2:8: wrong") == "stablehlo.add")
        #expect(Executable.operation(in: text, of: "<unknown>:3:1: wrong") == "sort#7")
        #expect(Executable.operation(in: text, of: "loc(\"conv2d#3\"): error: wrong") == "conv2d#3")
        #expect(Executable.operation(in: text, of: "<unknown>:99:1: wrong") == nil)
        #expect(Executable.operation(in: text, of: "wrong") == nil)
    }
}
