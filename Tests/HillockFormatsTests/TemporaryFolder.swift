import Foundation
import HillockCore

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

/// A copy of an array's bytes.
func bytes(_ array: HostArray) -> [UInt8] {
    array.withBytes { Array($0) }
}

/// Whether two arrays have the same type, shape and bits.
func same(_ a: HostArray, _ b: HostArray) -> Bool {
    a.dtype == b.dtype && a.shape == b.shape && bytes(a) == bytes(b)
}
