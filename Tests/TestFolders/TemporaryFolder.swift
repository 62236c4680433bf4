import Foundation

/// A folder that is gone when its owner is.
package final class TemporaryFolder: Sendable {
    /// Where it is.
    package let path: String

    package init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("hillock-tests-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in the folder.
    package func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file, and makes the folders above it.
    package func write(_ name: String, _ bytes: [UInt8] = []) throws {
        let url = URL(fileURLWithPath: file(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    /// Everything in the folder, hidden files too.
    package func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
}

/// The one line that an operation fails with, or what to say if it does not.
package func failure<Result>(_ body: () throws -> Result) -> String {
    do {
        _ = try body()
        return "(no error)"
    } catch {
        return "\(error)"
    }
}

/// The same of an asynchronous operation.
package func failure<Result>(_ body: () async throws -> Result) async -> String {
    do {
        _ = try await body()
        return "(no error)"
    } catch {
        return "\(error)"
    }
}
