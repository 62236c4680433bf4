import HillockCore

extension IDX {
    /// The format's element types, by their code in the magic number.
    enum ElementType: UInt8, CaseIterable {
        case unsignedByte = 0x08
        case signedByte = 0x09
        case short = 0x0b
        case int = 0x0c
        case float = 0x0d
        case double = 0x0e

        /// The type that holds the elements; `nil` where there is none.
        var dtype: DType? {
            switch self {
            case .unsignedByte: .uint8
            case .int: .int32
            case .float: .float32
            case .double: .float64
            case .signedByte, .short: nil
            }
        }

        /// The name in messages.
        var name: String {
            switch self {
            case .unsignedByte: "unsigned bytes"
            case .signedByte: "signed bytes"
            case .short: "16-bit integers"
            case .int: "32-bit integers"
            case .float: "32-bit floats"
            case .double: "64-bit floats"
            }
        }

        init?(_ dtype: DType) {
            guard let type = Self.allCases.first(where: { $0.dtype == dtype }) else { return nil }
            self = type
        }
    }

    /// Magic number and extents, checked against the length of the content.
    struct Header {
        let dtype: DType
        let shape: Shape
        /// Size of the header, where the elements begin.
        let byteCount: Int

        init(_ content: [UInt8], file: String, expecting expectation: Expectation?) throws {
            guard content.count >= 4 else {
                throw FormatError(
                    file: file, what: "IDX file ends", at: .byte(content.count), expected: "at least the 4 bytes of its magic number",
                    hint: "the file is truncated")
            }
            func word(at offset: Int) -> UInt32 { content[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } }
            let magic = word(at: 0)
            let wanted = expectation.flatMap(Header.magic(of:))
            guard magic >> 16 == 0, let type = ElementType(rawValue: content[2]), wanted == nil || magic == wanted?.number else {
                throw FormatError(
                    file: file, what: "IDX magic number", got: hexadecimal(magic), at: .byte(0),
                    expected: wanted?.text ?? "0x0000TTDD, with TT an element type and DD the number of dimensions",
                    hint: Header.hint(magic: magic, wanted: expectation))
            }
            guard let dtype = type.dtype else {
                throw FormatError(
                    file: file, what: "IDX element type", got: "\(hexadecimal(type.rawValue)) (\(type.name))", at: .byte(2),
                    expected: "unsigned bytes, 32-bit integers, 32-bit floats or 64-bit floats")
            }
            let rank = Int(content[3])
            byteCount = 4 + 4 * rank
            guard content.count >= byteCount else {
                throw FormatError(
                    file: file, what: "IDX file ends", at: .byte(content.count),
                    expected: "\(byteCount) bytes of header for \(rank) dimensions",
                    hint: "the file is truncated")
            }
            shape = Shape((0..<rank).map { Int(word(at: 4 + 4 * $0)) })
            self.dtype = dtype
            let present = content.count - byteCount
            guard let needed = shape.checkedByteCount(of: dtype) else {
                throw FormatError(file: file, what: "IDX extents \(shape) overflow", at: .byte(4), hint: "the file is damaged")
            }
            guard present == needed else {
                throw FormatError(
                    file: file, what: "IDX content", got: "\(present) bytes long", at: .byte(byteCount),
                    expected: "\(needed) bytes for \(type.name) of shape \(shape)",
                    hint: present < needed ? "the file is truncated" : "the file has trailing bytes")
            }
        }

        private static func magic(of expectation: Expectation) -> (number: UInt32, text: String)? {
            guard let type = ElementType(expectation.dtype) else { return nil }
            let number = UInt32(type.rawValue) << 8 | UInt32(clamping: expectation.rank)
            let dimensions = expectation.rank == 1 ? "1 dimension" : "\(expectation.rank) dimensions"
            return (number, "\(hexadecimal(number)) (\(type.name), \(dimensions))")
        }

        /// The commonest mistake is to have images and labels the wrong way round.
        private static func hint(magic: UInt32, wanted: Expectation?) -> String? {
            switch (magic, wanted) {
            case (0x801, .images?): "this is a file of labels"
            case (0x803, .labels?): "this is a file of images"
            default: nil
            }
        }
    }
}
