import Foundation
import Hillock
import HillockCore
import HillockSystems
import Testing

/// What is measured is possible, and counted as specified.
struct ProfileTests {
    /// Profiles some steps of the perceptron.
    private func profileOfMLP(warmUp: Int = 2, steps: Int = 3) throws -> Profile {
        let training = try DigitTraining(.init(model: .mlp, batchSize: 16))
        let profiler = StepProfiler(warmUp: warmUp, steps: steps, stopRequest: training.trainer.stopRequest)
        let profile = try profiler.run { _ = try training.train([profiler]) }
        #expect(profiler.isComplete)
        #expect(profiler.stepsDone == warmUp + steps)
        return profile
    }

    @Test func timesAddUp() throws {
        let profile = try profileOfMLP()
        #expect(profile.steps == 3)
        #expect(profile.seconds > 0)
        #expect(profile.kernelSeconds > 0 && profile.kernelSeconds <= profile.seconds)
        // Kernels and what is between them is everything, but for rounding.
        let phases = profile.phases.reduce(0) { $0 + $1.seconds }
        #expect(abs(profile.kernelSeconds + phases - profile.seconds) < 1e-6 + 1e-3 * profile.seconds)
        #expect(profile.phases.allSatisfy { $0.seconds > -1e-9 })
        let names = Set(profile.phases.map(\.name))
        #expect(names.isSuperset(of: ["data", "forward", "backward", "update", "evaluate", "run", "step", "other"]))
        #expect(profile.phases.first { $0.name == "forward" }?.calls == 3)
        // Nothing is planned once it is warm.
        #expect(!profile.phases.contains { $0.name == "plan" })
        for kernel in profile.kernels { #expect(kernel.calls % 3 == 0 && kernel.calls > 0, "\(kernel.name)") }
        #expect(profile.kernels.map(\.seconds) == profile.kernels.map(\.seconds).sorted(by: >))
        let first = try #require(profile.firstStepSeconds)
        #expect(first > 0)
        #expect(try #require(profile.peakMemory) > 10_000_000)
    }

    @Test func theFirstStepMakesPlans() throws {
        // A batch that no other test has, so that there is no plan yet.
        let training = try DigitTraining(.init(model: .mlp, batchSize: 19))
        let profiler = StepProfiler(warmUp: 0, steps: 1, stopRequest: training.trainer.stopRequest)
        let profile = try profiler.run { _ = try training.train([profiler]) }
        #expect(profile.phases.first { $0.name == "plan" }?.calls == 1)
    }

    @Test func peakIsThatOfAProcessor() throws {
        let peak = try #require(try profileOfMLP(warmUp: 0, steps: 1).peak)
        #expect(peak.floatingPointOperations > 1e9 && peak.floatingPointOperations < 1e14)
        #expect(peak.bytes > 1e8 && peak.bytes < 1e13)
        let kernel = Profile.Kernel(name: "k", calls: 1, seconds: 1, floatingPointOperations: 4e9, bytes: 1e9)
        #expect(kernel.floor(at: .init(floatingPointOperations: 2e9, bytes: 1e10)) == 2)
        #expect(kernel.floor(at: .init(floatingPointOperations: 8e9, bytes: 1e9)) == 1)
    }

    /// 9,160,359,936 FLOPs: what `specs.json` of the benchmarks says of workload T03, LeNet's training step at batch 128.
    @Test func operationsOfLeNet() throws {
        let network = try DigitModel.lenet.make(height: 28, width: 28, classes: 10)
        let optimizer = Adam(network, learningRate: 1e-3)
        let x = Tensor([Float](repeating: 0.5, count: 128 * 784), shape: [128, 1, 28, 28])
        let labels = Tensor([Int64](repeating: 3, count: 128))
        let profile = profile(warmUp: 1, steps: 1) {
            let (_, gradients) = valueAndGradient(of: optimizer.parameters) { crossEntropy(network(x), labels) }
            optimizer.update(gradients)
        }
        #expect(profile.floatingPointOperations == 9_160_359_936)
        let products = profile.kernels.filter { $0.floatingPointOperations > 0 }
        #expect(products.allSatisfy { $0.name.hasPrefix("conv ") || $0.name.hasPrefix("matmul ") })
        // Three products for each of four layers, but for the gradient of the image.
        #expect(products.reduce(0) { $0 + $1.calls } == 11)
    }

    @Test(.enabled(if: PassSelection.current.isWhole, "says what passes do, and some are switched off")) func bytesAreThoseThatMustMove() {
        let x = Tensor([Float](repeating: 1, count: 4096), shape: [64, 64])
        let table = Tensor([Float](repeating: 1, count: 1 << 20), shape: [1 << 14, 64])
        let rows = Tensor([3, 5] as [Int64])
        let profile = profile(warmUp: 0, steps: 1) { evaluate(exp(x) + x, table.gathered(rows)) }
        #expect(profile.kernels.first { $0.name.hasPrefix("2 fused") }?.bytes == Double(2 * 4096 * 4))
        // Two rows read and written, and their numbers; not the table.
        #expect(profile.kernels.first { $0.name.hasPrefix("gather") }?.bytes == Double(2 * (2 * 64 * 4) + 16))
    }

    @Test func theReferenceIsProfiledToo() {
        let profile = Device.$current.withValue(.reference) {
            let x = Tensor([Float](repeating: 1, count: 64), shape: [8, 8])
            return HillockInspection.profile(warmUp: 0, steps: 2) { evaluate(matmul(x, x)) }
        }
        #expect(profile.peak == nil && profile.floor == nil && profile.machine == "reference")
        #expect(profile.kernels.first { $0.name.contains("matmul") }?.floatingPointOperations == Double(2048))
        #expect(!profile.description.contains("Floor"))
    }

    @Test func table() {
        let profile = Profile(
            kernels: [
                .init(name: "conv", calls: 1200, seconds: 0.06, floatingPointOperations: 6e9, bytes: 6e8),
                .init(name: "exp", calls: 20, seconds: 0.03, floatingPointOperations: 0, bytes: 6e8),
                .init(name: "log", calls: 20, seconds: 0.002, floatingPointOperations: 0, bytes: 1e7),
                .init(name: "sin", calls: 10, seconds: 0.001, floatingPointOperations: 0, bytes: 1e7),
            ],
            phases: [.init(name: "data", calls: 20, seconds: 0.005), .init(name: "other", calls: 0, seconds: 0.002)], seconds: 0.1,
            steps: 20, firstStepSeconds: 0.25, peakMemory: 123_456_789, peak: .init(floatingPointOperations: 2e11, bytes: 4e10),
            machine: "avx512, 2 threads", trace: "")
        #expect(
            profile.text(rows: 2) == """
                20 steps, 100.0 ms, on avx512, 2 threads: 5.000 ms a step
                Peak, measured now: 200 GFLOP/s (f32 multiply-adds), 40.0 GB/s (copy)

                total ms  share  calls  GFLOP/s  GB/s  floor ms  of floor  kernel
                ───────────────────────────────────────────────────────────────────────────────────
                    60.0   60 %  1,200      100  10.0      30.0      50 %  conv
                    30.0   30 %     20           20.0      15.0      50 %  exp
                   3.000  3.0 %     30           6.67     0.500      17 %  (2 others)
                ───────────────────────────────────────────────────────────────────────────────────
                    93.0   93 %  1,250     64.5  13.1      45.5      49 %  all kernels
                   5.000  5.0 %     20                                     data: waiting for the next batch
                   2.000  2.0 %                                            other: everything else
                ───────────────────────────────────────────────────────────────────────────────────
                   100.0  100 %                            45.5      45 %  everything

                First step 250.0 ms, its plans included. Peak memory 123 MB.
                Floor: what the work would take at the peak, the longer of FLOPs / GFLOP/s and bytes / GB/s. FLOPs are those of products and
                convolutions, counted as if done directly: above 100 % Winograd multiplied less, or the data was in a cache.
                """)
    }

    @Test func nobodyWatchesOutside() {
        var isWatched = true
        _ = explain { isWatched = Observation.observer == nil }
        #expect(!isWatched)
        #expect(Observation.observer == nil)
    }
}
