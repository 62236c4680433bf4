import Foundation

/// The real data sets beside the package, `../shared/data`, or where `HILLOCK_SHARED` says; `nil` if they are not there.
let sharedData: String? = {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let folder =
        ProcessInfo.processInfo.environment["HILLOCK_SHARED"].map { $0 + "/data" }
        ?? package.deletingLastPathComponent().appendingPathComponent("shared/data").path
    return FileManager.default.fileExists(atPath: folder + "/mnist") ? folder : nil
}()
