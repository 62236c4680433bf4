import Foundation

/// The program that runs the workloads in other frameworks (`peers.py`), and what it can run.
struct Peers {
    let python: String
    let script: URL
    /// Peers in the program's order, each with its workloads.
    private(set) var supported: [(peer: String, workloads: Set<String>)] = []

    /// Asks a program; `nil` if there is none.
    init?(script: URL, python: String) throws {
        self.python = python
        self.script = script
        guard FileManager.default.fileExists(atPath: script.path) else { return nil }
        let list = try Subprocess.output("/usr/bin/env", [python, script.path, "--list"])
        supported = list.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            return words.first.map { ($0, Set(words.dropFirst())) }
        }
    }

    /// The peers that run a workload.
    func running(_ workload: String) -> [String] {
        supported.filter { $0.workloads.contains(workload) }.map(\.peer)
    }

    /// FLOPs of a step by workload, from `specs.json` beside the program; none where there is no such file.
    func flops() throws -> [String: Double] {
        struct Specification: Decodable { let flops: Double }
        let url = script.deletingLastPathComponent().appendingPathComponent("specs.json")
        guard FileManager.default.fileExists(atPath: url.path) else { return [:] }
        return try JSONDecoder().decode([String: Specification].self, from: Data(contentsOf: url)).mapValues(\.flops)
    }
}
