import Foundation

/// What was measured, kept in a JSON file; a run replaces the workloads that it measured and leaves the others.
struct Results: Codable {
    var machine: Machine?
    /// How the runs were started.
    var command = ""
    var workloads: [String: WorkloadRun] = [:]

    /// The file's contents, or nothing if there is no file.
    init(contentsOf url: URL) throws {
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            self = try decoder.decode(Results.self, from: Data(contentsOf: url))
        } catch {
            throw BenchError("\(url.path) holds no results: \(error)")
        }
    }

    func write(to url: URL) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(self).write(to: url, options: .atomic)
    }

    /// Training, inference, micro.
    static func order(_ a: String, _ b: String) -> Bool {
        let groups = "TIMS"
        func key(_ name: String) -> Int { name.first.flatMap { groups.firstIndex(of: $0)?.utf16Offset(in: groups) } ?? 9 }
        return (key(a), a) < (key(b), b)
    }

    /// In the specification's order.
    var comparisons: [Comparison] {
        workloads.sorted { Self.order($0.key, $1.key) }.compactMap { Comparison($0.key, $0.value) }
    }
}
