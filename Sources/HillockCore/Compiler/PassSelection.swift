import Glibc

/// Which optional passes run. `HILLOCK_PASSES=none` switches all of them off, `HILLOCK_PASSES=-simplify,-fuse` some: results are the same
/// up to rounding, which is how the tests look for a pass's mistakes.
package struct PassSelection: Sendable {
    /// The selection of the environment, or of the task.
    @TaskLocal package static var current = PassSelection(getenv("HILLOCK_PASSES").map { String(cString: $0) } ?? "")

    private let isNone: Bool
    private let excluded: Set<String>

    /// Reads `none`, or names after minus signs, separated by commas; anything else counts as nothing.
    package init(_ text: String) {
        let words = text.split(separator: ",").map { $0.filter { $0 != " " } }
        isNone = words.contains("none")
        excluded = Set(words.filter { $0.hasPrefix("-") }.map { String($0.dropFirst()) })
    }

    /// Whether every pass runs.
    package var isWhole: Bool { !isNone && excluded.isEmpty }

    /// Whether a pass runs.
    package func includes(_ name: String) -> Bool { !isNone && !excluded.contains(name) }

    /// Names that are excluded but that no pass has.
    package func unknown(among names: [String]) -> [String] { excluded.subtracting(names).sorted() }
}
