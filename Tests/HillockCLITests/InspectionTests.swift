import Foundation
import TestFolders
import Testing

/// `hillock explain` and `hillock profile`: they run the real thing and leave nothing behind.
struct InspectionTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.writeData()
    }

    private func run(_ arguments: String...) throws -> ProgramRun {
        let run = try ProgramRun(arguments, in: folder.path)
        #expect(run.errors == "")
        #expect(try !FileManager.default.contentsOfDirectory(atPath: folder.path).contains("runs"))
        return run
    }

    @Test func explainTraining() throws {
        let run = try run("explain", "train", "digits", "--data", "toy", "--batch", "8")
        #expect(run.status == 0)
        let lines = run.output.components(separatedBy: "\n")
        #expect(lines[0] == "Training step: LeNet, batches of 8, toy")
        #expect(lines[2].hasPrefix("Program 1 of 1 on cpu: ") && lines[2].hasSuffix(", ran once"))
        #expect(lines.contains("── graph ── the program as the code built it"))
        #expect(lines.contains { $0.hasPrefix("%") && $0.hasSuffix("  (conv1.weight)") })
        #expect(lines.contains { $0.hasPrefix("── fuse ── ") })
        #expect(lines.contains { $0.hasPrefix("── plan ── ") })
        #expect(lines.contains { $0.hasPrefix("arena: ") } && lines.contains { $0.hasPrefix("donations: ") })
    }

    @Test func explainOnePass() throws {
        let plan = try run("explain", "evaluate", "digits", "--data", "toy", "--model", "mlp", "--batch", "5", "--pass", "plan")
        #expect(plan.status == 0)
        #expect(plan.output.hasPrefix("Classifying: MLP, batches of 5, toy\n\nProgram 1 of 1 on cpu: "))
        #expect(plan.output.contains("\n0  ") && plan.output.contains("matmul [5, 36] × [36, 512] + bias, relu"))
        #expect(!plan.output.contains("── graph ──"))
    }

    @Test func profileTraining() throws {
        let run = try run(
            "profile", "train", "digits", "--data", "toy", "--batch", "8", "--steps", "3", "--warm-up", "1", "--trace", "trace.json")
        #expect(run.status == 0)
        let lines = run.output.components(separatedBy: "\n")
        #expect(lines[0] == "Training: LeNet, batches of 8, toy")
        #expect(lines[2].hasPrefix("3 steps, ") && lines[2].hasSuffix(" ms a step"))
        #expect(lines[3].hasPrefix("Peak, measured now: "))
        #expect(lines.contains { $0.hasSuffix("  all kernels") } && lines.contains { $0.hasSuffix("  everything") })
        #expect(lines.contains { $0.contains("  conv [8, 1, 6, 6] ∗ [32, 1, 3, 3] + bias, relu") })
        #expect(lines.contains("Trace     trace.json, for https://ui.perfetto.dev or chrome://tracing"))
        let trace = try #require(try JSONSerialization.jsonObject(with: folder.read("trace.json")) as? [String: Any])
        #expect((trace["traceEvents"] as? [Any])?.isEmpty == false)
    }

    @Test func profileEvaluation() throws {
        let run = try run("profile", "evaluate", "digits", "--data", "toy", "--model", "mlp", "--batch", "4", "--steps", "7", "--rows", "2")
        #expect(run.status == 0)
        #expect(run.output.contains("7 steps, "))
        #expect(run.output.contains(" others)"))
    }

    @Test func wrongInput() throws {
        let pass = try ProgramRun(["explain", "train", "digits", "--pass", "fusee"], in: folder.path)
        #expect(pass.status == 1 && pass.output == "")
        #expect(pass.errors.hasPrefix(#"hillock: error: there is no pass "fusee"; did you mean fuse? (known: graph, canonicalize, "#))
        let short = try ProgramRun(
            ["profile", "train", "digits", "--data", "toy", "--model", "mlp", "--epochs", "1", "--warm-up", "9"], in: folder.path)
        #expect(short.status == 1 && short.output == "")
        #expect(short.errors == "hillock: error: the run ended after 1 of the 9 steps to warm up; take fewer for --warm-up\n")
    }

    /// Ctrl-C prints what was measured until then.
    @Test func aSignalStops() throws {
        let (process, output, errors) = try ProgramRun.start(
            [
                "profile", "train", "digits", "--data", "toy", "--epochs", "100000", "--steps", "10000", "--warm-up", "0", "--trace",
                "t.json",
            ], in: folder.path)
        while process.isRunning, !FileManager.default.fileExists(atPath: folder.file("t.json")) { usleep(10_000) }
        usleep(500_000)
        kill(process.processIdentifier, SIGINT)
        let text = String(decoding: output.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        #expect(errors.readDataToEndOfFile().isEmpty)
        // Before the first step is done there is nothing to print.
        #expect(text.isEmpty || text.hasSuffix(" of 10000 steps.\n"))
    }
}
