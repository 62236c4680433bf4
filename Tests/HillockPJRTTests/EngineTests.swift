import Glibc
import HillockCore
import HillockPJRT
import Testing

/// Tensors on an accelerator.
@Suite(.enabled(if: TestPlugin.isThere), .serialized) struct EngineTests {
    /// A device of the client with four; a name of its own, since plans are kept by it.
    private func device(_ ordinal: Int = 0) throws -> Device {
        Device(PJRTEngine(try TestPlugin.device(ordinal), name: "xla-cpu-of-four:\(ordinal)"))
    }

    private func on<Result>(_ device: Device, _ body: () throws -> Result) rethrows -> Result {
        try Device.$current.withValue(device, operation: body)
    }

    @Test func valuesAreComputed() throws {
        try on(device()) {
            let x = Tensor([1, 2, 3, 4] as [Float]).reshaped(to: [2, 2])
            #expect(matmul(x, x).elements(as: Float.self) == [7, 10, 15, 22])
            #expect((x.sum() * 2).item() == 20)
            #expect((x .> 2).elements(as: Bool.self) == [false, false, true, true])
        }
    }

    @Test func scalarsAreArguments() throws {
        try on(device()) {
            let x = Tensor([1, 2] as [Float])
            for factor in [2.0, 3, 3, -0.0, 0] {
                let result = (x * factor).elements(as: Float.self)
                #expect(result == [Float(factor), Float(2 * factor)])
                #expect(result[0].sign == factor.sign)
            }
        }
    }

    @Test func tensorsMoveBetweenDevices() throws {
        let (first, second) = (try device(0), try device(1))
        let x = Tensor([1, 2, 3] as [Float])
        let a = on(.cpu) { x * 2 }
        on(.cpu) { evaluate(a) }
        let b = on(first) { a + 1 }
        on(first) { evaluate(b) }
        let c = on(second) { b * b }
        on(second) { evaluate(c) }
        let d = on(.reference) { c + b + a }
        on(.reference) { evaluate(d) }
        #expect(d.elements(as: Float.self) == [14, 34, 62])
        // Again, from the copies that are there by now.
        on(second) {
            let again = b * 2 + a
            #expect(again.elements(as: Float.self) == [8, 14, 20])
        }
    }

    @Test func whatIsHeldStaysAndWhatIsNotIsTaken() throws {
        try on(device()) {
            var x = Tensor([Float](repeating: 1, count: 10_000))
            evaluate(x)
            let first = x
            for _ in 0..<5 {
                x = x * 2 + 1
                evaluate(x)
            }
            let held = x
            let before = held.elements(as: Float.self)
            for _ in 0..<5 {
                x = x * 2 + 1
                evaluate(x)
            }
            #expect(first.elements(as: Float.self)[9999] == 1)
            #expect(held.elements(as: Float.self) == before && before[5] == 63)
            #expect(x.elements(as: Float.self)[5] == 2047)
        }
    }

    @Test func anArrayThatIsReadIsNotOverwritten() throws {
        try on(device()) {
            var x = Tensor([Float](repeating: 3, count: 5000)) + 0
            evaluate(x)
            let array = try x.hostArray()
            for _ in 0..<3 {
                x = x * 2
                evaluate(x)
            }
            #expect(array.elements(as: Float.self).allSatisfy { $0 == 3 })
            #expect(x.elements(as: Float.self)[0] == 24)
        }
    }

    @Test func manyWaysOfHoldingArguments() throws {
        // Eight ways to hold three arguments: more than there are executables for.
        try on(device()) {
            for mask in Array(0..<8) + Array(0..<8) {
                var held: [Tensor] = []
                var results: [Tensor] = []
                do {
                    let inputs = (0..<3).map { Tensor([Float](repeating: Float($0 + 1), count: 64)) + 0 }
                    evaluate(inputs)
                    for position in 0..<3 where mask >> position & 1 == 1 { held.append(inputs[position]) }
                    results = [inputs[0] + inputs[1], inputs[1] * inputs[2], inputs[2] - inputs[0]]
                }
                evaluate(results)
                #expect(results.map { $0.elements(as: Float.self)[63] } == [3, 6, 2], "mask \(mask)")
                let expected: [Float] = (0..<3).filter { mask >> $0 & 1 == 1 }.map { Float($0 + 1) }
                #expect(held.map { $0.elements(as: Float.self)[0] } == expected)
            }
        }
    }

    @Test func gradients() throws {
        let x = Tensor([0.5, -1, 2] as [Float])
        func gradient() -> [Float] { valueAndGradients(at: [x]) { (tanh($0[0]) * $0[0]).sum() }.gradients[0].elements() }
        let wanted = on(.reference) { gradient() }
        let got = try on(device()) { gradient() }
        for (a, b) in zip(got, wanted) { #expect(abs(a - b) <= 1e-6) }
    }

    @Test func planSaysWhatItDoes() throws {
        let engine = PJRTEngine(try TestPlugin.device(), name: "xla-cpu")
        let program = Program(computing: [tanh(Tensor([1, 2] as [Float]))])
        let plan = try engine.plan(program)
        #expect(plan.explanation.contains("stablehlo.tanh"))
        #expect(plan.details.steps[0].kernel.hasPrefix("XLA program of 1 operations on "))
        var arguments = [Argument.buffer(HostBuffer(HostArray([1, 2, 3] as [Float])))]
        var results: [DeviceBuffer] = []
        #expect {
            try plan.run(&arguments, results: &results)
        } throws: {
            "\($0)" == "[xla-cpu] cannot run the program: argument 0 is f32[3], the program was made for f32[2]"
        }
    }

    @Test func wantOfMemoryIsExplained() throws {
        // A terabyte, which is refused here even where the system would promise it.
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        var lower = rlimit(rlim_cur: Swift.min(limit.rlim_max, 1 << 38), rlim_max: limit.rlim_max)
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &lower)
        defer { setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) }
        let side = 1 << 19
        let large = Tensor([1] as [Float]).broadcast(to: [side, side])
        let plan = try PJRTEngine(TestPlugin.device(), name: "xla-cpu").plan(Program(computing: [exp(large)]))
        var arguments = [Argument.buffer(HostBuffer(HostArray([1] as [Float])))]
        var results: [DeviceBuffer] = []
        #expect {
            try plan.run(&arguments, results: &results)
            _ = try results[0].hostArray()
        } throws: {
            ($0 as? PJRTError)?.code == .outOfMemory && "\($0)".contains("the largest values are ")
                && "\($0)".contains("f32[524288, 524288] (1099.5 GB)")
        }
    }

    @Test func readingWithoutWaiting() async throws {
        let plan = try PJRTEngine(TestPlugin.device(), name: "xla-cpu").plan(Program(computing: [exp(Tensor([0, 1] as [Float]))]))
        var arguments = [Argument.buffer(HostBuffer(HostArray([0, 0] as [Float])))]
        var results: [DeviceBuffer] = []
        try plan.run(&arguments, results: &results)
        #expect(try await results[0].loadHostArray().elements(as: Float.self) == [1, 1])
    }

    @Test func devicesHaveNames() throws {
        #expect(try Device(named: "cpu").description == "\(Device.cpu)")
        #expect(try Device(named: "reference").description == "reference")
        #expect(Device.names == ["cpu", "reference", "xla-cpu", "cuda", "rocm", "oneapi", "tpu"])
        #expect(try Device(named: "xla-cpu").description == "xla-cpu")
        #expect(try Device.xlaCPU.description == "xla-cpu")
        for name in ["", "gpu", "cuda:x", "cuda:-1", "cpu:1", "cuda:", "xla-cpu:"] {
            #expect {
                try Device(named: name)
            } throws: {
                "\($0)".hasPrefix("there is no device \"\(name)\"; expected one of cpu, reference, xla-cpu, cuda,")
            }
        }
        #expect {
            try Device(named: "xla-cpu:99")
        } throws: {
            "\($0)".hasPrefix("[xla-cpu:99] cannot use this device: there ")
        }
    }

    @Test func concurrentEvaluations() async throws {
        let device = try device()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seed in 0..<8 {
                group.addTask {
                    let sum = try Device.$current.withValue(device) {
                        var x = Tensor([Float](repeating: Float(seed), count: 1000))
                        for _ in 0..<20 { x = x + 1 }
                        return try x.hostArray().elements(as: Float.self)
                    }
                    #expect(sum.allSatisfy { $0 == Float(seed + 20) })
                }
            }
            try await group.waitForAll()
        }
    }
}
