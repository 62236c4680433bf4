/// One thing that determines a run's results, by name: two runs with equal settings are the same run.
public struct Setting: Sendable, Hashable, Codable {
    /// What it is, in the words of the command line: `model`, `batch` …
    public let name: String
    /// Its value, as people read it.
    public let value: String

    /// `name` is `value`.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// `name` is `value`.
    public init(_ name: String, _ value: some LosslessStringConvertible) {
        self.init(name, String(value))
    }
}
