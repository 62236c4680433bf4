import ZlibLibrary

/// Compressed data as the `gzip` program writes it (RFC 1952), by zlib.
public enum Gzip {
    /// The most that ``decompress(_:file:limit:)`` gives unless told otherwise: 4 GiB.
    public static let defaultLimit = 1 << 32

    /// Whether data begins with gzip's two magic bytes.
    public static func isCompressed(_ bytes: some Sequence<UInt8>) -> Bool {
        bytes.prefix(2).elementsEqual([0x1f, 0x8b])
    }

    /// The content of gzip data of one or more members.
    ///
    /// - Parameters:
    ///   - bytes: The compressed file.
    ///   - file: Its name, for messages.
    ///   - limit: The most bytes to make: a small file can hold a thousand times its size.
    /// - Throws: ``FormatError`` when the data is truncated, damaged, followed by something else, or holds more than `limit`.
    public static func decompress(_ bytes: [UInt8], file: String, limit: Int = defaultLimit) throws -> [UInt8] {
        var content: [UInt8] = []
        // The last four bytes give the size of a single member modulo 2^32: a hint only, never believed beyond deflate's best ratio.
        if bytes.count >= 18 {
            let hint = bytes.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            content.reserveCapacity(min(hint, limit, bytes.count &* 1032, 1 << 28))
        }
        let decompressor = GzipDecompressor(file: file, limit: limit)
        try bytes.withUnsafeBytes { try decompressor.feed($0) { content.append(contentsOf: $0) } }
        try decompressor.finish()
        return content
    }

    /// The bytes as one gzip member without name and time, so that the same bytes give the same result.
    ///
    /// - Parameter level: 0 (stored) to 9 (smallest).
    public static func compress(_ bytes: [UInt8], level: Int32 = 6) -> [UInt8] {
        var stream = z_stream()
        // 15 bits of window, + 16 for a gzip header; the only failures are a bad level and memory.
        guard
            deflateInit2_(
                &stream, max(0, min(level, 9)), Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { fatalError("zlib cannot set up a compressor") }
        defer { deflateEnd(&stream) }
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        bytes.withUnsafeBufferPointer { input in
            var consumed = 0
            var status = Z_OK
            while status != Z_STREAM_END {
                let piece = min(input.count - consumed, 1 << 30)  // zlib counts in 32 bits
                stream.next_in = input.baseAddress.map { UnsafeMutablePointer(mutating: $0 + consumed) }
                stream.avail_in = UInt32(piece)
                let last = consumed + piece == input.count
                chunk.withUnsafeMutableBufferPointer { output in
                    stream.next_out = output.baseAddress
                    stream.avail_out = UInt32(output.count)
                    status = deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH)
                    result.append(contentsOf: output[..<(output.count - Int(stream.avail_out))])
                }
                consumed += piece - Int(stream.avail_in)
            }
        }
        return result
    }
}
