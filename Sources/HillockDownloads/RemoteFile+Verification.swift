import Crypto
import HillockFormats

extension RemoteFile {
    /// What a check of a file found.
    enum Verdict: Equatable {
        case right
        /// The file has another SHA-256, or cannot be decompressed: `found` says which.
        case wrong(found: String, expected: String)
    }

    /// Compares a file's SHA-256 with the expected one, reading it in pieces.
    ///
    /// A content checksum is that of the decompressed file where the file is compressed, and of the file itself where it is not.
    func verify(_ path: String) throws -> Verdict {
        switch checksum {
        case .sha256(let expected):
            let found = try RemoteFile.digest(of: path, decompressing: false)
            return found == expected.lowercased() ? .right : .wrong(found: found, expected: expected)
        case .contentSHA256(let expected):
            do {
                let found = try RemoteFile.digest(of: path, decompressing: true)
                return found == expected.lowercased() ? .right : .wrong(found: found, expected: expected)
            } catch let error as FormatError {
                return .wrong(found: "unknown (\(error.what))", expected: expected)
            }
        }
    }

    private static func digest(of path: String, decompressing: Bool) throws -> String {
        let file = try InputFile(path: path)
        var hash = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        var offset = 0
        var decompressor: GzipDecompressor?
        while true {
            try Task.checkCancellation()
            let count = try file.read(into: buffer, at: offset)
            guard count > 0 else { break }
            let piece = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count])
            if offset == 0, decompressing, Gzip.isCompressed(piece) { decompressor = GzipDecompressor(file: path) }
            if let decompressor {
                try decompressor.feed(piece) { hash.update(bufferPointer: $0) }
            } else {
                hash.update(bufferPointer: piece)
            }
            offset += count
        }
        try decompressor?.finish()
        return hash.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
