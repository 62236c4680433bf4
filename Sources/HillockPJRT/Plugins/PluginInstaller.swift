import Glibc

/// Installs a plugin into Hillock's own folder with pip, which is how their makers publish them. Nothing of Python is used to run them.
package struct PluginInstaller: Sendable {
    /// What to install.
    package let kind: PluginKind
    /// Where its packages go.
    package let folder: String
    private let python: String

    /// An installer, if what it needs is there.
    /// - Throws: ``PJRTError`` without a home folder, `python3` or pip; it says so in one line.
    package init(_ kind: PluginKind, catalog: PluginCatalog = .current) throws(PJRTError) {
        func failure(_ reason: String, _ hint: String) -> PJRTError {
            PJRTError(.notFound, device: kind.name, action: "install the plugin", reason: reason, hint: hint)
        }
        guard let own = catalog.ownFolder else { throw failure("there is no home folder", "set HOME or XDG_DATA_HOME") }
        guard let python = Self.program("python3") else {
            throw failure("python3 is not installed", "it is needed for the download only: sudo apt install python3-pip, or the like")
        }
        guard Self.run([python, "-m", "pip", "--version"]) == 0 else {
            throw failure("\(python) has no pip", "it is needed for the download only: sudo apt install python3-pip, or the like")
        }
        (self.kind, self.folder, self.python) = (kind, "\(own)/\(kind.name)", python)
    }

    /// What is run; the last words are the packages.
    package func command(into target: String) -> [String] {
        let words = [
            "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-compile", "--only-binary=:all:", "--retries=2",
        ]
        return [python] + words + ["--target", target] + (kind.installsDependencies ? [] : ["--no-deps"]) + kind.packages
    }

    /// Downloads and unpacks; pip shows how far it is, and what it complains about is said in one line. What was there before is replaced when all
    /// is well, and not before.
    package func install() throws(PJRTError) {
        let staging = "\(folder).\(getpid())"
        func failure(_ reason: String, _ hint: String? = nil) -> PJRTError {
            PJRTError(.unavailable, device: kind.name, action: "install the plugin into \(folder)", reason: reason, hint: hint)
        }
        guard FileSearch.makeFolder(staging) else { throw failure(String(cString: strerror(errno)).lowercased()) }
        defer { Self.removeTree(staging) }
        let complaints = "\(staging).messages"
        defer { unlink(complaints) }
        let status = Self.run(command(into: staging), complaints: complaints)
        guard status == 0 else {
            let (reason, hint) = Self.explanation(of: FileSearch.lines(of: complaints), status)
            throw failure(reason, hint)
        }
        guard kind.libraryPatterns.contains(where: { !FileSearch.matches("\(staging)/\($0)").isEmpty }) else {
            throw failure("the packages hold no plugin where it is looked for", "they may have changed: this is to be reported")
        }
        let old = "\(staging).old"
        let hadOne = rename(folder, old) == 0
        guard rename(staging, folder) == 0 else {
            let code = errno
            if hadOne { rename(old, folder) }
            throw failure(String(cString: strerror(code)).lowercased())
        }
        if hadOne { Self.removeTree(old) }
    }

    /// Where a program is, by the path that shells search.
    private static func program(_ name: String) -> String? {
        (Environment.variable("PATH") ?? "/usr/bin:/bin").split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// Why pip failed, by what it wrote to standard error, and what to do.
    package static func explanation(of lines: [String], _ status: Int32) -> (reason: String, hint: String?) {
        let signs = [
            "NewConnectionError", "NameResolutionError", "Temporary failure in name resolution", "Name or service not known",
            "ConnectTimeout",
            "Network is unreachable", "ProxyError", "Connection refused", "ConnectionResetError", "Read timed out",
        ]
        if lines.contains(where: { line in signs.contains(where: line.contains) }) {
            return ("pip cannot reach the package index", "is there a network? behind a proxy set HTTPS_PROXY")
        }
        let errors = lines.filter { $0.hasPrefix("ERROR: ") }.map { String($0.dropFirst(7)) }
        guard let reason = errors.first ?? lines.last else { return ("pip ended with status \(status)", nil) }
        return ("pip says: \(reason)", nil)
    }

    /// Runs a program to its end; gives its exit status, or -1. It is silent, or writes to a file what it complains about.
    private static func run(_ words: [String], complaints: String? = nil) -> Int32 {
        // Said only where root installs into a system's Python, which this does not.
        setenv("PIP_ROOT_USER_ACTION", "ignore", 0)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if complaints == nil { posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) }
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, complaints ?? "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process = pid_t()
        guard posix_spawn(&process, words[0], &actions, nil, &arguments, environ) == 0 else { return -1 }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 { if errno != EINTR { return -1 } }
        return status & 0x7f == 0 ? status >> 8 & 0xff : -1
    }

    /// Removes a folder and everything in it; links are not followed.
    static func removeTree(_ path: String) {
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
                if name != ".", name != ".." { removeTree("\(path)/\(name)") }
            }
            closedir(folder)
        }
        remove(path)
    }
}
