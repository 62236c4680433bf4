import Foundation
import HillockCore
import Testing

/// What training does with memory, measured in processes of their own.
@Suite(.serialized) struct SteadyStateTests {
    /// Runs the program `steady-state` and gives the numbers that it prints.
    private func measure(_ arguments: String...) throws -> [String: Int] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("steady-state")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return text.split(separator: "\n").reduce(into: [:]) { numbers, line in
            let fields = line.split(separator: " ")
            numbers[String(fields[0])] = Int(fields[1])
        }
    }

    /// Where nothing but our own kernels runs, running a plan makes two small objects for each result that takes no dead argument's memory, and
    /// nothing else.
    @Test(.enabled(if: PassSelection.current.isWhole, "says what passes do, and some are switched off"), arguments: ["deep"])
    func runningAPlanMakesItsResultsOnly(_ model: String) throws {
        let counts = try measure("allocations", model)
        guard counts["works"] == 1 else { return }
        // The optimizer's parameters and state are updated where they are: the loss is what is new.
        #expect(try #require(counts["run.count"]) <= 4, "\(counts)")
    }

    /// oneDNN makes a few small objects whenever it is called. Building the graph makes a few for each operation, and lists that are as long as
    /// there are parameters; nothing depends on their sizes.
    @Test(
        .enabled(if: PassSelection.current.isWhole, "says what passes do, and some are switched off"),
        arguments: ["small", "mlp", "deep", "convolution"])
    func aStepAsksForNothingLarge(_ model: String) throws {
        let counts = try measure("allocations", model)
        guard counts["works"] == 1 else { return }
        let (operations, parameters) = (try #require(counts["operations"]), try #require(counts["parameters"]))
        #expect(try #require(counts["run.largest"]) <= 4096, "\(counts)")
        #expect(try #require(counts["run.count"]) <= 3 * operations, "\(counts)")
        #expect(try #require(counts["step.largest"]) <= 4096 + 128 * parameters, "\(counts)")
        #expect(try #require(counts["step.count"]) <= 12 * operations, "\(counts)")
    }

    /// A first small result comes without Foundation, which takes longer to load than all else together, and without oneDNN.
    @Test func aSmallProgramLoadsNoLargeLibrary() throws {
        let loaded = try measure("libraries")
        #expect(loaded["result"] == 256)
        #expect(loaded["small.foundation"] == 0)
        #expect(loaded["small.onednn"] == 0)
        #expect(loaded["convolution.onednn"] == 1)
    }

    @Test func residentMemoryIsFlatOverTenThousandSteps() throws {
        let sizes = try measure("resident", "10000")
        let (early, late) = (Double(try #require(sizes["early"])), Double(try #require(sizes["late"])))
        #expect(abs(late - early) <= 0.01 * early, "\(sizes)")
    }

    @Test func aLargePlansArenaIsGivenBack() throws {
        let sizes = try measure("arena")
        let (before, large, after) = (try #require(sizes["before"]), try #require(sizes["large"]), try #require(sizes["after"]))
        try #require(large - before > 100_000_000, "\(sizes)")
        #expect(after - before < 20_000_000, "\(sizes)")
    }
}
