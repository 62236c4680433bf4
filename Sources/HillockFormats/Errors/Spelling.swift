/// Finds what a person may have meant.
package enum Spelling {
    /// The known word with the fewest letters changed, if they are at most a third of it.
    package static func nearest(to word: String, among known: [String]) -> String? {
        let ranked = known.map { (word: $0, distance: distance(Array(word.lowercased().prefix(64)), Array($0.lowercased()))) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }), best.distance <= max(1, best.word.count / 3) else { return nil }
        return best.word
    }

    /// Levenshtein's edit distance, two neighbours exchanged counting as one change.
    private static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var rows = [[Int]](repeating: Array(0...b.count), count: a.count + 1)
        for i in 0..<a.count {
            rows[i + 1][0] = i + 1
            for j in 0..<b.count {
                var best = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, rows[i + 1][j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
                rows[i + 1][j + 1] = best
            }
        }
        return rows[a.count][b.count]
    }
}
