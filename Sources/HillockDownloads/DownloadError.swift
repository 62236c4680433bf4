import Foundation
import HillockFormats

/// A file that could not be downloaded or copied, told in one line with what to do.
public enum DownloadError: Error, Sendable, Hashable {
    /// No mirror gave the file; `reasons` has what each said.
    case noMirror(file: String, reasons: [String], hint: String?)
    /// A file that is already here is not the right one.
    case wrongContent(file: String, found: String, expected: String)
    /// Another process is downloading to the same place.
    case busy(file: String)
}

extension DownloadError: CustomStringConvertible, LocalizedError {
    /// The whole error in one line.
    public var description: String {
        let text =
            switch self {
            case .noMirror(let file, let reasons, let hint):
                "\(file): cannot be downloaded: \(reasons.joined(separator: "; "))" + (hint.map { "; \($0)" } ?? "")
            case .wrongContent(let file, let found, let expected):
                "\(file): SHA-256 of the content is \(found), expected \(expected); the file is damaged or is another one"
            case .busy(let file):
                "\(file): another process is downloading it"
            }
        return FormatError.printable(text)
    }

    /// The same line as ``description``.
    public var errorDescription: String? { description }
}
