import HillockCore

/// The header of a safetensors file, checked against the file's size.
struct SafetensorsHeader {
    /// In the order of their bytes.
    let entries: [SafetensorsFile.Entry]
    let metadata: [String: String]

    /// The JSON text's length out of the first 8 bytes, checked against the format's limit and the file's size.
    static func length(_ start: [UInt8], fileByteCount: Int, file: String) throws -> Int {
        guard start.count == 8 else {
            throw FormatError(
                file: file, what: "safetensors file ends", at: .byte(start.count), expected: "8 bytes of header length",
                hint: "the file is truncated or is not a safetensors file")
        }
        let length = start.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(Safetensors.maximumHeaderByteCount) else {
            throw FormatError(
                file: file, what: "safetensors header length", got: "\(length)", at: .byte(0),
                expected: "at most \(Safetensors.maximumHeaderByteCount)", hint: "this is not a safetensors file")
        }
        guard Int(length) <= fileByteCount - 8 else {
            throw FormatError(
                file: file, what: "safetensors header length", got: "\(length)", at: .byte(0),
                expected: "at most the \(fileByteCount - 8) bytes that follow", hint: "the file is truncated or is not a safetensors file")
        }
        return Int(length)
    }

    /// - Parameter text: The JSON text, which begins at byte 8 of the file.
    init(_ text: ArraySlice<UInt8>, fileByteCount: Int, file: String) throws {
        guard text.first == UInt8(ascii: "{") else {
            throw FormatError(
                file: file, what: "safetensors header", got: text.first.map { "a text that begins with \(hexadecimal($0))" } ?? "empty",
                at: .byte(8), expected: "a JSON object", hint: "this is not a safetensors file")
        }
        guard case .object(let members) = try JSONReader.read(text, file: file, offset: 8, maximumDepth: 8) else {
            throw FormatError(file: file, what: "safetensors header", got: "no object", at: .byte(8), expected: "a JSON object")
        }
        let dataStart = 8 + text.count
        var entries: [SafetensorsFile.Entry] = []
        var metadata: [String: String] = [:]
        for member in members {
            if member.name == Safetensors.metadataName {
                metadata = try Self.metadata(member, file: file)
            } else {
                entries.append(try Self.entry(member, dataStart: dataStart, fileByteCount: fileByteCount, file: file))
            }
        }
        entries.sort { a, b in
            (a.byteRange.lowerBound, a.byteRange.upperBound) != (b.byteRange.lowerBound, b.byteRange.upperBound)
                ? (a.byteRange.lowerBound, a.byteRange.upperBound) < (b.byteRange.lowerBound, b.byteRange.upperBound)
                : a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
        }
        try Self.checkCoverage(entries, dataStart: dataStart, fileByteCount: fileByteCount, file: file)
        self.entries = entries
        self.metadata = metadata
    }

    private static func metadata(_ member: JSONValue.Member, file: String) throws -> [String: String] {
        guard case .object(let pairs) = member.value else {
            throw FormatError(
                file: file, what: "\(Safetensors.metadataName)", got: member.value.kind, at: .byte(member.offset),
                expected: "an object of strings")
        }
        var result: [String: String] = [:]
        for pair in pairs {
            guard case .string(let text) = pair.value else {
                throw FormatError(
                    file: file, what: "metadata \"\(pair.name)\"", got: pair.value.kind, at: .byte(pair.offset), expected: "a string")
            }
            result[pair.name] = text
        }
        return result
    }

    private static func entry(_ member: JSONValue.Member, dataStart: Int, fileByteCount: Int, file: String) throws -> SafetensorsFile.Entry
    {
        func failure(_ what: String, got: String? = nil, expected: String? = nil, hint: String? = nil) -> FormatError {
            FormatError(
                file: file, what: "tensor \"\(member.name)\": \(what)", got: got, at: .byte(member.offset), expected: expected, hint: hint)
        }
        guard case .object(let fields) = member.value else {
            throw failure("its description", got: member.value.kind, expected: "an object with dtype, shape and data_offsets")
        }
        if let unknown = fields.first(where: { !["dtype", "shape", "data_offsets"].contains($0.name) }) {
            throw failure("unknown field \"\(unknown.name)\"", expected: "dtype, shape and data_offsets")
        }
        func field(_ name: String) throws -> JSONValue {
            guard let field = fields.first(where: { $0.name == name }) else { throw failure("field \(name) is missing") }
            return field.value
        }
        guard case .string(let typeName) = try field("dtype") else {
            throw failure("dtype", got: try field("dtype").kind, expected: "a string")
        }
        guard let dtype = Safetensors.dtype(named: typeName) else {
            let known = DType.allCases.map(Safetensors.name).joined(separator: ", ")
            throw failure(
                "dtype", got: typeName, expected: "one of \(known)", hint: "convert the tensor to one of these where it was saved")
        }
        let shape = Shape(try wholeNumbers(field("shape")) { failure("shape", got: $0, expected: "an array of whole numbers") })
        let offsets = try wholeNumbers(field("data_offsets")) { failure("data_offsets", got: $0, expected: "two whole numbers") }
        guard offsets.count == 2 else { throw failure("data_offsets", got: "\(offsets.count) numbers", expected: "two whole numbers") }
        guard offsets[0] <= offsets[1], offsets[1] <= fileByteCount - dataStart else {
            throw failure(
                "data_offsets", got: "\(offsets)", expected: "a range within the \(fileByteCount - dataStart) bytes of data",
                hint: "the file is truncated or damaged")
        }
        guard let needed = shape.checkedByteCount(of: dtype) else { throw failure("shape \(shape) overflows") }
        guard needed == offsets[1] - offsets[0] else {
            throw failure(
                "data_offsets", got: "\(offsets), \(offsets[1] - offsets[0]) bytes",
                expected: "\(needed) bytes for \(typeName) of shape \(shape)")
        }
        return .init(name: member.name, dtype: dtype, shape: shape, byteRange: dataStart + offsets[0]..<dataStart + offsets[1])
    }

    private static func wholeNumbers(_ value: JSONValue, _ failure: (String) -> FormatError) throws -> [Int] {
        guard case .array(let elements) = value else { throw failure(value.kind) }
        return try elements.map { element in
            guard case .number(let text) = element, text.first != "-", let number = Int(text) else {
                throw failure("holding \(element.kind)")
            }
            return number
        }
    }

    private static func checkCoverage(_ entries: [SafetensorsFile.Entry], dataStart: Int, fileByteCount: Int, file: String) throws {
        var end = dataStart
        for entry in entries {
            guard entry.byteRange.lowerBound == end else {
                let overlaps = entry.byteRange.lowerBound < end
                throw FormatError(
                    file: file,
                    what: overlaps
                        ? "tensor \"\(entry.name)\" overlaps the one before it" : "there is a gap before tensor \"\(entry.name)\"",
                    at: .byte(min(end, entry.byteRange.lowerBound)), hint: "the file is damaged")
            }
            end = entry.byteRange.upperBound
        }
        guard end == fileByteCount else {
            throw FormatError(
                file: file, what: "\(fileByteCount - end) bytes follow the last tensor", at: .byte(end), hint: "the file is damaged")
        }
    }
}
