import Foundation

/// Reads what `make_arrays.py` stored under `Tests/Reference`.
enum ReferenceFile {
    static func entries<Entry: Decodable>(_ name: String, as type: Entry.Type = Entry.self) throws -> [Entry] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Reference")
        return try JSONDecoder().decode([Entry].self, from: Data(contentsOf: folder.appending(path: name)))
    }
}
