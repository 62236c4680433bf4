import Foundation
import HillockFormats

/// The folder that a run keeps its files in.
public struct RunFolder: Sendable, Hashable {
    /// Its path.
    public let path: String

    /// The folder at a path, which need not exist.
    public init(_ path: String) { self.path = path }

    /// What the run continues from when it is interrupted.
    public var checkpoint: String { file("checkpoint.safetensors") }
    /// What the run has learned.
    public var weights: String { file("weights.safetensors") }
    /// The page for people.
    public var report: String { file("report.html") }
    /// The report's content for programs.
    public var record: String { file("report.json") }

    private func file(_ name: String) -> String { (path as NSString).appendingPathComponent(name) }

    /// Whether it holds files of a run.
    public var holdsRun: Bool { [checkpoint, weights, report, record].contains { FileManager.default.fileExists(atPath: $0) } }

    /// Whether the folder is there.
    public var exists: Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// Makes the folder, and those above it.
    /// - Throws: ``FileError``
    public func create() throws {
        var done = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            done += part
            if mkdir(done, 0o777) != 0, errno != EEXIST { throw FileError(path: path, action: "create", code: errno) }
            done += "/"
        }
        guard exists else { throw FileError(path: path, action: "create", code: EEXIST, hint: "it is a file, not a folder") }
    }

    /// Keeps other processes from training in the folder at the same time, for as long as what is returned lives.
    /// - Throws: ``DigitError/busy(folder:)``
    public func lock() throws -> Lock {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(path: path, action: "read", code: errno) }
        // File systems without locks say so by another error; better no lock than no training.
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            close(descriptor)
            throw DigitError.busy(folder: path)
        }
        removeLeftovers()
        return Lock(descriptor: descriptor)
    }

    /// Held while a process trains in a folder; the system gives it up when the process ends, however it ends.
    public final class Lock: Sendable {
        private let descriptor: Int32

        fileprivate init(descriptor: Int32) { self.descriptor = descriptor }

        deinit { close(descriptor) }
    }

    /// Removes what a process that was killed while it wrote a file had written of it.
    private func removeLeftovers() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        where name.hasPrefix(".hillock-") && name.hasSuffix(".tmp") {
            unlink(file(name))
        }
    }

    /// Makes the first of `runs/NAME-1`, `runs/NAME-2` … that is not there yet.
    /// - Throws: ``FileError``
    public static func createNext(named name: String, in parent: String = "runs") throws -> RunFolder {
        try RunFolder(parent).create()
        var number = 1
        while true {
            let folder = RunFolder("\(parent)/\(name)-\(number)")
            // Making it is the test, so that two runs that begin at once get two folders.
            if mkdir(folder.path, 0o777) == 0 { return folder }
            guard errno == EEXIST else { throw FileError(path: folder.path, action: "create", code: errno) }
            number += 1
        }
    }

    /// The run whose weights were written last; `nil` when there is none.
    public static func latest(in parent: String = "runs") -> RunFolder? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        let runs = names.sorted().compactMap { name -> (folder: RunFolder, time: Double)? in
            let folder = RunFolder("\(parent)/\(name)")
            var status = stat()
            guard stat(folder.weights, &status) == 0 else { return nil }
            return (folder, Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9)
        }
        return runs.max { $0.time < $1.time }?.folder
    }
}
