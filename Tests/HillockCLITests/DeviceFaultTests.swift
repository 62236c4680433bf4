import Foundation
import TestFolders
import Testing

/// A device that fails is one line and status 1, and nothing of what its plugin writes reaches the user.
@Suite(.serialized) struct DeviceFaultTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.writeData()
    }

    @Test(
        arguments: [
            (
                .old,
                "[fake_old.so] cannot use the plugin: it speaks version 0.20 of PJRT; Hillock needs 0.54 or later of major version 0"
            ),
            (
                .noDevice,
                "[cuda] cannot start NVIDIA GPUs: No visible GPU devices; nvidia-smi shows what the driver sees, and CUDA_VISIBLE_DEVICES may hide it"
            ),
            (
                .full,
                "[cuda] cannot run the program: Out of memory while trying to allocate 1099511627776 bytes; 900.0 MB of 79.0 GB are free; "
            ),
            (.fullLater, "from the device: Out of memory while trying to allocate 1099511627776 bytes; 900.0 MB of 79.0 GB are free; "),
        ] as [(FakePlugin.Fault, String)])
    func training(fault: FakePlugin.Fault, expected: String) throws {
        let plugin = try FakePlugin(fault, in: folder)
        let run = try ProgramRun(
            ["train", "digits", "--model", "mlp", "--data", "toy", "--output", "run", "--device", "cuda"], in: folder.path,
            environment: ["HILLOCK_PJRT_PLUGIN": "cuda=\(plugin.path)"])
        #expect(run.status == 1)
        let line = run.errors.replacingOccurrences(of: folder.path + "/", with: "")
        #expect(line.hasPrefix("hillock: error: [") && line.contains(expected), "\(line)")
        #expect(line.filter(\.isNewline).count == 1 && line.hasSuffix("\n"), "\(line)")
        if fault == .full || fault == .fullLater { #expect(line.contains("the largest values are ")) }
    }

    @Test func aPluginThatIsNoPlugin() throws {
        try folder.write("cuda.so", Array("no library".utf8))
        let run = try ProgramRun(
            ["devices"], in: folder.path, environment: ["HILLOCK_PJRT_PLUGIN": "cpu=\(folder.file("cuda.so"))"])
        #expect(run.status == 0 && run.output.contains("what it drives is not known") && run.errors == "")
    }

    /// A second process finds what the first one compiled.
    @Test(.enabled(if: DeviceFaultTests.plugin != nil)) func programsAreCompiledOnce() throws {
        let plugin = try #require(Self.plugin)
        let environment = ["HILLOCK_PJRT_PLUGIN": "xla-cpu=\(plugin)", "HILLOCK_EXECUTABLES": folder.file("store")]
        func train(_ output: String) throws -> [String: Int] {
            let arguments = ["train", "digits", "--model", "mlp", "--data", "toy", "--epochs", "1", "--batch", "10", "--output", output]
            let run = try ProgramRun(arguments + ["--device", "xla-cpu"], in: folder.path, environment: environment)
            #expect(run.status == 0 && run.errors == "", "\(run.errors)")
            // A file that is written anew is another one.
            var numbers: [String: Int] = [:]
            for name in try FileManager.default.contentsOfDirectory(atPath: folder.file("store")) {
                numbers[name] = try FileManager.default.attributesOfItem(atPath: folder.file("store/\(name)"))[.systemFileNumber] as? Int
            }
            return numbers
        }
        let first = try train("a")
        #expect(first.count > 1)
        #expect(try train("b") == first)
        #expect(try folder.read("a/weights.safetensors").count == folder.read("b/weights.safetensors").count)
    }

    /// XLA's plugin for the CPU where `hillock devices install` puts it.
    private static let plugin: String? = {
        let environment = ProcessInfo.processInfo.environment
        let data = environment["XDG_DATA_HOME"] ?? (environment["HOME"] ?? "") + "/.local/share"
        let path = data + "/hillock/plugins/xla-cpu/lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()
}
