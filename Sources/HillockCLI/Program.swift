import ArgumentParser
import Foundation

/// Runs the command line, and turns whatever goes wrong into one line and an exit status.
enum Program {
    static func run(_ arguments: [String]) async -> Never {
        do {
            try CommandNames.check(arguments)
            var command = try HillockCommand.parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            exit(0)
        } catch let code as ExitCode {
            exit(code.rawValue)
        } catch {
            let code = HillockCommand.exitCode(for: error)
            if code == .success {
                // Help, the version, a completion script.
                print(HillockCommand.fullMessage(for: error))
                exit(0)
            }
            fail(code == .validationFailure ? usageMessage(error) : "\(error)")
        }
    }

    /// Ends the program with one line on standard error and status 1.
    static func fail(_ message: String) -> Never {
        let line = message.split(whereSeparator: \.isNewline).joined(separator: "; ")
        FileHandle.standardError.write(Data("hillock: error: \(line)\n".utf8))
        exit(1)
    }

    /// What the argument parser says, in the words and on the one line of all other errors.
    private static func usageMessage(_ error: any Error) -> String {
        var text = HillockCommand.message(for: error).trimmingCharacters(in: .whitespacesAndNewlines)
        if text.hasSuffix(".") { text.removeLast() }
        text = text.replacingOccurrences(of: ". Did you mean ", with: "; did you mean ")
            .replacingOccurrences(of: ". Please ", with: "; please ")
        return text.prefix(1).lowercased() + text.dropFirst()
    }
}
