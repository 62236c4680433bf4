/// A file whose content is not what its format allows, told in one line.
///
/// The line reads `FILE: WHAT [is GOT] [at byte N | at line N] [, expected EXPECTED] [; HINT]`, for example
///
///     train-images.gz: IDX magic number is 0x00000802 at byte 0, expected 0x00000803 (unsigned bytes, 3 dimensions)
public struct FormatError: Error, Sendable, Hashable {
    /// Where in the file.
    public enum Position: Sendable, Hashable {
        /// Offset in bytes from the start of the file, or of the uncompressed content where the file is compressed.
        case byte(Int)
        /// Line of a text, the first is 1.
        case line(Int)
    }

    /// The file, as the caller named it.
    public let file: String
    /// What is wrong, or what `got` is the value of.
    public let what: String
    /// What the file holds.
    public let got: String?
    /// Where, if known.
    public let position: Position?
    /// What it should hold.
    public let expected: String?
    /// What to do about it.
    public let hint: String?

    /// An error of which only the file and `what` must be known.
    public init(
        file: String, what: String, got: String? = nil, at position: Position? = nil, expected: String? = nil, hint: String? = nil
    ) {
        self.file = file
        self.what = what
        self.got = got
        self.position = position
        self.expected = expected
        self.hint = hint
    }
}

extension FormatError: CustomStringConvertible {
    /// The whole error in one line.
    public var description: String {
        var text = "\(file): \(what)"
        if let got { text += " is \(got)" }
        switch position {
        case .byte(let offset): text += " at byte \(offset)"
        case .line(let line): text += " at line \(line)"
        case nil: break
        }
        if let expected { text += ", expected \(expected)" }
        if let hint { text += "; \(hint)" }
        // Names and texts out of a damaged file may hold anything; the promise is one line of plain text.
        return FormatError.printable(text)
    }

    /// The text with control characters, line ends among them, written as escapes such as `\u{0a}`.
    package static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control || $0 == "\u{2028}" || $0 == "\u{2029}" })
        else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.properties.generalCategory == .control || scalar == "\u{2028}" || scalar == "\u{2029}" {
                result += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
