import Glibc

/// Compiled programs on disk, so that the next process need not compile them again.
///
/// A file holds one; its name is the hash of everything that the compiled code depends on, and the whole of that stands in it too. What is
/// damaged, of another make or for something else is passed over, and replaced when the program has been compiled. Without a place to write
/// (`HILLOCK_EXECUTABLES=off`, no home folder, a full disk) programs are compiled in every process.
package struct ExecutableStore: Sendable {
    /// The store that plans made in this task use.
    @TaskLocal package static var current = ExecutableStore(folder: ExecutableStore.defaultFolder)

    /// Where the files are; nothing is kept without it.
    package let folder: String?
    /// All files together may have this many bytes; those that were not used for the longest time go first.
    package let capacity: Int

    /// A store in a folder.
    package init(folder: String?, capacity: Int = 2 << 30) {
        self.folder = folder
        self.capacity = capacity
    }

    /// `$XDG_CACHE_HOME/hillock/executables`, or under `~/.cache`; `HILLOCK_EXECUTABLES` names another folder, or is `off`.
    private static var defaultFolder: String? {
        if let chosen = Environment.variable("HILLOCK_EXECUTABLES") { return chosen == "off" ? nil : chosen }
        return Environment.folder("XDG_CACHE_HOME", under: ".cache").map { "\($0)/hillock/executables" }
    }

    /// What compiled code depends on.
    package struct Key: Sendable {
        /// The plugin and the device, in words: a line each.
        package let place: String
        /// Hash of the program's text and options.
        package let program: UInt128

        /// A key of these parts.
        package init(place: String, text: String, options: [UInt8]) {
            self.place = place
            var hash = Self.hash(Array(text.utf8), from: Self.basis)
            hash = Self.hash(options, from: hash)
            program = hash
        }

        /// What the file's first lines say.
        fileprivate var header: [UInt8] {
            Array("hillock executable 1\n\(place)\nprogram \(String(program, radix: 16))\n\n".utf8)
        }

        /// The file's name.
        package var name: String { String(Self.hash(header, from: Self.basis), radix: 36) + ".executable" }

        private static let basis: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d

        /// FNV-1a with 128 bits (Fowler, Noll, Vo).
        fileprivate static func hash(_ bytes: [UInt8], from start: UInt128) -> UInt128 {
            bytes.withUnsafeBufferPointer { bytes in
                var hash = start
                for byte in bytes { hash = (hash ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013b }
                return hash
            }
        }

        /// A sum that damage does not leave as it is.
        fileprivate static func checksum(_ bytes: [UInt8]) -> [UInt8] {
            let sum = hash(bytes, from: basis)
            return (0..<16).map { UInt8(truncatingIfNeeded: sum >> UInt128(8 * $0)) }
        }
    }

    /// The compiled program of a key, if there is one that is whole.
    package func read(_ key: Key) -> [UInt8]? {
        guard let path = path(key), let bytes = Self.contents(of: path) else { return nil }
        let header = key.header
        guard bytes.count > header.count + 16, bytes.starts(with: header) else { return nil }
        let content = Array(bytes[(header.count + 16)...])
        guard bytes[header.count..<header.count + 16].elementsEqual(Key.checksum(content)) else { return nil }
        // Its last use, for those who make room.
        utimensat(AT_FDCWD, path, nil, 0)
        return content
    }

    /// Keeps a compiled program; says nothing where that is not possible, since it was to save time only.
    package func write(_ content: [UInt8], for key: Key) {
        guard let folder, let path = path(key), content.count <= capacity, FileSearch.makeFolder(folder) else { return }
        let temporary = "\(folder)/.\(getpid())-\(UInt32.random(in: 0 ... .max)).tmp"
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard file >= 0 else { return }
        let bytes = key.header + Key.checksum(content) + content
        let isWritten = bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = Glibc.write(file, bytes.baseAddress! + done, bytes.count - done)
                if count < 0, errno == EINTR { continue }
                if count <= 0 { return false }
                done += count
            }
            return true
        }
        // Another process sees the old file or the new one, never half of one.
        if close(file) != 0 || !isWritten || rename(temporary, path) != 0 { unlink(temporary) }
        makeRoom()
    }

    private func path(_ key: Key) -> String? { folder.map { "\($0)/\(key.name)" } }

    /// Removes files until the rest is within the capacity, and what a process that was ended left half written.
    private func makeRoom() {
        guard let folder else { return }
        var files: [(path: String, size: Int, time: Int)] = []
        for path in FileSearch.matches("\(folder)/*.executable") {
            var status = stat()
            guard stat(path, &status) == 0 else { continue }
            files.append((path, Int(status.st_size), status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec))
        }
        var total = files.reduce(0) { $0 + $1.size }
        for file in files.sorted(by: { $0.time < $1.time }) where total > capacity {
            unlink(file.path)
            total -= file.size
        }
        let hourAgo = time(nil) - 3600
        for path in FileSearch.matches("\(folder)/.*.tmp") {
            var status = stat()
            if stat(path, &status) == 0, status.st_mtim.tv_sec < hourAgo { unlink(path) }
        }
    }

    private static func contents(of path: String) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size > 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let size = Int(status.st_size)
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let read = Glibc.read(file, buffer.baseAddress! + count, size - count)
                if read < 0, errno == EINTR { continue }
                if read <= 0 { break }
                count += read
            }
        }
        return bytes.count == size ? bytes : nil
    }
}
