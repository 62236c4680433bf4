import Glibc

/// An open file to read from: positions are explicit, so threads may share it.
///
/// Files are read, not memory-mapped: a mapped file that another program truncates would kill this one with a bus error.
package final class InputFile: Sendable {
    /// The path as the caller gave it.
    package let path: String
    /// Size in bytes when it was opened.
    package let byteCount: Int
    private let descriptor: Int32

    /// Opens a regular file for reading; throws ``FileError``.
    package init(path: String) throws {
        // Without O_NONBLOCK a named pipe would wait here for a writer, for ever.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError(path: path, action: "read", code: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw FileError(path: path, action: "read", code: code)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            throw FileError(path: path, action: "read", code: isFolder ? EISDIR : EINVAL, hint: isFolder ? nil : "it is not a regular file")
        }
        self.path = path
        self.byteCount = Int(status.st_size)
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Reads up to `buffer.count` bytes from `offset`; less only at the end of the file. Returns how many.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError(path: path, action: "read", code: errno)
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// The whole content of a file.
    package static func bytes(of path: String) throws -> [UInt8] {
        let file = try InputFile(path: path)
        return try [UInt8](unsafeUninitializedCapacity: file.byteCount) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
    }
}
