/// Finds plugins: in `HILLOCK_PJRT_PLUGIN`, in Hillock's own folder, and where pip puts them.
package struct PluginCatalog: Sendable {
    /// A plugin's library that is there.
    package struct Entry: Sendable, Hashable {
        /// What it drives.
        package let kind: PluginKind
        /// The library.
        package let path: String
        /// How it was found: `HILLOCK_PJRT_PLUGIN`, `installed`, `pip`.
        package let origin: String

        /// A library at a path.
        package init(kind: PluginKind, path: String, origin: String) {
            (self.kind, self.path, self.origin) = (kind, path, origin)
        }
    }

    /// The value of `HILLOCK_PJRT_PLUGIN`: paths, separated by commas, each after `kind=` where its name does not tell.
    package let choice: String?
    /// Hillock's own folder; in it one folder of Python packages for each kind.
    package let ownFolder: String?
    /// Folders of Python packages.
    package let packageFolders: [String]

    /// A catalog of these places.
    package init(choice: String?, ownFolder: String?, packageFolders: [String]) {
        (self.choice, self.ownFolder, self.packageFolders) = (choice, ownFolder, packageFolders)
    }

    /// The places of this process.
    package static var current: PluginCatalog {
        PluginCatalog(
            choice: Environment.variable("HILLOCK_PJRT_PLUGIN"),
            ownFolder: Environment.folder("XDG_DATA_HOME", under: ".local/share").map { "\($0)/hillock/plugins" },
            packageFolders: pythonFolders)
    }

    /// The plugins of a kind that are there, the one to use first.
    package func entries(_ kind: PluginKind) throws(PJRTError) -> [Entry] {
        var entries = try chosen().filter { $0.kind == kind }
        let folders = (ownFolder.map { [("\($0)/\(kind.name)", "installed")] } ?? []) + packageFolders.map { ($0, "pip") }
        for (folder, origin) in folders {
            for pattern in kind.libraryPatterns {
                guard let path = FileSearch.matches("\(folder)/\(pattern)").last else { continue }
                entries.append(Entry(kind: kind, path: path, origin: origin))
                break
            }
        }
        var seen: Set<String> = []
        return entries.filter { seen.insert(FileSearch.resolved($0.path)).inserted }
    }

    /// The plugin of a kind to use.
    /// - Throws: ``PJRTError`` where there is none, which says what to install.
    package func entry(_ kind: PluginKind) throws(PJRTError) -> Entry {
        if let entry = try entries(kind).first { return entry }
        throw PJRTError(
            .unusablePlugin, device: kind.name, action: "use \(kind.title)", reason: "no plugin for them is installed",
            hint: "install it by hillock devices install \(kind.name), or name one by HILLOCK_PJRT_PLUGIN=PATH")
    }

    /// What the environment names.
    private func chosen() throws(PJRTError) -> [Entry] {
        var entries: [Entry] = []
        for word in (choice ?? "").split(separator: ",") {
            func failure(_ reason: String) -> PJRTError {
                PJRTError(.unusablePlugin, device: String(word), action: "use HILLOCK_PJRT_PLUGIN", reason: reason)
            }
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            let path = parts[parts.count - 1]
            let kinds = PluginKind.allCases.map(\.name).joined(separator: ", ")
            guard let kind = parts.count == 2 ? PluginKind(rawValue: parts[0]) : PluginKind(ofLibrary: path) else {
                throw failure("what it drives is not known; write KIND=\(path), where the kind is one of \(kinds)")
            }
            guard FileSearch.exists(path) else { throw failure("there is no such file") }
            entries.append(Entry(kind: kind, path: path, origin: "HILLOCK_PJRT_PLUGIN"))
        }
        return entries
    }

    /// Folders of Python packages: of the active environment, the user, each `python3` on the path, pyenv, and the system.
    private static var pythonFolders: [String] {
        var roots: [String] = []
        for name in ["VIRTUAL_ENV", "CONDA_PREFIX"] { if let folder = Environment.variable(name) { roots.append(folder) } }
        if let home = Environment.variable("HOME") { roots.append("\(home)/.local") }
        for folder in (Environment.variable("PATH") ?? "").split(separator: ":") where FileSearch.exists("\(folder)/python3") {
            roots.append(String(folder.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }))
            // The program may be a link into another installation.
            roots.append(FileSearch.resolved("\(folder)/python3").split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 })
        }
        if let home = Environment.variable("HOME") { roots += FileSearch.matches("\(home)/.pyenv/versions/*") }
        roots += ["/usr/local", "/usr"]
        var folders: [String] = []
        for root in roots {
            for pattern in ["lib/python3*/site-packages", "lib/python3*/dist-packages", "lib/python3/dist-packages"] {
                for folder in FileSearch.matches("\(root)/\(pattern)") where !folders.contains(folder) { folders.append(folder) }
            }
        }
        return folders
    }
}
