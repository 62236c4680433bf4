import Foundation

/// Runs measurements, each in a process of its own, Hillock and the peers in turn.
struct Runner {
    let peers: Peers?
    /// Threads that every measurement uses.
    let threads: Int
    let rounds: Int
    /// Seconds to wait for an idle machine before each measurement.
    let wait: Double
    /// How often a disturbed measurement is done again.
    let retries: Int
    /// A peer this many times slower than the best in the first round is not run again.
    let patience: Double
    let timeout: Double
    /// What Hillock computes with; the CPU unless given.
    var device: String?
    /// How near cores have been to each other: the least round trip seen.
    private let nearest = Nearest()
    /// Words for Hillock's program and the peers' beside the workload's name.
    var words: [String] = []

    /// Programs of this package stand beside the driver.
    func program(_ name: String) -> String {
        URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent(name)
            .path
    }

    /// The workloads that Hillock runs.
    func ownWorkloads() throws -> [String] {
        let list = try Subprocess.output(program("workload"), ["--list"])
        return list.split(whereSeparator: \.isWhitespace).map(String.init) + ["M08"]
    }

    /// Hillock and the peers in turn, `rounds` times. Every second round goes through them backwards, so that none is always the first.
    func measure(_ workload: String, beside names: [String], progress: (String) -> Void) throws -> WorkloadRun {
        progress("\(workload): the machine")
        Machine.waitUntilIdle(limit: wait)
        let rates = try Rates.measured(threads: threads, by: program("probe"))
        var run = WorkloadRun(date: "", rounds: rounds, rates: rates, measurements: [], failures: [:])
        var running = ["hillock"] + names
        for round in 0..<rounds {
            for name in round % 2 == 0 ? running : running.reversed() {
                progress("\(workload) round \(round + 1): \(name)")
                do {
                    var measurement = try undisturbed { try measure(workload, name) }
                    measurement.round = round
                    run.measurements.append(measurement)
                } catch {
                    run.failures[name] = "\(error)"
                    running.removeAll { $0 == name }
                }
            }
            if round == 0 { running = worthRepeating(running, run) }
        }
        run.date = ISO8601DateFormatter().string(from: Date())
        return run
    }

    private func worthRepeating(_ names: [String], _ run: WorkloadRun) -> [String] {
        func time(_ name: String) -> Double? { run.measurements.first { $0.peer == name }?.milliseconds }
        guard let best = names.filter({ $0 != "hillock" }).compactMap(time).min() else { return names }
        return names.filter { $0 == "hillock" || (time($0) ?? .infinity) <= patience * best }
    }

    private final class Nearest {
        var nanoseconds = Double.infinity
    }

    /// The round trip from core to core, and whether it is far more than it was at other times. A clock's tick is some tens of nanoseconds.
    private func distance() -> (nanoseconds: Double, isApart: Bool)? {
        guard let nanoseconds = Machine.roundTrip else { return nil }
        nearest.nanoseconds = min(nearest.nanoseconds, nanoseconds)
        return (nanoseconds, nanoseconds > 1.5 * nearest.nanoseconds + 20)
    }

    /// Waits for an idle machine, notes how busy other programs kept it and how far apart its cores were, and tries again where that spoils the
    /// time; the least disturbed one counts.
    private func undisturbed(_ body: () throws -> Measurement) throws -> Measurement {
        var best: Measurement?
        for _ in 0...retries {
            Machine.waitUntilIdle(limit: wait)
            let distances = [distance()]
            let (start, before, own) = (DispatchTime.now().uptimeNanoseconds, Machine.busySeconds, Machine.childrenSeconds)
            var result = try body()
            let elapsed = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
            let others = (Machine.busySeconds - before) - (Machine.childrenSeconds - own)
            result.otherCpu = (max(0, others / elapsed) * 100).rounded() / 100
            let seen = (distances + [distance()]).compactMap { $0 }
            result.roundTripNs = seen.map(\.nanoseconds).max()
            result.isApart = seen.isEmpty ? nil : seen.contains(where: \.isApart)
            // Never chosen by its time: that would favour whoever is tried more often.
            func spoiled(_ m: Measurement) -> (Int, Double) { (m.isApart == true ? 1 : 0, m.otherCpu ?? 0) }
            if best.map({ spoiled(result) < spoiled($0) }) ?? true { best = result }
            if !result.isDisturbed { break }
        }
        return best!
    }

    private func measure(_ workload: String, _ name: String) throws -> Measurement {
        if name == "hillock" {
            let words = (device.map { ["--device", $0] } ?? []) + words
            return workload == "M08" ? try coldStart() : try report(program("workload"), [workload] + words)
        }
        guard let peers else { throw BenchError("there is no program of peers") }
        return try report("/usr/bin/env", [peers.python, peers.script.path, "--workload", workload, "--peer", name, "--json"] + words)
    }

    /// Wall time of a new process up to its end, five runs after one.
    private func coldStart() throws -> Measurement {
        let times = try (0..<6).map { _ in try Subprocess.milliseconds(program("coldstart")) }
        let counted = times.dropFirst().sorted()
        return Measurement(workload: "M08", peer: "hillock", msMedian: counted[2], msMin: counted[0], firstStepS: times[0] / 1e3)
    }

    private func report(_ program: String, _ arguments: [String]) throws -> Measurement {
        let text = try Subprocess.output(program, arguments, timeout: timeout)
        guard let line = text.split(separator: "\n").last(where: { $0.hasPrefix("{") }) else {
            throw BenchError("printed no measurement: \(text.suffix(200))")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Measurement.self, from: Data(line.utf8))
    }
}
