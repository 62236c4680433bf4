import HillockCore

/// The format of named tensors that Hugging Face's safetensors defines and PyTorch reads.
///
/// A file is 8 bytes of little-endian header length, a JSON header (`{"name": {"dtype", "shape", "data_offsets"}, …}`) and the tensors'
/// bytes, row-major and little-endian, without gaps. Source: <https://github.com/huggingface/safetensors#format>.
/// Read with ``SafetensorsFile``.
public enum Safetensors {
    /// The header's greatest length: 100 MB, as in the reference implementation.
    static let maximumHeaderByteCount = 100_000_000

    /// The name under which the header keeps its free-form strings.
    static let metadataName = "__metadata__"

    /// Creates or replaces a file, atomically: whatever fails, the old file stands as it was.
    ///
    /// The same tensors and metadata give the same bytes: tensors of wider elements come first, so that each is aligned, and by name within
    /// one width; the header is padded with spaces to a multiple of 8 bytes.
    ///
    /// - Throws: ``FileError`` if the file cannot be written; ``FormatError`` if a tensor has the reserved name `__metadata__` or the header
    ///   is longer than 100 MB.
    public static func write(_ tensors: [String: HostArray], metadata: [String: String] = [:], to path: String) throws {
        let layout = try Layout(tensors, metadata: metadata, file: path)
        try AtomicFile.write(to: path) { output in
            try output.write(layout.header)
            for (_, array) in layout.tensors {
                try array.withBytes { try output.write($0) }
            }
        }
    }

    /// The bytes that ``write(_:metadata:to:)`` puts in a file.
    public static func encode(_ tensors: [String: HostArray], metadata: [String: String] = [:]) throws -> [UInt8] {
        let layout = try Layout(tensors, metadata: metadata, file: "safetensors")
        var bytes = layout.header
        for (_, array) in layout.tensors { array.withBytes { bytes.append(contentsOf: $0) } }
        return bytes
    }

    /// The format's name for an element type.
    static func name(of dtype: DType) -> String {
        switch dtype {
        case .float32: "F32"
        case .float64: "F64"
        case .int32: "I32"
        case .int64: "I64"
        case .uint8: "U8"
        case .bool: "BOOL"
        case .bfloat16: "BF16"
        case .float16: "F16"
        }
    }

    /// The element type of the format's name, or `nil`.
    static func dtype(named name: String) -> DType? {
        DType.allCases.first { Safetensors.name(of: $0) == name }
    }

    /// Tensors in the order of the file, and the header that says so.
    private struct Layout {
        let tensors: [(name: String, array: HostArray)]
        /// The length, the JSON text and its padding.
        let header: [UInt8]

        init(_ tensors: [String: HostArray], metadata: [String: String], file: String) throws {
            guard tensors[metadataName] == nil else {
                throw FormatError(file: file, what: "a tensor cannot be named \(metadataName)", hint: "the format keeps its metadata there")
            }
            self.tensors = tensors.map { (name: $0.key, array: $0.value) }.sorted { a, b in
                a.array.dtype.byteCount != b.array.dtype.byteCount
                    ? a.array.dtype.byteCount > b.array.dtype.byteCount : Layout.precedes(a.name, b.name)
            }
            var members: [String] = []
            if !metadata.isEmpty {
                let pairs = metadata.sorted { Layout.precedes($0.key, $1.key) }
                    .map { "\(JSONValue.quoted($0.key)):\(JSONValue.quoted($0.value))" }
                members.append("\"\(metadataName)\":{\(pairs.joined(separator: ","))}")
            }
            var offset = 0
            for (name, array) in self.tensors {
                let end = offset + array.byteCount
                let shape = array.shape.dimensions.map(String.init).joined(separator: ",")
                members.append(
                    "\(JSONValue.quoted(name)):{\"dtype\":\"\(Safetensors.name(of: array.dtype))\",\"shape\":[\(shape)],"
                        + "\"data_offsets\":[\(offset),\(end)]}")
                offset = end
            }
            var text = Array("{\(members.joined(separator: ","))}".utf8)
            while text.count % 8 != 0 { text.append(0x20) }
            guard text.count <= maximumHeaderByteCount else {
                throw FormatError(
                    file: file, what: "safetensors header", got: "\(text.count) bytes long", expected: "at most \(maximumHeaderByteCount)")
            }
            header = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
        }

        /// Order by bytes: it depends neither on the language nor on Unicode's version.
        private static func precedes(_ a: String, _ b: String) -> Bool {
            a.utf8.lexicographicallyPrecedes(b.utf8)
        }
    }
}
