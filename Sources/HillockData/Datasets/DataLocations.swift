import Glibc
import HillockFormats

/// Where data sets are looked for, and where downloads go.
///
/// The order: `$HILLOCK_DATA/NAME`, the user's cache (`$XDG_CACHE_HOME/hillock/data/NAME`, or `~/.cache/hillock/data/NAME`), then the folders
/// where the system's packages install them.
public struct DataLocations: Sendable, Hashable {
    /// `$HILLOCK_DATA`, if set.
    public let dataFolder: String?
    /// The user's cache folder.
    public let cacheFolder: String

    /// The locations that these environment variables give.
    public init(environment: [String: String], homeFolder: String) {
        dataFolder = environment["HILLOCK_DATA"].flatMap { $0.isEmpty ? nil : $0 }
        // The XDG specification: a relative path is to be ignored.
        let cache = environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        cacheFolder = cache ?? FilePath.join(homeFolder, ".cache")
    }

    /// The locations of this process.
    public static var current: DataLocations {
        DataLocations(
            environment: ["HILLOCK_DATA", "XDG_CACHE_HOME"].reduce(into: [:]) { $0[$1] = variable($1) }, homeFolder: home)
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// The user's own folder: `$HOME`, or what the system has in its list of users.
    private static var home: String {
        if let home = variable("HOME"), !home.isEmpty { return home }
        return getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) } ?? "/"
    }

    /// The folders where a data set may be, in the order in which they are looked at.
    public func folders(for entry: DatasetEntry) -> [String] {
        [dataFolder.map { FilePath.join($0, entry.name) }, cached(entry)].compactMap(\.self) + entry.systemFolders
    }

    /// The folder that a download of the data set goes to: the first of ``folders(for:)``.
    public func downloadFolder(for entry: DatasetEntry) -> String { folders(for: entry)[0] }

    /// The first folder that has all files of a data set.
    ///
    /// - Throws: ``DatasetError/notFound(name:lookedIn:commands:)``, which says where it was looked for and how to get it.
    public func locate(_ entry: DatasetEntry) throws -> String {
        let folders = folders(for: entry)
        if let folder = folders.first(where: { (try? ImageFolder($0)) != nil }) { return folder }
        let commands = ["hillock data fetch \(entry.name)"] + (entry.systemPackage.map { ["sudo apt install \($0)"] } ?? [])
        throw DatasetError.notFound(name: entry.name, lookedIn: folders, commands: commands)
    }

    private func cached(_ entry: DatasetEntry) -> String {
        FilePath.join(cacheFolder, "hillock/data/\(entry.name)")
    }
}
