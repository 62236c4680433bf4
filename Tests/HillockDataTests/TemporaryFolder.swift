import Foundation

/// A folder that is gone when its owner is.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/hillock-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in the folder.
    func file(_ name: String) -> String { path + "/" + name }

    /// Everything in the folder, hidden files too.
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
}

/// The one line that an operation fails with, or what to say if it does not.
func failure<Result>(_ body: () throws -> Result) -> String {
    do {
        _ = try body()
        return "(no error)"
    } catch {
        return "\(error)"
    }
}

/// The same of an asynchronous operation.
func failure<Result>(_ body: () async throws -> Result) async -> String {
    do {
        _ = try await body()
        return "(no error)"
    } catch {
        return "\(error)"
    }
}

/// The real data sets beside the package, `../shared/data`, or where `HILLOCK_SHARED` says; `nil` if they are not there.
let sharedData: String? = {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let folder =
        ProcessInfo.processInfo.environment["HILLOCK_SHARED"].map { $0 + "/data" }
        ?? package.deletingLastPathComponent().appendingPathComponent("shared/data").path
    return FileManager.default.fileExists(atPath: folder + "/mnist") ? folder : nil
}()
