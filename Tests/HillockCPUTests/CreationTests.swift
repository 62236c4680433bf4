import HillockCore
import Testing

/// The devices that everything here runs on.
@Suite struct DeviceTests {
    @Test func theNativeEngineIsLinked() {
        #expect(StoredValueTests.devices.map(\.description) == ["reference", "cpu"])
    }
}

/// What creation promises beyond single values.
@Suite struct CreationTests {
    @Test func linspaceHasBothEnds() {
        for device in StoredValueTests.devices {
            Device.$current.withValue(device) {
                for count in 2...200 {
                    for (start, end) in [(0, 1), (-1, 2), (0.1, 0.7)] as [(Double, Double)] {
                        let x = Tensor.linspace(from: start, to: end, count: count).elements(as: Float.self)
                        #expect(x[0] == Float(start) && x[count - 1] == Float(end), "\(count) numbers from \(start) to \(end) on \(device)")
                    }
                }
            }
        }
    }
}
