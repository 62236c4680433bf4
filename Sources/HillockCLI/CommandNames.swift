import ArgumentParser
import Foundation
import HillockFormats

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
