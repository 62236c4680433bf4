import Foundation

/// The program under test, and what running it gives.
struct ProgramRun: Sendable {
    let status: Int32
    let output: String
    let errors: String

    /// The executable, which SwiftPM builds into the folder of the tests.
    static let executable: String = {
        let tests = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        return tests.appendingPathComponent("hillock").path
    }()

    /// Runs the program to its end in a folder, with an environment that shows nothing of the machine's.
    init(_ arguments: [String], in folder: String, environment: [String: String] = [:]) throws {
        let process = try Self.start(arguments, in: folder, environment: environment)
        let errors = process.errors, output = process.output
        // Both are read at once: a full pipe would stop the program.
        let queue = DispatchQueue(label: "errors")
        nonisolated(unsafe) var errorData = Data()
        let group = DispatchGroup()
        queue.async(group: group) { errorData = errors.readDataToEndOfFile() }
        let outputData = output.readDataToEndOfFile()
        group.wait()
        process.process.waitUntilExit()
        status = process.process.terminationStatus
        self.output = String(decoding: outputData, as: UTF8.self)
        self.errors = String(decoding: errorData, as: UTF8.self)
    }

    /// Starts the program.
    static func start(
        _ arguments: [String], in folder: String, environment: [String: String] = [:]
    ) throws -> (process: Process, output: FileHandle, errors: FileHandle) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.environment = [
            "PATH": "/usr/bin:/bin", "HOME": folder, "HILLOCK_DATA": folder + "/data", "XDG_CACHE_HOME": folder + "/cache", "COLUMNS": "80",
        ].merging(environment) { $1 }
        let (output, errors) = (Pipe(), Pipe())
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        return (process, output.fileHandleForReading, errors.fileHandleForReading)
    }
}
