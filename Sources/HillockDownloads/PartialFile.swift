import Foundation
import HillockFormats

/// `NAME.part`: what has come so far of a download, kept when it is interrupted and locked while it runs.
final class PartialFile {
    let path: String
    private(set) var byteCount = 0
    private let descriptor: Int32

    /// Opens or creates the file; throws ``DownloadError/busy(file:)`` if another download holds it.
    init(for target: String) throws {
        path = target + ".part"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw FileError(path: path, action: "write", code: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            throw code == EWOULDBLOCK ? DownloadError.busy(file: target) as any Error : FileError(path: path, action: "lock", code: code)
        }
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else {
            let code = errno
            close(descriptor)
            throw FileError(path: path, action: "read", code: code)
        }
        byteCount = Int(end)
    }

    deinit { close(descriptor) }

    /// Appends bytes.
    func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = write(descriptor, rest.baseAddress!, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError(path: path, action: "write", code: errno, hint: "what has come so far is kept; run the same command again")
            }
            byteCount += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Forgets what has come so far.
    func clear() throws {
        guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
            throw FileError(path: path, action: "write", code: errno)
        }
        byteCount = 0
    }

    /// Removes the file when nothing of it is worth keeping.
    func remove() { unlink(path) }

    /// Flushes the file and gives it its final name.
    func complete(as target: String) throws {
        guard fsync(descriptor) == 0 else { throw FileError(path: path, action: "write", code: errno) }
        guard rename(path, target) == 0 else { throw FileError(path: target, action: "write", code: errno) }
        AtomicFile.flushFolder(FilePath.parent(of: target))
    }
}
