/// An operation was called with shapes, types or attributes that do not fit.
///
/// Printed as one line: `[conv2d] input has 3 channels, weight [8, 4, 3, 3] wants 4 · in net.blocks.2.conv1`, then the hint.
public struct ShapeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Name of the operation that was called.
    public var operation: String
    /// What was got and what was expected, in words.
    public var message: String
    /// What to do about it.
    public var hint: String?
    /// The module's path, such as `blocks.2.conv1`, where it is known.
    public var layer: String?
    /// The caller's file and line, where they are known.
    public var caller: String?

    /// An error of `operation`; layer and caller are added where the operation was called.
    public init(_ operation: String, _ message: String, hint: String? = nil) {
        self.operation = operation
        self.message = message
        self.hint = hint
    }

    /// The error as one line.
    public var description: String {
        var text = "[\(operation)] \(message)"
        if let layer { text += " · in \(layer)" }
        if let caller { text += " · at \(caller)" }
        if let hint { text += " · \(hint)" }
        return text
    }
}

/// Where in the caller's source an operation was called.
public struct SourceLocation: Hashable, Sendable {
    /// `Module/File.swift`
    public let file: StaticString
    /// Line number, from 1.
    public let line: UInt

    /// The place where this initialiser is called, unless told otherwise.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        self.file = file
        self.line = line
    }

    /// Two places are the same where file and line are.
    public static func == (a: SourceLocation, b: SourceLocation) -> Bool {
        a.line == b.line && "\(a.file)" == "\(b.file)"
    }

    /// Hashes the line.
    public func hash(into hasher: inout Hasher) { hasher.combine(line) }
}
