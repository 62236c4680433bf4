import ArgumentParser
import Foundation

/// The names of commands, checked before the argument parser does, which would only say that an argument is unexpected.
enum CommandNames {
    /// Throws when a word stands where a command's name must, and is none.
    static func check(_ arguments: [String]) throws {
        var command: any ParsableCommand.Type = HillockCommand.self
        var path = ["hillock"]
        for word in arguments {
            let known = command.configuration.subcommands
            guard !known.isEmpty, !word.hasPrefix("-"), word != "help" else { return }
            guard let next = known.first(where: { name(of: $0) == word }) else {
                throw UnknownName(kind: "command", name: word, known: known.map { name(of: $0) }, prefix: path.joined(separator: " "))
            }
            command = next
            path.append(word)
        }
    }
}

extension CommandNames {
    private static func name(of command: any ParsableCommand.Type) -> String { command.configuration.commandName ?? "" }
}

/// A name that is none of those known, with the nearest of them.
struct UnknownName: Error, CustomStringConvertible {
    let kind: String
    let name: String
    let known: [String]
    /// What stands before the name: `hillock data`.
    var prefix: String?

    var description: String {
        let nearest = Spelling.nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
        return "there is no \(kind) \"\(prefix.map { "\($0) " } ?? "")\(name)\"\(nearest) (known: \(known.joined(separator: ", ")))"
    }
}

/// Finds what a person may have meant.
enum Spelling {
    /// The known word with the fewest letters changed, if they are at most a third of it.
    static func nearest(to word: String, among known: [String]) -> String? {
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
