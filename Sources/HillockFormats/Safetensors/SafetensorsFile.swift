import HillockCore

/// A safetensors file opened for reading: its header is read and checked at once, each tensor when it is asked for.
///
/// The header is held to the format's rules: known element types, no duplicate names, and offsets that cover the data from its first byte to
/// its last with neither gaps nor overlaps.
public final class SafetensorsFile: Sendable {
    /// What the header says of one tensor.
    public struct Entry: Sendable, Hashable {
        /// Its name, such as `hidden.weight`.
        public let name: String
        /// Type of its elements.
        public let dtype: DType
        /// Its extents.
        public let shape: Shape
        /// Its bytes, from the start of the file.
        public let byteRange: Range<Int>
    }

    /// The file, as the caller named it.
    public let path: String
    /// The tensors, in the order of their bytes in the file.
    public let entries: [Entry]
    /// The header's free-form strings.
    public let metadata: [String: String]
    private let indices: [String: Int]
    private let source: Source

    private enum Source {
        case file(InputFile)
        case bytes([UInt8])
    }

    /// Opens a file and checks its header.
    ///
    /// - Throws: ``FileError`` if it cannot be read, ``FormatError`` if it is not what it should be.
    public convenience init(path: String) throws {
        let file = try InputFile(path: path)
        let start = try [UInt8](unsafeUninitializedCapacity: min(8, file.byteCount)) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
        let length = try SafetensorsHeader.length(start, fileByteCount: file.byteCount, file: path)
        let text = try [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 8)
        }
        guard text.count == length else { throw SafetensorsFile.truncated(path) }
        try self.init(path: path, header: SafetensorsHeader(text[...], fileByteCount: file.byteCount, file: path), source: .file(file))
    }

    /// Reads a file that is in memory; `file` is its name for messages.
    public convenience init(bytes: [UInt8], file: String) throws {
        let length = try SafetensorsHeader.length(Array(bytes.prefix(8)), fileByteCount: bytes.count, file: file)
        let header = try SafetensorsHeader(bytes[8..<8 + length], fileByteCount: bytes.count, file: file)
        self.init(path: file, header: header, source: .bytes(bytes))
    }

    private init(path: String, header: SafetensorsHeader, source: Source) {
        self.path = path
        self.source = source
        entries = header.entries
        metadata = header.metadata
        indices = Dictionary(uniqueKeysWithValues: header.entries.enumerated().map { ($1.name, $0) })
    }

    /// The tensors' names, in the order of their bytes in the file.
    public var names: [String] { entries.map(\.name) }

    /// What the header says of a tensor, or `nil` if the file has none of the name.
    public func entry(named name: String) -> Entry? { indices[name].map { entries[$0] } }

    /// Reads one tensor.
    ///
    /// - Throws: ``FormatError`` if the file has none of the name, has become shorter, or a `BOOL` is neither 0 nor 1; ``FileError`` if it
    ///   cannot be read.
    public func array(named name: String) throws -> HostArray {
        guard let entry = entry(named: name) else {
            throw FormatError(file: path, what: "there is no tensor named \"\(name)\" among the file's \(entries.count)")
        }
        return try array(of: entry)
    }

    /// Reads all tensors.
    public func arrays() throws -> [String: HostArray] {
        var result: [String: HostArray] = [:]
        for entry in entries { result[entry.name] = try array(of: entry) }
        return result
    }

    private func array(of entry: Entry) throws -> HostArray {
        try HostArray(dtype: entry.dtype, shape: entry.shape) { target in
            switch source {
            case .bytes(let bytes):
                bytes.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[entry.byteRange])) }
            case .file(let file):
                let count = try file.read(into: target, at: entry.byteRange.lowerBound)
                guard count == target.count else { throw SafetensorsFile.truncated(path) }
            }
            // A Swift Bool of any other byte is undefined behaviour.
            if entry.dtype == .bool, let index = target.firstIndex(where: { $0 > 1 }) {
                throw FormatError(
                    file: path, what: "element \(index) of tensor \"\(entry.name)\"", got: "\(target[index])",
                    at: .byte(entry.byteRange.lowerBound + index), expected: "0 or 1 (BOOL)")
            }
        }
    }

    private static func truncated(_ path: String) -> FormatError {
        FormatError(file: path, what: "safetensors file became shorter while it was read", hint: "another program is writing it")
    }
}
