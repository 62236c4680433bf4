/// A strict reader of JSON (RFC 8259) for headers that come from outside.
///
/// Unlike Foundation's it keeps the members' order, refuses duplicate names, bounds the depth and says at which byte a text is wrong.
package struct JSONReader {
    private let bytes: ArraySlice<UInt8>
    private let file: String
    /// Where the text begins in the file, for messages.
    private let start: Int
    private var position: Int
    private let maximumDepth: Int

    /// Reads one value that fills the text but for white space around it.
    ///
    /// - Parameters:
    ///   - bytes: The text, UTF-8.
    ///   - file: The file's name, for messages.
    ///   - offset: Where the text begins in the file, for messages.
    /// - Throws: ``FormatError`` with the offset of the first wrong byte.
    package static func read(_ bytes: ArraySlice<UInt8>, file: String, offset: Int = 0, maximumDepth: Int = 32) throws -> JSONValue {
        var reader = JSONReader(bytes: bytes, file: file, start: offset, position: bytes.startIndex, maximumDepth: maximumDepth)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.peek == nil else { throw reader.failure("JSON text goes on after its value") }
        return value
    }

    private var peek: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    private var offset: Int { start + position - bytes.startIndex }

    private func failure(_ what: String, expected: String? = nil) -> FormatError {
        FormatError(file: file, what: peek == nil ? "JSON text ends" : what, at: .byte(offset), expected: expected)
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    private mutating func expect(_ byte: UInt8, _ name: String) throws {
        guard peek == byte else { throw failure("JSON text is wrong", expected: name) }
        position += 1
    }

    private mutating func value(depth: Int) throws -> JSONValue {
        guard depth < maximumDepth else { throw failure("JSON text is nested deeper than \(maximumDepth) levels") }
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return .number(try number())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: throw failure("JSON text is wrong", expected: "a value")
        }
    }

    private mutating func literal(_ text: String, _ value: JSONValue) throws -> JSONValue {
        guard bytes[position...].starts(with: text.utf8) else { throw failure("JSON text is wrong", expected: text) }
        position += text.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws -> JSONValue {
        position += 1
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        skipSpace()
        if peek == UInt8(ascii: "}") {
            position += 1
            return .object([])
        }
        while true {
            skipSpace()
            let place = offset
            guard peek == UInt8(ascii: "\"") else { throw failure("JSON text is wrong", expected: "a member's name in quotes") }
            let name = try string()
            guard names.insert(name).inserted else {
                throw FormatError(file: file, what: "JSON name \"\(name)\" appears twice in an object", at: .byte(place))
            }
            skipSpace()
            try expect(UInt8(ascii: ":"), "a colon")
            members.append(.init(name: name, offset: place, value: try value(depth: depth + 1)))
            skipSpace()
            if peek == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try expect(UInt8(ascii: "}"), "a comma or a closing brace")
            return .object(members)
        }
    }

    private mutating func array(depth: Int) throws -> JSONValue {
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        if peek == UInt8(ascii: "]") {
            position += 1
            return .array([])
        }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if peek == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try expect(UInt8(ascii: "]"), "a comma or a closing bracket")
            return .array(elements)
        }
    }

    private mutating func number() throws -> String {
        let begin = position
        if peek == UInt8(ascii: "-") { position += 1 }
        if peek == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        if peek == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            position += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        return String(decoding: bytes[begin..<position], as: UTF8.self)
    }

    private mutating func digits() throws {
        let begin = position
        while let byte = peek, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { position += 1 }
        guard position > begin else { throw failure("JSON number is wrong", expected: "a digit") }
    }

    private mutating func string() throws -> String {
        let place = offset
        position += 1
        var text: [UInt8] = []
        while true {
            guard let byte = peek else { throw failure("", expected: "a closing quote") }
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let result = String(validating: text, as: UTF8.self) else {
                    throw FormatError(file: file, what: "JSON string is not valid UTF-8", at: .byte(place))
                }
                return result
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &text)
            case 0..<0x20:
                throw failure("JSON string holds the control character \(hexadecimal(byte))", expected: "an escape")
            default:
                text.append(byte)
                position += 1
            }
        }
    }

    private mutating func escape(into text: inout [UInt8]) throws {
        guard let byte = peek else { throw failure("", expected: "an escape's letter") }
        let plain: [UInt8: UInt8] = [
            UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5c, UInt8(ascii: "/"): 0x2f, UInt8(ascii: "b"): 0x08,
            UInt8(ascii: "f"): 0x0c, UInt8(ascii: "n"): 0x0a, UInt8(ascii: "r"): 0x0d, UInt8(ascii: "t"): 0x09,
        ]
        if let character = plain[byte] {
            position += 1
            text.append(character)
            return
        }
        guard byte == UInt8(ascii: "u") else { throw failure("JSON escape is unknown", expected: "one of \" \\ / b f n r t u") }
        position += 1
        var code = try fourDigits()
        if 0xd800..<0xdc00 ~= code {
            // A character beyond 16 bits is two escapes, high half first.
            try expect(UInt8(ascii: "\\"), "the second half of a surrogate pair")
            try expect(UInt8(ascii: "u"), "the second half of a surrogate pair")
            let low = try fourDigits()
            guard 0xdc00..<0xe000 ~= low else { throw failure("JSON escape is wrong", expected: "the second half of a surrogate pair") }
            code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw failure("JSON escape is wrong", expected: "no lone surrogate") }
        text.append(contentsOf: String(scalar).utf8)
    }

    private mutating func fourDigits() throws -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("JSON escape is wrong", expected: "four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }
}
