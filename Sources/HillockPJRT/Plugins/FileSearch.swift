import Glibc

/// Looking for files by patterns.
enum FileSearch {
    /// The paths that a shell pattern stands for, in alphabetical order.
    static func matches(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0, let paths = found.gl_pathv else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
    }

    /// A path without links and dots.
    static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    /// Whether something lies there.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The first line of a short file.
    static func firstLine(of path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, 256, file) != nil else { return nil }
        return String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The lines of a text file; none where it cannot be read.
    static func lines(of path: String) -> [String] {
        guard let file = fopen(path, "re") else { return [] }
        defer { fclose(file) }
        var (line, capacity): (UnsafeMutablePointer<CChar>?, Int) = (nil, 0)
        defer { free(line) }
        var lines: [String] = []
        while getline(&line, &capacity, file) > 0, let line {
            lines.append(String(cString: line).split(whereSeparator: \.isNewline).joined())
        }
        return lines.filter { !$0.isEmpty }
    }

    /// Makes a folder and those above it.
    static func makeFolder(_ path: String) -> Bool {
        var folder = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            folder += "/" + part
            if mkdir(folder, 0o755) != 0, errno != EEXIST { return false }
        }
        return true
    }
}

/// What the process was started with.
enum Environment {
    /// A variable's value; nothing where it is empty.
    static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } }

    /// The user's own folder, or what an XDG variable names in its place; a relative path is to be ignored.
    static func folder(_ variable: String, under home: String) -> String? {
        if let folder = self.variable(variable), folder.hasPrefix("/") { return folder }
        return self.variable("HOME").map { "\($0)/\(home)" }
    }
}
