import ZlibLibrary

/// Decompresses gzip data piece by piece, for files that are not to be held in memory whole.
///
///     let decompressor = GzipDecompressor(file: "digits.gz")
///     while let piece = … { try decompressor.feed(piece) { content in … } }
///     try decompressor.finish()
public final class GzipDecompressor {
    private let file: String
    private let limit: Int
    /// zlib keeps a pointer back to its stream, so the stream needs an address that does not change.
    private let stream: UnsafeMutablePointer<z_stream>
    private let output: UnsafeMutableBufferPointer<UInt8>
    private var consumed = 0
    private var produced = 0
    private var isInMember = false
    private var members = 0

    /// - Parameters:
    ///   - file: The file's name, for messages.
    ///   - limit: The most bytes to make.
    public init(file: String, limit: Int = Gzip.defaultLimit) {
        self.file = file
        self.limit = limit
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        output = .allocate(capacity: 1 << 17)
        let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { fatalError("zlib cannot set up a decompressor") }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        output.deallocate()
    }

    /// Takes the next piece of the compressed file and hands on what it holds.
    public func feed(_ piece: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var rest = piece
        while !rest.isEmpty {
            if !isInMember, members > 0 {
                // Another member may follow; anything else is not part of a gzip file.
                guard rest[0] == 0x1f else {
                    throw FormatError(
                        file: file, what: "data after the end of the gzip content", at: .byte(consumed), hint: "download the file again")
                }
                inflateReset(stream)
            }
            isInMember = true
            let count = min(rest.count, 1 << 30)
            stream.pointee.next_in = UnsafeMutablePointer(mutating: rest.baseAddress!.assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = UInt32(count)
            var status: Int32
            repeat {
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(output.count)
                status = inflate(stream, Z_NO_FLUSH)
                let made = output.count - Int(stream.pointee.avail_out)
                if status != Z_OK, status != Z_STREAM_END, status != Z_BUF_ERROR {
                    throw damage(status: status, at: consumed + count - Int(stream.pointee.avail_in))
                }
                guard made <= limit - produced else {
                    throw FormatError(
                        file: file, what: "gzip content is larger than the limit of \(limit) bytes",
                        hint: "the file is damaged or is not what it claims to be")
                }
                produced += made
                if made > 0 { try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(output)[..<made])) }
            } while status == Z_OK && (stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0)
            let used = count - Int(stream.pointee.avail_in)
            consumed += used
            rest = UnsafeRawBufferPointer(rebasing: rest[used...])
            if status == Z_STREAM_END {
                isInMember = false
                members += 1
            } else if used == 0 {
                throw damage(status: status, at: consumed)
            }
        }
    }

    /// Says that the file has ended; throws if its content has not.
    public func finish() throws {
        guard isInMember || members == 0 else { return }
        throw FormatError(
            file: file, what: "gzip data ends in the middle of its content", at: .byte(consumed),
            hint: "the file is truncated: download it again")
    }

    private func damage(status: Int32, at offset: Int) -> FormatError {
        if members == 0, produced == 0, stream.pointee.total_out == 0, offset <= 2 {
            return FormatError(file: file, what: "not gzip data", at: .byte(0), expected: "the bytes 1f 8b")
        }
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "code \(status)"
        return FormatError(file: file, what: "gzip data is damaged (\(reason))", at: .byte(offset), hint: "download the file again")
    }
}
