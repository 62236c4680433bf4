import Foundation

/// One process's report, of Hillock or of a peer.
struct Measurement: Codable {
    var workload: String
    var peer: String
    var msMedian: Double
    var msMin: Double
    var firstStepS: Double?
    var losses: [Double]?
    var gflopPerS: Double?
    var nsPerOp: Double?
    var rssMb: Double?
    /// Cores that other programs kept busy meanwhile.
    var otherCpu: Double?
}

/// Starts measurements, each in a process of its own.
struct Runner {
    let python: String
    let script: URL?

    private var ownFolder: URL { URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent() }

    /// Hillock and the peers in turn, `rounds` times.
    func measure(_ workload: String, peers: [String], rounds: Int) throws -> Row {
        var row = Row(workload: workload)
        for _ in 0..<rounds {
            row.measurements.append(try watched { workload == "M08" ? try coldStart() : try ours(workload) })
            for peer in peers {
                guard let script else { continue }
                row.measurements.append(
                    try watched {
                        let arguments = [script.path, "--workload", workload, "--peer", peer, "--json"]
                        return try report(URL(fileURLWithPath: "/usr/bin/env"), [python] + arguments)
                    })
            }
        }
        return row
    }

    private func ours(_ workload: String) throws -> Measurement {
        try report(ownFolder.appendingPathComponent("workload"), [workload])
    }

    /// Wall time of a new process up to its end, five runs after one.
    private func coldStart() throws -> Measurement {
        var times: [Double] = []
        for _ in 0..<6 {
            let start = DispatchTime.now().uptimeNanoseconds
            _ = try output(ownFolder.appendingPathComponent("coldstart"), [])
            times.append(Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-6)
        }
        let counted = times.dropFirst().sorted()
        return Measurement(workload: "M08", peer: "hillock", msMedian: counted[2], msMin: counted[0], firstStepS: times[0] / 1e3)
    }

    private func report(_ program: URL, _ arguments: [String]) throws -> Measurement {
        let text = try output(program, arguments)
        guard let line = text.split(separator: "\n").last(where: { $0.hasPrefix("{") }) else {
            throw BenchError("\(program.lastPathComponent) \(arguments.joined(separator: " ")) printed no measurement: \(text.suffix(300))")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Measurement.self, from: Data(line.utf8))
    }

    private func output(_ program: URL, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        var environment = ProcessInfo.processInfo.environment
        if environment["OMP_NUM_THREADS"] == nil { environment["OMP_NUM_THREADS"] = environment["BENCH_THREADS"] ?? "2" }
        process.environment = environment
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw BenchError(
                "\(program.lastPathComponent) \(arguments.joined(separator: " ")) ended with status \(process.terminationStatus)")
        }
        return String(decoding: data, as: UTF8.self)
    }

    /// Notes how busy other programs kept the machine during a measurement.
    private func watched(_ body: () throws -> Measurement) throws -> Measurement {
        let (start, before, own) = (DispatchTime.now().uptimeNanoseconds, Self.busySeconds(), Self.childrenSeconds())
        var result = try body()
        let elapsed = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
        result.otherCpu = max(0, (Self.busySeconds() - before) - (Self.childrenSeconds() - own)) / elapsed
        return result
    }

    private static func busySeconds() -> Double {
        guard let text = try? String(contentsOfFile: "/proc/stat", encoding: .utf8), let line = text.split(separator: "\n").first else {
            return 0
        }
        let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { Double($0) }
        guard ticks.count == 8 else { return 0 }
        return (ticks.reduce(0, +) - ticks[3] - ticks[4]) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private static func childrenSeconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
        func seconds(_ t: timeval) -> Double { Double(t.tv_sec) + Double(t.tv_usec) * 1e-6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}

/// All measurements of one workload.
struct Row {
    let workload: String
    var measurements: [Measurement] = []

    private func of(_ peer: String) -> [Measurement] { measurements.filter { $0.peer == peer } }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard let middle = sorted.dropFirst(sorted.count / 2).first else { return .nan }
        return sorted.count % 2 == 1 ? middle : (middle + sorted[sorted.count / 2 - 1]) / 2
    }

    private static func number(_ value: Double) -> String { String(format: value < 10 ? "%.3g" : "%.1f", value) }

    /// Median times, the median of the rounds' ratios with its range, and whether the losses agree.
    var text: String {
        let ours = of("hillock")
        var line = "\(workload)  hillock \(Self.number(Self.median(ours.map(\.msMedian)))) ms"
        if let rate = ours.compactMap(\.gflopPerS).max() { line += " (\(Self.number(rate)) GFLOP/s)" }
        if let rate = ours.compactMap(\.nsPerOp).min() { line += " (\(Self.number(rate)) ns/op)" }
        if let memory = ours.compactMap(\.rssMb).max() { line += ", \(Int(memory)) MB" }
        for peer in Set(measurements.map(\.peer)).subtracting(["hillock"]).sorted() {
            let theirs = of(peer)
            let ratios = zip(theirs, ours).map { $0.msMedian / $1.msMedian }
            line +=
                "  |  \(peer) \(Self.number(Self.median(theirs.map(\.msMedian)))) ms, ratio \(String(format: "%.2f", Self.median(ratios)))"
            line += String(format: " (%.2f–%.2f)", ratios.min() ?? .nan, ratios.max() ?? .nan)
            if let a = ours.first?.losses, let b = theirs.first?.losses, !a.isEmpty, !b.isEmpty {
                let gap = zip(a, b).map { abs($0 - $1) / max(abs($1), 1e-12) }.max() ?? 0
                line += String(format: ", losses differ by %.0e", gap)
            }
        }
        let busy = measurements.compactMap(\.otherCpu).max() ?? 0
        if busy > 0.15 { line += String(format: "  [disturbed: other programs used up to %.2f cores]", busy) }
        return line
    }
}

/// A measurement that did not come about.
struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
