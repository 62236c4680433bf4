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

    /// Milliseconds from starting a program to its end, seen from outside; started and awaited directly, since Foundation's `Process` adds
    /// milliseconds of its own.
    static func milliseconds(_ program: String) throws -> Double {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        let name = strdup(program)
        defer { free(name) }
        var (id, status) = (pid_t(0), Int32(0))
        let start = DispatchTime.now().uptimeNanoseconds
        guard posix_spawn(&id, program, &actions, nil, [name, nil], environ) == 0 else { throw BenchError("\(program) cannot be started") }
        while waitpid(id, &status, 0) < 0, errno == EINTR {}
        let elapsed = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-6
        guard status == 0 else { throw BenchError("\(program) ended with \(status)") }
        return elapsed
    }
}
