import Foundation

/// Programs that are run to their end.
enum Subprocess {
    /// What the program prints; it is ended after `timeout` seconds.
    /// - Throws: ``BenchError`` with the last line of its messages if it fails.
    static func output(_ program: String, _ arguments: [String], timeout: Double = 600) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let (output, messages) = (Pipe(), FileManager.default.temporaryDirectory.appendingPathComponent("bench-\(getpid()).txt"))
        try Data().write(to: messages)
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: messages)
        defer { try? FileManager.default.removeItem(at: messages) }
        try process.run()
        let watchdog = DispatchWorkItem { process.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + timeout, execute: watchdog)
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        watchdog.cancel()
        guard process.terminationStatus == 0 else {
            let said = (try? String(contentsOf: messages, encoding: .utf8)) ?? ""
            let reason = said.split(separator: "\n").last.map { String($0.prefix(200)) } ?? "it said nothing"
            let ending = process.terminationReason == .uncaughtSignal ? "signal" : "status"
            throw BenchError("ended with \(ending) \(process.terminationStatus): \(reason)")
        }
        return String(decoding: data, as: UTF8.self)
    }
}
