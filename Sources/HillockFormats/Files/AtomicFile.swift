import Glibc

/// Writes files so that a reader, a crash or a full disk never sees half of one.
///
/// The bytes go to a temporary file in the same folder, which is flushed to the disk and then renamed over the old one; the folder is
/// flushed too. Whatever fails on the way, the old file stands as it was and the temporary one is removed.
public enum AtomicFile {
    /// Creates or replaces a file with what `body` writes.
    ///
    /// An existing file keeps its permissions, and a symbolic link keeps pointing to the file that is replaced.
    /// Throws ``FileError`` for what the system refuses, and whatever `body` throws.
    public static func write(to path: String, _ body: (inout Output) throws -> Void) throws {
        let target = resolvingLink(path)
        let folder = FilePath.parent(of: target)
        var status = stat()
        let exists = stat(target, &status) == 0
        if exists, status.st_mode & S_IFMT == S_IFDIR { throw FileError(path: path, action: "write", code: EISDIR) }
        // A link's target may be a device such as /dev/null: renaming over it would replace the device.
        if exists, status.st_mode & S_IFMT != S_IFREG {
            throw FileError(path: path, action: "write", code: EINVAL, hint: "it is not a regular file")
        }
        let hint = exists ? "the file is as it was before" : nil
        func failure(_ code: Int32) -> FileError { FileError(path: path, action: "write", code: code, hint: hint) }

        let name = ".hillock-\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 36)).tmp"
        let temporary = FilePath.join(folder, name)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(errno) }
        var isOpen = true
        do {
            var output = Output(path: path, descriptor: descriptor, hint: hint)
            try body(&output)
            try output.flush()
            if exists, fchmod(descriptor, status.st_mode & 0o777) != 0 { throw failure(errno) }
            if fsync(descriptor) != 0 { throw failure(errno) }
            isOpen = false
            // Network file systems may report a full disk only here.
            if close(descriptor) != 0 { throw failure(errno) }
            if rename(temporary, target) != 0 { throw failure(errno) }
        } catch {
            if isOpen { close(descriptor) }
            unlink(temporary)
            throw error
        }
        flushFolder(folder)
    }

    /// Creates or replaces a file with these bytes.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { output in try bytes.withUnsafeBytes { try output.write($0) } }
    }

    /// Creates or replaces a file with this text, as UTF-8.
    public static func write(_ text: String, to path: String) throws {
        try write(Array(text.utf8), to: path)
    }

    /// Flushes a folder, so that a rename in it survives a power cut. Some file systems refuse this; the file itself is safe by then.
    package static func flushFolder(_ folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func resolvingLink(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

extension AtomicFile {
    /// Where the body of an atomic write puts its bytes.
    public struct Output: ~Copyable {
        /// Bytes written so far.
        public private(set) var byteCount = 0
        private let path: String
        private let descriptor: Int32
        private let hint: String?
        private var pending: [UInt8] = []

        fileprivate init(path: String, descriptor: Int32, hint: String?) {
            self.path = path
            self.descriptor = descriptor
            self.hint = hint
        }

        /// Appends bytes.
        public mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
            byteCount += bytes.count
            // Small pieces are gathered: a checkpoint of many scalars is not many system calls.
            if pending.count + bytes.count <= 1 << 16 {
                pending.append(contentsOf: bytes)
            } else {
                try flush()
                try writeThrough(bytes)
            }
        }

        /// Appends bytes.
        public mutating func write(_ bytes: [UInt8]) throws {
            try bytes.withUnsafeBytes { try write($0) }
        }

        fileprivate mutating func flush() throws {
            let bytes = pending
            pending.removeAll(keepingCapacity: true)
            try bytes.withUnsafeBytes { try writeThrough($0) }
        }

        private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws {
            var rest = bytes
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress!, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw FileError(path: path, action: "write", code: errno, hint: hint)
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}
