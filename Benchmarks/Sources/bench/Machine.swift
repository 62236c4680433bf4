import Foundation
import Synchronization

/// The machine that measures.
struct Machine: Codable {
    var processor: String
    var cores: Int
    /// GiB.
    var memory: Double
    var system: String
    /// Threads that every measurement uses.
    var threads: Int

    /// This machine.
    static func described(threads: Int) -> Machine {
        Machine(
            processor: processorName, cores: ProcessInfo.processInfo.processorCount,
            memory: (Double(ProcessInfo.processInfo.physicalMemory) / 107_374_182.4).rounded() / 10,
            system: ProcessInfo.processInfo.operatingSystemVersionString, threads: threads)
    }

    /// The model's name with its family and number, since virtual machines give several processors one name; without them on ARM.
    private static var processorName: String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        func value(_ key: String) -> String? {
            let line = text.split(separator: "\n").first { line in
                line.split(separator: ":").first.map { $0.trimmingCharacters(in: .whitespaces) } == key
            }
            return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
        }
        let name = value("model name") ?? "unknown processor"
        guard let family = value("cpu family"), let model = value("model") else { return name }
        return "\(name) (family \(family), model \(model))"
    }

    /// CPU seconds that all programs together have used since the machine started.
    static var busySeconds: Double {
        guard let text = try? String(contentsOfFile: "/proc/stat", encoding: .utf8), let line = text.split(separator: "\n").first else {
            return 0
        }
        let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { Double($0) }
        guard ticks.count == 8 else { return 0 }
        return (ticks.reduce(0, +) - ticks[3] - ticks[4]) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// CPU seconds of the processes that this one started and that ended.
    static var childrenSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
        func seconds(_ t: timeval) -> Double { Double(t.tv_sec) + Double(t.tv_usec) * 1e-6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// Nanoseconds that a word takes from one thread to another and back, the best of some hundreds; `nil` on one core. Cores that share a
    /// cache take 50 to 100. Those of a virtual machine may be moved apart for a while: what threads hand each other then takes several times
    /// as long.
    static var roundTrip: Double? {
        if ProcessInfo.processInfo.activeProcessorCount < 2 { return nil }
        let (word, rounds) = (Word(), 400)
        Thread.detachNewThread {
            for turn in 0..<rounds {
                while word.value.load(ordering: .acquiring) != 2 * turn + 1 {}
                word.value.store(2 * turn + 2, ordering: .releasing)
            }
        }
        var best = UInt64.max
        for turn in 0..<rounds {
            let start = DispatchTime.now().uptimeNanoseconds
            word.value.store(2 * turn + 1, ordering: .releasing)
            while word.value.load(ordering: .acquiring) != 2 * turn + 2 {}
            best = min(best, DispatchTime.now().uptimeNanoseconds - start)
        }
        return Double(best)
    }

    private final class Word: Sendable { let value = Atomic<Int>(0) }

    /// Waits until other programs use less than a tenth of a core for a second, or until `limit` seconds are over.
    static func waitUntilIdle(limit: Double) {
        let end = Date().addingTimeInterval(limit)
        while Date() < end {
            let before = busySeconds
            Thread.sleep(forTimeInterval: 1)
            if busySeconds - before < 0.1 { return }
        }
    }
}
