import Foundation
import HillockFormats
import TestFolders
import Testing

@Suite struct GzipTests {
    let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 7) }

    @Test func roundTrip() throws {
        for size in [0, 1, 65_535, 65_536, 300_000] {
            let bytes = Array(content.prefix(size))
            #expect(try Gzip.decompress(Gzip.compress(bytes), file: "x.gz") == bytes)
        }
    }

    @Test func sameBytesEachTime() {
        #expect(Gzip.compress(content, level: 9) == Gzip.compress(content, level: 9))
    }

    @Test func severalMembers() throws {
        let bytes = Gzip.compress(Array("one ".utf8)) + Gzip.compress([]) + Gzip.compress(Array("two".utf8))
        #expect(try String(decoding: Gzip.decompress(bytes, file: "x.gz"), as: UTF8.self) == "one two")
    }

    @Test func pieceByPiece() throws {
        let compressed = Gzip.compress(content) + Gzip.compress(content)
        for size in [1, 7, 4096] {
            let decompressor = GzipDecompressor(file: "x.gz")
            var result: [UInt8] = []
            for start in stride(from: 0, to: compressed.count, by: size) {
                let piece = Array(compressed[start..<min(start + size, compressed.count)])
                try piece.withUnsafeBytes { try decompressor.feed($0) { result.append(contentsOf: $0) } }
            }
            try decompressor.finish()
            #expect(result == content + content)
        }
    }

    @Test func messages() throws {
        let hello = Gzip.compress(Array("hello".utf8))
        func message(_ bytes: [UInt8], limit: Int = 100) -> String { failure { try Gzip.decompress(bytes, file: "x.gz", limit: limit) } }
        #expect(message([]) == "x.gz: gzip data ends in the middle of its content at byte 0; the file is truncated: download it again")
        #expect(
            message(hello.dropLast())
                == "x.gz: gzip data ends in the middle of its content at byte 24; the file is truncated: download it again")
        #expect(message(Array("plain text".utf8)) == "x.gz: not gzip data at byte 0, expected the bytes 1f 8b")
        #expect(message(hello + [0x20]) == "x.gz: data after the end of the gzip content at byte 25; download the file again")
        var damaged = hello
        damaged[18] ^= 1
        #expect(message(damaged) == "x.gz: gzip data is damaged (incorrect data check) at byte 21; download the file again")
        #expect(
            message(Gzip.compress([UInt8](repeating: 0, count: 101)))
                == "x.gz: gzip content is larger than the limit of 100 bytes; the file is damaged or is not what it claims to be")
        #expect(message(Gzip.compress([UInt8](repeating: 0, count: 100))) == "(no error)")
    }

    @Test func everyTruncationThrows() throws {
        let bytes = Gzip.compress(Array(content.prefix(500)))
        for count in 0..<bytes.count {
            #expect(throws: FormatError.self) { try Gzip.decompress(Array(bytes.prefix(count)), file: "x.gz") }
        }
    }
}
