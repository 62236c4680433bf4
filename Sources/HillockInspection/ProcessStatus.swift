import Glibc

/// What the system says of this process and its threads.
enum ProcessStatus {
    /// The most memory that the process had in use so far, in bytes.
    static var peakMemory: Int? {
        for line in text(of: "/proc/self/status").split(separator: "\n") where line.hasPrefix("VmHWM:") {
            return line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }.map { $0 * 1024 }
        }
        return nil
    }

    /// The name of the calling thread.
    static var threadName: String { String(text(of: "/proc/thread-self/comm").prefix { $0 != "\n" }) }

    /// A small file of the system's; empty where there is none.
    private static func text(of path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        return String(decoding: bytes, as: UTF8.self)
    }
}
