import ArgumentParser

/// `hillock devices`
struct DevicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "Show what can compute on this machine.",
        discussion: """
            Besides the CPU everything computes that there is a PJRT plugin for: GPUs of NVIDIA, AMD and Intel, and TPUs. Plugins are found where \
            HILLOCK_PJRT_PLUGIN says, where hillock devices install puts them, and among Python's packages.
            """,
        subcommands: [DevicesListCommand.self, DevicesInstallCommand.self], defaultSubcommand: DevicesListCommand.self)
}
