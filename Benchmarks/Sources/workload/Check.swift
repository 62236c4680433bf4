import Foundation
import Workloads

/// Checks workloads against the specification and against themselves: the same bits with one thread and with two, and over two runs, in fast
/// and in strict numerics.
struct Check {
    /// This program.
    let program: String

    /// Prints a line for each workload; gives how many failed.
    func run(_ names: [String]) -> Int {
        names.count { name in
            let problems = ["fast", "strict"].flatMap { self.problems(name, $0) }
            let line = "\(name) \(problems.isEmpty ? "ok" : problems.joined(separator: "; "))\n"
            FileHandle.standardOutput.write(Data(line.utf8))
            return !problems.isEmpty
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
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["--outcome", name, numerics]
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["OMP_NUM_THREADS": "\(threads)", "HILLOCK_TUNING": "off"], uniquingKeysWith: { $1 })
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CheckError(description: "ended with \(process.terminationStatus)") }
        return try JSONDecoder().decode(Outcome.self, from: data)
    }
}

/// What went wrong, in words.
struct CheckError: Error, CustomStringConvertible {
    let description: String
}
