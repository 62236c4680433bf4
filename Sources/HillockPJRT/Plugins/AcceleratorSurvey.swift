/// What can be computed with here besides the CPU, and why not with the rest.
public struct AcceleratorSurvey: Sendable {
    /// A kind of devices.
    public let kind: String
    /// For people: `NVIDIA GPUs`.
    public let title: String
    /// Name and description of each device that is ready: `cuda:1`, `NVIDIA H200`.
    public let devices: [(name: String, description: String)]
    /// The plugin's versions and where it lies; `nil` where there is none that starts.
    public let plugin: String?
    /// Why there is no device, and what to do.
    public let problem: String?

    /// Every kind; plugins that are there are started, which takes up to seconds.
    public static func all() -> [AcceleratorSurvey] { PluginKind.allCases.map { AcceleratorSurvey($0, .current) } }

    package init(_ kind: PluginKind, _ catalog: PluginCatalog) {
        (self.kind, title) = (kind.name, kind.title)
        let hasDevice = kind.hasDevice
        do throws(PJRTError) {
            guard let entry = try catalog.entries(kind).first else {
                devices = []
                plugin = nil
                let install = "hillock devices install \(kind.name)"
                problem = hasDevice ? "no plugin is installed: \(install)" : "no such device on this machine; with one: \(install)"
                return
            }
            guard hasDevice else {
                devices = []
                plugin = entry.path
                problem = "the plugin is installed, but this machine has no such device, or its driver is not loaded"
                return
            }
            let client = try Client.shared(entry, options: kind.surveyOptions)
            devices = client.devices.enumerated().map { ($0.offset == 0 ? kind.name : "\(kind.name):\($0.offset)", $0.element.kind) }
            plugin = "\(client.plugin.versionText), \(entry.path)"
            problem = devices.isEmpty ? "the plugin sees no device" : nil
        } catch {
            devices = []
            plugin = nil
            problem = "\(error)"
        }
    }
}

extension PluginKind {
    /// Settings that a client is started with.
    var options: [String: Client.Option] {
        // Virtual devices share the cores: more than one is for trying programs for several.
        self == .xlaCPU ? ["cpu_device_count": .integer(Environment.variable("HILLOCK_XLA_CPU_DEVICES").flatMap { Int($0) } ?? 1)] : [:]
    }

    /// The same, where devices are only looked at: their memory is left to those who compute.
    var surveyOptions: [String: Client.Option] {
        self == .cuda || self == .rocm ? options.merging(["preallocate": .flag(false)]) { $1 } : options
    }
}
