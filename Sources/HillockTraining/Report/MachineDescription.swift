import Glibc
import HillockFormats

/// The machine that something was measured on, in words.
public struct MachineDescription: Sendable, Hashable, Codable {
    /// Name of the processor.
    public var processor: String
    /// Cores that this process may use.
    public var cores: Int
    /// Main memory in bytes.
    public var memory: UInt64
    /// Name and version of the operating system.
    public var system: String
    /// The Swift compiler that the program was built with.
    public var swift: String
    /// What computed: `cpu`, `reference` …
    public var engine: String

    /// A machine described by hand.
    public init(processor: String, cores: Int, memory: UInt64, system: String, swift: String, engine: String) {
        self.processor = processor
        self.cores = cores
        self.memory = memory
        self.system = system
        self.swift = swift
        self.engine = engine
    }

    /// This machine.
    public static func current(engine: String) -> MachineDescription {
        MachineDescription(
            processor: field("model name", of: "/proc/cpuinfo") ?? architecture, cores: cores,
            memory: UInt64(clamping: sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))),
            system: (field("PRETTY_NAME", of: "/etc/os-release", separator: "=") ?? "Linux") + ", \(architecture)", swift: compiler,
            engine: engine)
    }

    /// The value of the first line `name … : value` of a system file.
    private static func field(_ name: String, of path: String, separator: Character = ":") -> String? {
        // Files of /proc have no size: they are read to their end.
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix(name) {
            guard let mark = line.firstIndex(of: separator) else { continue }
            let isMargin = { (character: Character) in " \t\"".contains(character) }
            let value = line[line.index(after: mark)...].drop(while: isMargin)
            if let last = value.lastIndex(where: { !isMargin($0) }) { return String(value[...last]) }
        }
        return nil
    }

    /// Processors that this process may run on.
    private static var cores: Int {
        // A mask in hexadecimal digits.
        let allowed = field("Cpus_allowed", of: "/proc/self/status")?.compactMap(\.hexDigitValue) ?? []
        return max(1, allowed.reduce(0) { $0 + $1.nonzeroBitCount })
    }

    private static var architecture: String {
        #if arch(x86_64)
            "x86-64"
        #elseif arch(arm64)
            "AArch64"
        #else
            "another architecture"
        #endif
    }

    // The version can only be asked for when compiling.
    private static var compiler: String {
        #if compiler(>=6.5)
            "Swift 6.5 or later"
        #elseif compiler(>=6.4)
            "Swift 6.4"
        #elseif compiler(>=6.3)
            "Swift 6.3"
        #elseif compiler(>=6.2)
            "Swift 6.2"
        #else
            "Swift 6.1"
        #endif
    }
}
