/// A file to download: where it can be had, and how to know that it is the right one.
public struct RemoteFile: Sendable, Hashable {
    /// What is compared with the expected SHA-256.
    public enum Checksum: Sendable, Hashable {
        /// The file's bytes, in hexadecimal.
        case sha256(String)
        /// The file's bytes after gzip is undone, in hexadecimal: mirrors that compress anew serve other bytes of the same content.
        case contentSHA256(String)
    }

    /// The name that it gets, without folders.
    public let name: String
    /// Where it can be had, in the order in which to try.
    public let mirrors: [String]
    /// Its usual size in bytes, for progress before a mirror has told it.
    public let byteCount: Int?
    /// How to know that it is the right one.
    public let checksum: Checksum

    /// Describes a file.
    public init(name: String, mirrors: [String], byteCount: Int? = nil, checksum: Checksum) {
        self.name = name
        self.mirrors = mirrors
        self.byteCount = byteCount
        self.checksum = checksum
    }
}

/// How far a download is.
public struct DownloadProgress: Sendable, Hashable {
    /// The file's name.
    public let file: String
    /// Bytes that are there, those of earlier, interrupted downloads included.
    public let received: Int
    /// Bytes that there will be, where known.
    public let total: Int?

    /// A state of a download.
    public init(file: String, received: Int, total: Int?) {
        self.file = file
        self.received = received
        self.total = total
    }
}
