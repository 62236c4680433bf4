import HillockCore

/// What errors say of a program and the device that was to run it; held by its results too, since a device reports most errors when these are read.
final class ProgramExplanation: Sendable {
    private let program: Program
    private let accelerator: Accelerator
    private let name: String

    init(_ program: Program, on accelerator: Accelerator, named name: String) {
        (self.program, self.accelerator, self.name) = (program, accelerator, name)
    }

    /// The error in the device's name; how full its memory is and of what, if that is what is wrong.
    func explained(_ error: PJRTError) -> PJRTError {
        var error = error
        if error.device == accelerator.plugin.kind.name { error.device = name }
        guard error.code == .outOfMemory, error.hint == nil else { return error }
        var parts: [String] = []
        if let memory = accelerator.memory {
            if let limit = memory.limit {
                parts.append("\(ByteCount.text(Swift.max(0, limit - memory.inUse))) of \(ByteCount.text(limit)) are free")
            } else {
                parts.append("\(ByteCount.text(memory.inUse)) are in use")
            }
        }
        let values = program.inputs.map { ("input", $0.type) } + program.instructions.map { (type(of: $0.primitive).name, $0.type) }
        let largest = values.sorted { $0.1.byteCount > $1.1.byteCount }.prefix(3)
        parts.append(
            "the largest values are " + largest.map { "\($0.0) \($0.1) (\(ByteCount.text($0.1.byteCount)))" }.joined(separator: ", "))
        parts.append("a smaller batch takes less")
        error.hint = parts.joined(separator: "; ")
        return error
    }
}

/// Numbers of bytes for people.
enum ByteCount {
    /// `78.1 GB`
    static func text(_ bytes: Int) -> String {
        let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)]
        guard let (unit, factor) = units.first(where: { bytes >= $0.1 }) else { return "\(bytes) bytes" }
        let tenths = (bytes * 10 + factor / 2) / factor
        return "\(tenths / 10).\(tenths % 10) \(unit)"
    }
}
