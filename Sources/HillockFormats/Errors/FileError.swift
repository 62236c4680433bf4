import Glibc

/// The operating system refused to read or write a file, told in one line:
/// `weights.safetensors: cannot write: no space is left on the disk; the file is as it was before`.
public struct FileError: Error, Sendable, Hashable {
    /// The file or folder, as the caller named it.
    public let path: String
    /// What was tried: `read`, `write`, `create` …
    public let action: String
    /// The system's error number (`errno`).
    public let code: Int32
    /// What follows from it, or what to do.
    public let hint: String?

    /// An error with the system's number for the reason.
    public init(path: String, action: String, code: Int32, hint: String? = nil) {
        self.path = path
        self.action = action
        self.code = code
        self.hint = hint
    }

    /// The reason in plain words.
    public var reason: String {
        switch code {
        case ENOSPC: "no space is left on the disk"
        case EDQUOT: "the user's disk quota is used up"
        case EFBIG: "the file would be larger than the system allows"
        case EACCES, EPERM: "permission denied"
        case EROFS: "the file system is read-only"
        case ENOENT: "no such file or folder"
        case ENOTDIR: "part of the path is not a folder"
        case EISDIR: "it is a folder, not a file"
        case ENAMETOOLONG: "the name is too long"
        case EMFILE, ENFILE: "too many files are open"
        default: String(cString: strerror(code)).lowercased()
        }
    }
}

extension FileError: CustomStringConvertible {
    /// The whole error in one line.
    public var description: String {
        FormatError.printable("\(path): cannot \(action): \(reason)" + (hint.map { "; \($0)" } ?? ""))
    }
}
