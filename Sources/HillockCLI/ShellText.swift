import Foundation

/// Command lines to show, which can be copied into a shell.
enum ShellText {
    /// This program as it was called: `hillock` where it is found by its name, `.build/release/hillock` after `make run`.
    static var program: String {
        let name = CommandLine.arguments.first ?? "hillock"
        guard name.contains("/") else { return name }
        let here = FileManager.default.currentDirectoryPath + "/"
        return quoted(name.hasPrefix(here) ? String(name.dropFirst(here.count)) : name)
    }

    /// One word: in quotes where the shell would read it otherwise.
    static func quoted(_ word: String) -> String {
        let plain = word.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || "0123456789/._-+:@%,=".unicodeScalars.contains($0))
        }
        if plain, !word.isEmpty, !word.hasPrefix("-") { return word }
        return "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
}
