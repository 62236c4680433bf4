import Foundation
import Hillock
import HillockSystems
import Testing

/// Traces are what Chrome and Perfetto read.
struct TraceTests {
    private struct Event {
        let kind: String
        let name: String
        let thread: Int
        let begin: Double
        let end: Double
        let arguments: [String: Any]
    }

    private func events(_ trace: String) throws -> [Event] {
        let root = try #require(try JSONSerialization.jsonObject(with: Data(trace.utf8)) as? [String: Any])
        let items = try #require(root["traceEvents"] as? [[String: Any]])
        return try items.map { item in
            let begin = (item["ts"] as? NSNumber)?.doubleValue ?? 0
            return Event(
                kind: try #require(item["ph"] as? String), name: try #require(item["name"] as? String),
                thread: try #require((item["tid"] as? NSNumber)?.intValue), begin: begin,
                end: begin + ((item["dur"] as? NSNumber)?.doubleValue ?? 0), arguments: try #require(item["args"] as? [String: Any]))
        }
    }

    @Test func aTrainingTraceParsesAndNests() throws {
        let training = try DigitTraining(.init(model: .mlp, batchSize: 32))
        let profiler = StepProfiler(warmUp: 1, steps: 4, stopRequest: training.trainer.stopRequest)
        let profile = try profiler.run { _ = try training.train([profiler]) }
        let events = try events(profile.trace)
        let spans = events.filter { $0.kind == "X" }
        #expect(events.filter { $0.kind == "M" }.map(\.name).prefix(2) == ["process_name", "thread_name"])
        #expect(spans.allSatisfy { $0.begin >= 0 && $0.end >= $0.begin && $0.end <= profile.seconds * 1e6 + 1 })
        // On each thread every two are apart or one is within the other; a thousandth of a microsecond is exact, sums of such are not.
        for thread in Set(spans.map(\.thread)) {
            var open: [Event] = []
            for span in spans.filter({ $0.thread == thread }) {
                while let last = open.last, last.end <= span.begin + 1e-4 { open.removeLast() }
                if let last = open.last { #expect(span.end <= last.end + 1e-4, "\(span.name) in \(last.name)") }
                open.append(span)
            }
        }
        #expect(spans.filter { $0.name == "step" }.count == 4)
        let kernels = spans.filter { $0.arguments["program"] != nil }
        #expect(kernels.count == profile.kernels.reduce(0) { $0 + $1.calls })
        let product = try #require(kernels.first { $0.name.hasPrefix("matmul ") })
        #expect(product.arguments["FLOPs"] != nil && product.arguments["GFLOP/s"] != nil && product.arguments["bytes"] != nil)
        #expect((product.arguments["reads"] as? [String])?.isEmpty == false)
        // Kernels are within the run of their plan, which is within an evaluation.
        let runs = spans.filter { $0.name == "run" }
        #expect(kernels.allSatisfy { kernel in runs.contains { $0.begin <= kernel.begin + 1e-4 && kernel.end <= $0.end + 1e-4 } })
    }

    @Test func nothingIsATraceToo() throws {
        let profile = profile(warmUp: 0, steps: 1) {}
        #expect(try events(profile.trace).filter { $0.kind == "X" && $0.name != "step" }.isEmpty)
        #expect(profile.machine == "nothing ran")
        #expect(profile.kernels.isEmpty)
    }
}
