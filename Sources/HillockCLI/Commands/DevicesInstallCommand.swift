import ArgumentParser
import Foundation
import HillockPJRT

/// `hillock devices install KIND`
struct DevicesInstallCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "install", abstract: "Install what drives a kind of devices.",
        discussion: """
            Downloads the plugin, and for NVIDIA's GPUs CUDA's libraries, with pip into Hillock's own folder; nothing else is touched. The \
            device's driver has to be there.
            """)

    @ArgumentParser.Argument(
        help: "What to install: \(PluginKind.allCases.map(\.name).joined(separator: ", ")).",
        completion: .list(PluginKind.allCases.map(\.name)))
    var kind: String

    @Flag(name: [.customLong("yes"), .customShort("y")], help: "Do not ask.")
    var isAgreed = false

    func run() throws {
        guard let known = PluginKind(rawValue: kind) else {
            throw UnknownName(kind: "plugin", name: kind, known: PluginKind.allCases.map(\.name))
        }
        let installer = try PluginInstaller(known)
        if !isAgreed {
            guard isatty(STDIN_FILENO) == 1 else { throw OptionError("nobody is there to agree to the download; add --yes") }
            print("pip will download \(known.packages.joined(separator: ", "))\nand put it into \(installer.folder).")
            print("Go on? [y/N] ", terminator: "")
            fflush(nil)
            guard let answer = readLine()?.trimmingCharacters(in: .whitespaces).lowercased(), ["y", "yes"].contains(answer) else {
                throw ExitCode(1)
            }
        }
        try installer.install()
        print("\(known.title): installed in \(installer.folder); hillock devices shows what there is now")
    }
}
