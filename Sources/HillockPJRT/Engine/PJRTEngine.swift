import Glibc
import HillockCore

/// Runs programs on an accelerator: writes them as StableHLO, and a PJRT plugin compiles and runs that.
public struct PJRTEngine: Engine {
    /// `xla-cpu`, `cuda`, `cuda:1` …
    public let name: String
    /// The device.
    package let accelerator: Accelerator

    /// Drives a device of a client of one's own.
    package init(_ accelerator: Accelerator, name: String) {
        self.accelerator = accelerator
        self.name = name
    }

    /// Makes the program's text; it is compiled when it first runs, since only then it is known which arguments may be overwritten.
    /// - Throws: ``StableHLOError`` where an operation has no text.
    public func plan(_ program: Program) throws -> any Plan { try PJRTPlan(pipeline.run(program), self) }
}

extension PJRTEngine {
    /// Device and versions, for reports: `NVIDIA H200, PJRT 0.116, StableHLO 1.22.0`.
    public var details: String { "\(accelerator.kind), \(accelerator.plugin.versionText)" }

    /// Bytes of the device's memory: in use, the most that were, and how many there are; `nil` where its plugin does not tell.
    public var memory: (inUse: Int, peak: Int?, limit: Int?)? { accelerator.memory }
}

extension PJRTEngine: LinkedAccelerator {
    /// The kinds of devices that there are plugins for.
    public static var kinds: [String] { PluginKind.allCases.map(\.name) }

    /// The device of a kind with this number, by the plugin that ``PluginCatalog`` finds.
    /// - Throws: ``PJRTError`` where there is no plugin, it does not start, or it has no such device.
    public init(kind: String, ordinal: Int) throws {
        guard let known = PluginKind(rawValue: kind) else {
            throw PJRTError(.notFound, device: kind, action: "use this device", reason: "there is no plugin of this kind")
        }
        let client = try Client.shared(PluginCatalog.current.entry(known))
        self.init(try client.device(ordinal), name: ordinal == 0 ? kind : "\(kind):\(ordinal)")
    }
}

extension PJRTEngine: CompilingEngine {
    /// Simplifies; XLA does the rest. Under ``Precision`` `bfloat16` composites are replaced by their bodies, so that the conversions around
    /// their products are shared with those around them; loops are written as loops, and their steps' products lowered then.
    package static var pipeline: Pipeline {
        let simplifying: [any Pass] = [Canonicalize(), Simplify(), ShareSubexpressions()]
        guard Precision.current == .bfloat16 else { return Pipeline(simplifying + [RemoveDeadCode()]) }
        let lowering: [any Pass] = [LowerPrecision(.narrowBetweenProducts), RemoveDeadCode()]
        return Pipeline(simplifying + [ExpandComposites { composite, _ in composite.isLoop }] + simplifying + lowering)
    }

    /// The passes of every such engine.
    package var pipeline: Pipeline { Self.pipeline }

    /// The text that the plugin compiles; what it does then is its own business.
    package func planStages(of program: Program) throws -> [PlanDetails.Stage] {
        let lines = try program.stableHLO().split(separator: "\n").map(String.init)
        return [PlanDetails.Stage(name: planStageNames[0], summary: "the program as text, which the plugin compiles", decisions: lines)]
    }

    /// `stablehlo`
    package var planStageNames: [String] { ["stablehlo"] }
}

extension Client {
    /// Compiles text for some of the client's devices, among which it is divided, or takes it from the store.
    ///
    /// - Parameter isRight: Whether an executable from the store is what was wanted.
    package func executable(
        _ text: String, for accelerators: [Accelerator], where isRight: (Executable) -> Bool = { _ in true }
    ) throws(PJRTError) -> Executable {
        let options = CompileOptions(devices: [accelerators.map(\.id)], settings: plugin.kind.compilerSettings(of: plugin.path))
        let store = ExecutableStore.current
        let place = accelerators.map(\.makeDescription).joined(separator: "\n")
        let key = ExecutableStore.Key(place: place, text: text, options: options.serialized)
        if let bytes = store.read(key), let stored = try? Executable(serialized: bytes, on: self), isRight(stored) { return stored }
        let executable = try Executable(text, on: self, options)
        if store.folder != nil, let bytes = try? executable.serialized() { store.write(bytes, for: key) }
        return executable
    }
}

extension Accelerator {
    /// Everything that compiled code depends on but the program: the plugin, the driver, the device, and where code runs on the host the host.
    var makeDescription: String {
        var status = stat()
        _ = stat(plugin.path, &status)
        var lines = [
            "plugin \(plugin.kind.name) \(plugin.versionText) of \(status.st_size) bytes, \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)",
            "platform \(client.platform) \(client.platformVersion)", "device \(kind) \(id) of \(client.devices.count)",
        ]
        if client.isOnHost { lines.append("host \(HostProcessor.description)") }
        return lines.map { $0.split(whereSeparator: \.isNewline).joined(separator: " ") }.joined(separator: "\n")
    }
}

/// The processor that compiled code may be made for.
enum HostProcessor {
    /// Its name, what it can do, and how many there are.
    static let description: String = {
        var fields: [String] = []
        if let file = fopen("/proc/cpuinfo", "re") {
            defer { fclose(file) }
            var line: UnsafeMutablePointer<CChar>?
            var capacity = 0
            defer { free(line) }
            // The first processor stands for all.
            while getline(&line, &capacity, file) > 1, let line {
                let text = String(cString: line)
                if ["model name", "flags", "Features", "CPU part"].contains(where: text.hasPrefix) {
                    fields.append(text.split(whereSeparator: { $0 == "\t" || $0 == "\n" }).joined(separator: " "))
                }
            }
        }
        return "\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) processors; \(fields.joined(separator: "; "))"
    }()
}
