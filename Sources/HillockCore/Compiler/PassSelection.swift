import Glibc

/// Which optional passes run. `HILLOCK_PASSES=none` switches all of them off, `HILLOCK_PASSES=-simplify,-fuse` some: results are the same
/// up to rounding, which is how the tests look for a pass's mistakes.
package struct PassSelection: Sendable {
    /// The selection of the environment, or of the task.
    @TaskLocal package static var current = PassSelection(getenv("HILLOCK_PASSES").map { String(cString: $0) } ?? "")

    private let isNone: Bool
    private let excluded: Set<String>
    /// Words that are neither.
    private let others: [String]

    /// Reads `none`, or names after minus signs, separated by commas; anything else counts as nothing, and is ``unknown(among:)``.
    package init(_ text: String) {
        let words = text.split(separator: ",").map { $0.filter { $0 != " " } }
        isNone = words.contains("none")
        excluded = Set(words.filter { $0.hasPrefix("-") }.map { String($0.dropFirst()) })
        others = words.filter { $0 != "none" && !$0.hasPrefix("-") }
    }

    /// Whether every pass runs.
    package var isWhole: Bool { !isNone && excluded.isEmpty }

    /// Whether a pass runs.
    package func includes(_ name: String) -> Bool { !isNone && !excluded.contains(name) }

    /// Words that leave nothing out: none of these names after a minus sign.
    package func unknown(among names: [String]) -> [String] { excluded.subtracting(names).sorted().map { "-" + $0 } + others }
}
