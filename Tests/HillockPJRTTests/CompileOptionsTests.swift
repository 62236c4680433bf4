import HillockPJRT
import Testing

/// The bytes that plugins read.
@Suite struct CompileOptionsTests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { (String($0, radix: 16).count < 2 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
    private let anyDevice = "08 ff ff ff ff ff ff ff ff ff 01"

    // Expected bytes were put together by hand from the field numbers, and are those that plugins were seen to accept.
    @Test func oneDevice() {
        #expect(hex(CompileOptions(devices: [[3]]).serialized) == "1a 1a \(anyDevice) 20 01 28 01 4a 09 08 01 10 01 1a 03 0a 01 03")
    }

    @Test func partsOfAProgram() {
        let assignment = (0..<4).map { "1a 03 0a 01 0\($0)" }.joined(separator: " ")
        #expect(
            hex(CompileOptions(devices: [[0, 1, 2, 3]]).serialized)
                == "1a 2e \(anyDevice) 20 01 28 04 30 01 4a 18 08 01 10 04 \(assignment) 98 01 01")
    }

    @Test func replicas() {
        #expect(
            hex(CompileOptions(devices: [[0], [1], [2], [3]]).serialized)
                == "1a 1d \(anyDevice) 20 04 28 01 4a 0c 08 04 10 01 1a 06 0a 04 00 01 02 03")
    }

    @Test func settings() {
        let bytes = CompileOptions(devices: [[0]], settings: ["xla_gpu_cuda_data_dir": .text("/usr/local/cudaa")]).serialized
        let key = hex(Array("xla_gpu_cuda_data_dir".utf8))
        let value = hex(Array("/usr/local/cudaa".utf8))
        #expect(hex(bytes).hasSuffix("3a 2b 0a 15 \(key) 12 12 0a 10 \(value)"))
        let others = CompileOptions(devices: [[0]], settings: ["a": .flag(false), "b": .integer(5), "c": .real(1)]).serialized
        let flagAndInteger = "3a 07 0a 01 61 12 02 10 00 3a 07 0a 01 62 12 02 18 05"
        #expect(hex(others).hasSuffix("\(flagAndInteger) 3a 0e 0a 01 63 12 09 21 00 00 00 00 00 00 f0 3f"))
    }
}
