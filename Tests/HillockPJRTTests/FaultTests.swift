import HillockCore
import HillockPJRT
import TestFolders
import Testing

/// What is said of plugins that fail.
@Suite(.serialized) struct FaultTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func plugin(_ fault: FakePlugin.Fault) throws -> Plugin { try Plugin(.cuda, path: FakePlugin(fault, in: folder).path) }

    private func device(_ fault: FakePlugin.Fault) throws -> Device {
        Device(PJRTEngine(try Client(plugin(fault)).device(0), name: "fake \(fault)"))
    }

    @Test func anOldPlugin() {
        let text = failure { try plugin(.old) }
        #expect(
            text
                == "[\(folder.path)/fake_old.so] cannot use the plugin: it speaks version 0.20 of PJRT; Hillock needs 0.54 or later of major version 0"
        )
    }

    @Test func noDeviceThatIsVisible() {
        let text = failure { try device(.noDevice) }
        #expect(
            text
                == "[cuda] cannot start NVIDIA GPUs: No visible GPU devices; nvidia-smi shows what the driver sees, and CUDA_VISIBLE_DEVICES may hide it"
        )
    }

    /// Both when the program is handed over and when its results are read.
    @Test(arguments: [FakePlugin.Fault.full, .fullLater]) func noMemoryLeft(fault: FakePlugin.Fault) throws {
        let device = try device(fault)
        let action = fault == .full ? "run the program" : "read f32[64, 100] from the device"
        let x = Tensor([Float](repeating: 1, count: 100))
        let (y, z) = Device.$current.withValue(device) {
            let y = exp(x.broadcast(to: [64, 100]))
            // Nothing stops here; the tensor carries the error, and so does what is made from it.
            evaluate(y)
            return (y, y + 1)
        }
        #expect(
            failure { try y.hostArray() }
                == "[fake \(fault)] cannot \(action): Out of memory while trying to allocate 1099511627776 bytes; 900.0 MB of 79.0 GB are free; "
                + "the largest values are broadcast f32[64, 100] (25.6 kB), exp f32[64, 100] (25.6 kB), input f32[100] (400 bytes); "
                + "a smaller batch takes less")
        #expect(failure { try z.hostArray() }.contains("Out of memory"))
        #expect(x.elements(as: Float.self)[99] == 1)
    }
}
