import Foundation

/// A PJRT plugin that fails in a way of one's choice; compiled when it is made, from `Tests/FakePlugin`.
package struct FakePlugin: Sendable {
    /// What it is bad at.
    package enum Fault: String, Sendable {
        case old = "OLD"
        case noDevice = "NO_DEVICE"
        case full = "FULL"
        case fullLater = "FULL_LATER"
    }

    /// The library.
    package let path: String

    /// Compiles it into a folder with the C compiler that comes with Swift.
    package init(_ fault: Fault, in folder: TemporaryFolder) throws {
        path = folder.file("fake_\(fault.rawValue.lowercased()).so")
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let headers = tests.deletingLastPathComponent().appendingPathComponent("Sources/CPJRT/include").path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "clang", "-shared", "-fPIC", "-O1", "-D\(fault.rawValue)", "-I", headers, "-o", path,
            tests.appendingPathComponent("FakePlugin/fake_plugin.c").path,
        ]
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 { throw CocoaError(.executableLoad) }
    }
}
