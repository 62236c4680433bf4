import ArgumentParser
import Foundation

/// Runs workloads in Hillock and in its peers alternately, in one run on one machine, and prints ratios.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Run workloads in Hillock and its peers alternately and print ratios (peer's time over ours: above 1 we are faster).")

    @Option(help: "Workload name prefixes, comma separated.")
    var only = ""
    @Option(help: "Peers as peers.py names them, comma separated.")
    var peers = "torch"
    @Option(help: "Rounds; in each, Hillock and every peer run once.")
    var rounds = 5
    @Option(help: "Folder with peers.py; $HILLOCK_PEERS or ../../shared/bench unless given.")
    var directory: String?
    @Option(help: "Python with the peers installed.")
    var python = "python3"
    @Option(help: "Writes every measurement to this file as JSON.")
    var json: String?

    mutating func validate() throws {
        if rounds < 1 { throw ValidationError("--rounds is \(rounds), expected 1 or more") }
    }

    func run() throws {
        let names = ["T01", "T02", "T03", "M01", "M03", "M08"].filter { name in
            only.isEmpty || only.split(separator: ",").contains { name.hasPrefix($0) }
        }
        if names.isEmpty { throw ValidationError("no workload begins with '\(only)'") }
        let folder = URL(fileURLWithPath: directory ?? ProcessInfo.processInfo.environment["HILLOCK_PEERS"] ?? "../../shared/bench")
        let script = folder.appendingPathComponent("peers.py")
        let hasPeers = FileManager.default.fileExists(atPath: script.path)
        if !hasPeers { print("no peers: \(script.path) does not exist (set HILLOCK_PEERS or --directory); Hillock alone is measured") }
        let runner = Runner(python: python, script: hasPeers ? script : nil)
        var rows: [Row] = []
        for name in names {
            let row = try runner.measure(name, peers: hasPeers ? peers.split(separator: ",").map(String.init) : [], rounds: rounds)
            rows.append(row)
            print(row.text)
            fflush(nil)
        }
        if let json {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try encoder.encode(rows.flatMap(\.measurements)).write(to: URL(fileURLWithPath: json))
        }
    }
}
