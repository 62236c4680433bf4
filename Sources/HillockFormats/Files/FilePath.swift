import Glibc

/// Paths as text, and the little that is asked of the file system about them.
package enum FilePath {
    /// A file of a folder: one slash between them, none before a name that stands alone.
    package static func join(_ folder: String, _ name: String) -> String {
        folder.isEmpty || folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    /// The folder that holds `path`; `.` for a bare name, `/` for what lies at the root.
    package static func parent(of path: String) -> String {
        var end = path[...]
        while end.count > 1, end.last == "/" { end = end.dropLast() }
        guard let slash = end.lastIndex(of: "/") else { return "." }
        var folder = end[..<slash]
        while folder.last == "/" { folder = folder.dropLast() }
        return folder.isEmpty ? "/" : String(folder)
    }

    /// Whether something lies there, a folder or a file of any kind; links are followed.
    package static func exists(_ path: String) -> Bool { kind(of: path) != nil }

    /// Whether a folder lies there; links are followed.
    package static func isFolder(_ path: String) -> Bool { kind(of: path) == S_IFDIR }

    private static func kind(of path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }
}
