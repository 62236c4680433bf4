import Glibc
import HillockCore
import HillockPJRT
import Testing

/// The CPU plugin, where there is one.
enum TestPlugin {
    /// Where it is.
    static let entry: PluginCatalog.Entry? = {
        let entry = try? PluginCatalog.current.entry(.xlaCPU)
        if entry == nil { print("no XLA plugin for the CPU is installed: what needs one is left out; hillock devices install xla-cpu") }
        return entry
    }()

    static let isThere = entry != nil

    static func open() throws -> Plugin {
        let entry = try #require(entry)
        return try Plugin(.xlaCPU, path: entry.path)
    }

    /// A client with several virtual devices.
    static let client: Client? = try? Client(open(), options: ["cpu_device_count": .integer(4)])

    /// One of its devices.
    static func device(_ ordinal: Int = 0) throws -> Accelerator { try #require(client).device(ordinal) }
}

/// A folder that is gone when the test is over.
final class TemporaryFolder {
    let path: String

    init() {
        var template = Array("/tmp/hillock-tests-XXXXXX".utf8CString)
        path = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
    }

    deinit {
        var found = glob_t()
        defer { globfree(&found) }
        for pattern in ["\(path)/*/*/*", "\(path)/*/*", "\(path)/*", "\(path)/.[!.]*"] {
            guard glob(pattern, 0, nil, &found) == 0, let paths = found.gl_pathv else { continue }
            for position in 0..<Int(found.gl_pathc) { remove(paths[position]!) }
        }
        rmdir(path)
    }

    /// Writes a file and makes the folders above it.
    func write(_ name: String, _ bytes: [UInt8] = []) {
        var folder = path
        for part in name.split(separator: "/").dropLast() {
            folder += "/" + part
            mkdir(folder, 0o755)
        }
        guard let file = fopen("\(path)/\(name)", "w") else { return }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    var names: [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob("\(path)/*", 0, nil, &found) == 0, let paths = found.gl_pathv else { return [] }
        return (0..<Int(found.gl_pathc)).map { String(String(cString: paths[$0]!).split(separator: "/").last!) }
    }
}
