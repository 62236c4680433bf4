import Foundation
import TestFolders
import Testing

/// Training, evaluation and prediction through the built program.
struct TrainingRunTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.writeData()
    }

    private func run(_ arguments: [String]) throws -> ProgramRun { try ProgramRun(arguments, in: folder.path) }

    private static let train = ["train", "digits", "--data", "toy", "--batch", "8", "--seed", "3"]

    @Test func trainEvaluatePredict() throws {
        let train = try run(Self.train + ["--epochs", "6"])
        #expect(train.errors == "")
        #expect(train.status == 0)
        let lines = train.output.components(separatedBy: "\n")
        #expect(lines[0] == "Model     LeNet, 27,652 parameters")
        #expect(lines[1] == "Data      toy: 40 images to train on, 20 to test on")
        #expect(lines[2].hasPrefix("Engine    cpu ("))
        #expect(lines[3] == "Folder    runs/digits-1")
        #expect(lines[4] == "")
        #expect(lines.filter { $0.hasPrefix("epoch ") && $0.contains("  test ") }.count == 6)
        #expect(lines.contains("Accuracy  100.00 % of the test images (20 of 20)"))
        #expect(lines.contains("Weights   runs/digits-1/weights.safetensors"))
        #expect(lines.contains("Report    runs/digits-1/report.html"))

        let evaluate = try run(["evaluate"])
        #expect(evaluate.status == 0)
        let results = evaluate.output.components(separatedBy: "\n")
        #expect(results[0] == "Weights   runs/digits-1/weights.safetensors (LeNet, trained on \(folder.path)/toy)")
        #expect(results[2] == "Accuracy  100.00 % (20 of 20)")

        try folder.write("square.png", [UInt8](Data(base64Encoded: Self.square)!))
        let predict = try run(["predict", "square.png"])
        #expect(predict.errors == "")
        #expect(predict.status == 0)
        let guesses = predict.output.split(separator: "\n")
        #expect(guesses.count == 4)
        #expect(guesses[0] == "square.png")
        #expect(guesses.dropFirst().allSatisfy { $0.hasSuffix(" %") })

        // One bad picture among good ones: nothing is printed.
        let mixed = try run(["predict", "square.png", "none.png"])
        #expect(mixed.status == 1)
        #expect(mixed.output == "")
        #expect(mixed.errors == "hillock: error: none.png: cannot read: no such file or folder\n")

        // The next run gets the next folder, and the first stays.
        let second = try run(Self.train + ["--epochs", "1", "--model", "mlp"])
        #expect(second.output.contains("Folder    runs/digits-2\n"))
        let taken = try run(Self.train + ["--output", "runs/digits-1"])
        #expect(taken.status == 1)
        #expect(
            taken.errors
                == "hillock: error: runs/digits-1: the folder holds a run already; go on with it by --resume runs/digits-1, or choose another folder\n"
        )
    }

    /// A run that is killed at any moment, several times over, and resumed each time, ends with the weights of one that never was.
    @Test(arguments: [1, 2, 3])
    func killedAndResumedRunsEndWithTheSameBits(seed: UInt64) throws {
        let settings = Self.train + ["--epochs", "12", "--checkpoint-every", "0"]
        let start = Date()
        #expect(try run(settings + ["--output", "whole"]).status == 0)
        let duration = Date().timeIntervalSince(start)
        let whole = try folder.read("whole/weights.safetensors")

        var random = Generator(state: seed)
        var kills = 0
        try FileManager.default.createDirectory(atPath: folder.file("killed"), withIntermediateDirectories: true)
        for attempt in 1...6 {
            let process = try ProgramRun.start(settings + ["--resume", "killed"], in: folder.path).process
            // The first one early: the machine may have become several times faster since the whole run.
            usleep(UInt32(random.unit() * duration * 1e6 * (attempt == 1 ? 0.1 : 0.8)))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            if process.terminationReason == .uncaughtSignal { kills += 1 }
            // Whatever the moment, there is no half of a file under a final name.
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("killed")).filter { !$0.hasPrefix(".") }
            for name in names where name.hasSuffix(".safetensors") { #expect(isWhole(try folder.read("killed/" + name)), "\(name)") }
        }
        #expect(kills > 0, "seed \(seed)")
        let last = try run(settings + ["--resume", "killed"])
        #expect(last.errors == "")
        #expect(last.status == 0)
        #expect(try folder.read("killed/weights.safetensors") == whole, "seed \(seed)")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.file("killed")).sorted() == [
                "checkpoint.safetensors", "report.html", "report.json", "weights.safetensors",
            ])
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func aSignalStopsWithACheckpoint(signal: Int32) throws {
        let settings = Self.train + ["--epochs", "400"]
        let (process, output, errors) = try ProgramRun.start(settings + ["--output", "stopped"], in: folder.path)
        try waitForLine("epoch ", of: output)
        kill(process.processIdentifier, signal)
        let text = String(decoding: output.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == 130)
        #expect(errors.readDataToEndOfFile().isEmpty)
        let lines = text.split(separator: "\n")
        #expect(lines.suffix(2).first?.hasPrefix("Stopped after step ") == true)
        #expect(lines.last == "  \(ProgramRun.executable) train digits --resume stopped")

        let mlp = try run(["train", "digits", "--model", "mlp", "--resume", "stopped"])
        #expect(mlp.status == 1)
        #expect(
            mlp.errors
                == "hillock: error: stopped/checkpoint.safetensors: the run was started with model lenet, not mlp; "
                + "leave the option out, or start a new run\n")
        let resumed = try ProgramRun.start(["train", "digits", "--resume", "stopped"], in: folder.path)
        try waitForLine("Folder    stopped (going on)", of: resumed.output)
        kill(resumed.process.processIdentifier, SIGKILL)
        resumed.process.waitUntilExit()
    }

    /// On a terminal there is a live line, as wide as the terminal at most; colours are left out when they are not wanted.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script")))
    func terminals() throws {
        func onTerminal(_ environment: [String: String]) throws -> String {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/script")
            process.arguments = ["-qec", "'\(ProgramRun.executable)' train digits --data toy --epochs 2 --model mlp", "/dev/null"]
            process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
            process.environment = ["PATH": "/usr/bin:/bin", "HOME": folder.path, "TERM": "xterm", "COLUMNS": "60"].merging(environment) {
                $1
            }
            let output = Pipe()
            process.standardOutput = output
            process.standardInput = FileHandle.nullDevice
            try process.run()
            defer { process.waitUntilExit() }
            return String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        }
        let plain = try onTerminal(["NO_COLOR": "1"])
        #expect(plain.contains("\r") && plain.contains("\u{1b}[K"))
        #expect(!plain.contains("\u{1b}[1m") && !plain.contains("\u{1b}[36m"))
        let live = plain.components(separatedBy: "\r").filter { $0.contains("\u{1b}[K") && $0.contains("step") }
        #expect(!live.isEmpty)
        for line in live { #expect(line.components(separatedBy: "\u{1b}")[0].count < 60, "\(line)") }
        #expect(try onTerminal([:]).contains("\u{1b}[1m"))
        #expect(try !onTerminal(["TERM": "dumb"]).contains("\u{1b}"))
    }

    // MARK: Tools

    /// A white square on black, 12×12.
    private static let square =
        "iVBORw0KGgoAAAANSUhEUgAAAAwAAAAMCAAAAABzHgM7AAAAEklEQVR42mNgIBr8BwNqcYgAAO46I90I/nICAAAAAElFTkSuQmCC"

    /// Reads until a line begins so.
    private func waitForLine(_ start: String, of output: FileHandle) throws {
        var text = ""
        while !text.split(separator: "\n").contains(where: { $0.hasPrefix(start) }) {
            let data = output.availableData
            guard !data.isEmpty else {
                Issue.record("the program ended before it printed \(start): \(text)")
                return
            }
            text += String(decoding: data, as: UTF8.self)
        }
    }

    /// Whether a safetensors file's length is what its header says.
    private func isWhole(_ data: Data) -> Bool {
        guard data.count >= 8 else { return false }
        let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        guard data.count >= 8 + length,
            let header = try? JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: Any]
        else { return false }
        let ends = header.values.compactMap { (($0 as? [String: Any])?["data_offsets"] as? [Int])?.last }
        return data.count == 8 + length + (ends.max() ?? 0)
    }
}

/// Seeded random numbers (SplitMix64), so that a failing moment can be had again.
private struct Generator {
    var state: UInt64

    mutating func unit() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
    }
}
