import Foundation
import HillockCore

/// The tensors of a safetensors file, read just well enough for the files that this repository makes.
///
/// Independent of `HillockFormats`, so that a mistake there cannot hide one here.
struct StoredTensors: Sendable {
    private let bytes: Data
    private let entries: [String: Entry]

    private struct Entry: Decodable, Sendable {
        let dtype: String
        let shape: [Int]
        let offsets: [Int]

        enum CodingKeys: String, CodingKey {
            case dtype, shape
            case offsets = "data_offsets"
        }
    }

    private struct Header: Decodable {
        var entries: [String: Entry] = [:]

        struct Name: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            for key in container.allKeys where key.stringValue != "__metadata__" {
                entries[key.stringValue] = try container.decode(Entry.self, forKey: key)
            }
        }
    }

    private static let dtypes: [String: DType] = [
        "F32": .float32, "F64": .float64, "I32": .int32, "I64": .int64, "U8": .uint8, "BOOL": .bool, "BF16": .bfloat16, "F16": .float16,
    ]

    init(contentsOf url: URL) throws {
        let file = try Data(contentsOf: url)
        let length = file.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        entries = try JSONDecoder().decode(Header.self, from: file[8..<8 + length]).entries
        bytes = file[(8 + length)...]
    }

    /// The names of all tensors.
    var names: [String] { entries.keys.sorted() }

    /// The tensor of this name, if there is one.
    subscript(name: String) -> HostArray? {
        guard let entry = entries[name], let dtype = Self.dtypes[entry.dtype] else { return nil }
        let start = bytes.startIndex
        return HostArray(dtype: dtype, shape: Shape(entry.shape)) { target in
            bytes[start + entry.offsets[0]..<start + entry.offsets[1]].copyBytes(to: target)
        }
    }
}
