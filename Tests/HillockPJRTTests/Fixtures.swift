import HillockCore
import HillockPJRT
import Testing

/// The CPU plugin, where there is one.
enum TestPlugin {
    /// Where it is.
    static let entry: PluginCatalog.Entry? = {
        let entry = try? PluginCatalog.current.entry(.xlaCPU)
        if entry == nil { print("no XLA plugin for the CPU is installed: what needs one is left out; hillock devices install xla-cpu") }
        return entry
    }()

    static let isThere = entry != nil

    static func open() throws -> Plugin {
        let entry = try #require(entry)
        return try Plugin(.xlaCPU, path: entry.path)
    }

    /// A client with several virtual devices.
    static let client: Client? = try? Client(open(), options: ["cpu_device_count": .integer(4)])

    /// One of its devices.
    static func device(_ ordinal: Int = 0) throws -> Accelerator { try #require(client).device(ordinal) }
}
