/// What a PJRT plugin could not do, in one line:
/// `[cuda] cannot run the program: Out of memory …; 0.9 GB of 79.0 GB are free; the largest values are …`.
public struct PJRTError: Error, Sendable, Hashable {
    /// The kind of failure: the plugin's own number, which is gRPC's, or one of Hillock's checks.
    public enum Code: Int, Sendable, Hashable {
        case cancelled = 1
        case unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists, permissionDenied, outOfMemory, failedPrecondition
        case aborted, outOfRange, unimplemented, `internal`, unavailable, dataLoss, unauthenticated
        /// The plugin is not there, cannot be opened, or is too old.
        case unusablePlugin = 100
        /// What is to be computed with is not what the program was made for.
        case mismatch
    }

    /// The kind of failure.
    public let code: Code
    /// The device or plugin that it is about: `cuda:1`, or a path.
    public internal(set) var device: String
    /// What was being done: `compile the program`.
    public let action: String
    /// Why it failed, in the plugin's words or ours.
    public let reason: String
    /// The operation of the program that it is about, where that is known: `conv2d#3`.
    public var operation: String?
    /// What to do, or what else is worth knowing.
    public var hint: String?

    /// An error of these parts.
    package init(_ code: Code, device: String, action: String, reason: String, operation: String? = nil, hint: String? = nil) {
        (self.code, self.device, self.action, self.reason, self.operation, self.hint) = (code, device, action, reason, operation, hint)
    }
}

extension PJRTError: CustomStringConvertible {
    /// The whole error in one line.
    public var description: String {
        let place = operation.map { " at \($0)" } ?? ""
        var text = "[\(device)] cannot \(action)\(place): \(Self.line(reason))"
        guard let hint else { return text }
        if text.hasSuffix(".") { text.removeLast() }
        return "\(text); \(hint)"
    }

    /// A message of several lines as one, cut where it becomes a dump.
    private static func line(_ text: String) -> String {
        let words = text.split(whereSeparator: { $0.isNewline || $0 == " " || $0 == "\t" }).joined(separator: " ")
        return words.count > 600 ? words.prefix(600) + " …" : words
    }
}
