import Glibc

/// Settings by environment variables. A value that means nothing would pass for what was wanted, so it is said on standard error.
package enum EnvironmentSetting {
    /// What a variable's text means; `nil` where it is not set, is empty, or means nothing, which is said.
    static func value<Value>(of variable: String, among known: [(name: String, value: Value)]) -> Value? {
        guard let text = getenv(variable).map({ String(cString: $0) }), !text.isEmpty else { return nil }
        if let match = known.first(where: { $0.name == text }) { return match.value }
        ignored(variable, text, known: known.map(\.name))
        return nil
    }

    /// Says that a variable, or a part of it, was ignored.
    package static func ignored(_ variable: String, _ text: String, known: [String]) {
        say("\(variable): \"\(text)\" is unknown and ignored (known: \(known.joined(separator: ", ")))")
    }

    /// A line on standard error.
    static func say(_ line: String) {
        let text = "hillock: \(line)\n"
        _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    }
}
