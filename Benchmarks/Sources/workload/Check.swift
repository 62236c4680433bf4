import Foundation
import Workloads

/// Checks workloads against the specification.
///
/// On the CPU also against themselves: the same bits with one thread and with two, and over two runs, in fast and in strict numerics. On another
/// device, whose compiler decides about bits, what each cost is printed too.
struct Check {
    /// This program.
    let program: String
    /// Another device than the CPU.
    let device: String?
    /// Another precision than f32.
    let precision: String?

    /// Prints a line for each workload; gives how many failed.
    func run(_ names: [String]) -> Int {
        names.count { name in
            var (problems, cost): ([String], String) = ([], "")
            if device == nil {
                problems = ["fast", "strict"].flatMap { self.problems(name, $0) }
            } else {
                (problems, cost) = onDevice(name)
            }
            let line = "\(name)  \(problems.isEmpty ? "ok" : problems.joined(separator: "; "))\(cost)\n"
            FileHandle.standardOutput.write(Data(line.utf8))
            return !problems.isEmpty
        }
    }

    /// What is wrong on the device, and what five steps cost.
    private func onDevice(_ name: String) -> (problems: [String], cost: String) {
        do {
            let trial = try self.trial(name, "fast", environment: ["HILLOCK_EXECUTABLES": "off"])
            let compile = trial.firstStepS - trial.stepMs / 1e3
            let cost = String(format: "  compile %.2f s, step %.2f ms, %.0f MB", compile, trial.stepMs, trial.rssMb)
            let values = trial.outcome.values.map { String(format: "%g", $0) }.joined(separator: " ")
            let problem =
                trial.outcome.values.allSatisfy(\.isFinite)
                ? Specification.disagreement(name, trial.outcome.values) : "gave \(values)"
            return (problem.map { [$0] } ?? [], "\(cost); \(values)")
        } catch {
            return (["\(error)"], "")
        }
    }

    private func problems(_ name: String, _ numerics: String) -> [String] {
        do {
            let two = try outcome(name, numerics, threads: 2)
            var problems = [Specification.disagreement(name, two.values)].compactMap { $0 }
            if try outcome(name, numerics, threads: 1) != two { problems.append("other bits with one thread") }
            if numerics == "fast", try outcome(name, numerics, threads: 2) != two { problems.append("other bits in a second run") }
            return problems.map { "\(numerics): \($0)" }
        } catch {
            return ["\(numerics): \(error)"]
        }
    }

    /// What the workload gives in a process of its own: plans are made for a number of threads. Algorithms are chosen by rule, so that two
    /// processes choose alike.
    private func outcome(_ name: String, _ numerics: String, threads: Int) throws -> Outcome {
        try trial(name, numerics, environment: ["OMP_NUM_THREADS": "\(threads)", "HILLOCK_TUNING": "off"]).outcome
    }

    private func trial(_ name: String, _ numerics: String, environment: [String: String]) throws -> Trial {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments =
            ["--trial", name, numerics] + (device.map { ["--device", $0] } ?? []) + (precision.map { ["--precision", $0] } ?? [])
        process.environment = ProcessInfo.processInfo.environment.merging(environment, uniquingKeysWith: { $1 })
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CheckError(description: "ended with \(process.terminationStatus)") }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try decoder.decode(Trial.self, from: data)
    }
}

/// What went wrong, in words.
struct CheckError: Error, CustomStringConvertible {
    let description: String
}
