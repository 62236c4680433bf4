import Foundation
import HillockCore
import HillockFormats
import TestFolders
import Testing

@Suite struct SafetensorsTests {
    /// A file with this header and so many bytes of data.
    static func file(_ header: String, data: Int = 0) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8) + [UInt8](repeating: 0, count: data)
    }

    @Test func readsWhatPythonWrote() throws {
        let file = try SafetensorsFile(bytes: Fixtures.safetensors, file: "python.safetensors")
        #expect(file.metadata == ["format": "pt", "épique": "a \"quoted\"\nline"])
        #expect(
            Set(file.names) == ["hidden.weight", "double", "int", "long", "byte", "flag", "brain", "half", "scalar", "empty"])
        #expect(file.entry(named: "hidden.weight")?.shape == [2, 3])
        let arrays = try file.arrays()
        #expect(arrays["hidden.weight"]?.elements(as: Float.self) == [0, 0.25, 0.5, 0.75, 1, 1.25])
        #expect(arrays["double"]?.elements(as: Double.self) == [1.5, -2.5])
        #expect(arrays["int"]?.elements(as: Int32.self) == [-1, 2_147_483_647])
        #expect(arrays["long"]?.elements(as: Int64.self) == [-5] && arrays["long"]?.shape == [1, 1])
        #expect(arrays["byte"]?.elements(as: UInt8.self) == [0, 127, 255])
        #expect(arrays["flag"]?.elements(as: Bool.self) == [true, false, true])
        #expect(try arrays["brain"]?.dtype == .bfloat16 && bytes(#require(arrays["brain"])) == [0x80, 0x3f, 0x00, 0xc0])
        #expect(try arrays["half"]?.dtype == .float16 && bytes(#require(arrays["half"])) == [0x00, 0x3c, 0x00, 0xc0])
        #expect(arrays["scalar"]?.shape == [] && arrays["scalar"]?.elements(as: Float.self) == [7])
        #expect(arrays["empty"]?.shape == [0, 4])
    }

    @Test func exactBytes() throws {
        let bytes = try Safetensors.encode(
            ["b": HostArray([UInt8(9)]), "a": HostArray([UInt8(7)]), "w": HostArray([Float(1)], shape: [1, 1])], metadata: ["k": "v"])
        let header =
            #"{"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"#
            + #""a":{"dtype":"U8","shape":[1],"data_offsets":[4,5]},"b":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}}"#
        let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        #expect(bytes == Self.file(padded) + [0, 0, 0x80, 0x3f, 7, 9])
        #expect(try Safetensors.encode([:]) == Self.file("{}      "))
    }

    @Test func roundTripThroughAFile() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("weights.safetensors")
        let tensors = try SafetensorsFile(bytes: Fixtures.safetensors, file: "x").arrays()
        try Safetensors.write(tensors, metadata: ["line\n": "\u{1}\"\\🙂"], to: path)
        let file = try SafetensorsFile(path: path)
        #expect(file.metadata == ["line\n": "\u{1}\"\\🙂"])
        #expect(file.names.count == tensors.count)
        for (name, array) in tensors {
            let read = try file.array(named: name)
            #expect(same(read, array))
        }
        #expect(try InputFile.bytes(of: path) == Safetensors.encode(tensors, metadata: file.metadata))
        #expect(
            failure { try file.array(named: "output.bias") } == "\(path): there is no tensor named \"output.bias\" among the file's 10")
    }

    @Test func fileThatShrinksWhileItIsOpen() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("w")
        try Safetensors.write(["a": HostArray([Float](repeating: 1, count: 100))], to: path)
        let file = try SafetensorsFile(path: path)
        truncate(path, 100)
        #expect(
            failure { try file.array(named: "a") }
                == "\(path): safetensors file became shorter while it was read; another program is writing it")
    }

    static let refused: [(bytes: [UInt8], message: String)] = [
        (
            [1, 2, 3],
            "safetensors file ends at byte 3, expected 8 bytes of header length; the file is truncated or is not a safetensors file"
        ),
        (
            [UInt8](repeating: 0xff, count: 20),
            "safetensors header length is 18446744073709551615 at byte 0, expected at most 100000000; this is not a safetensors file"
        ),
        (
            Array(file("{}").dropLast()),
            "safetensors header length is 2 at byte 0, expected at most the 1 bytes that follow; the file is truncated or is not a safetensors file"
        ),
        (file(""), "safetensors header is empty at byte 8, expected a JSON object; this is not a safetensors file"),
        (
            file("[]"),
            "safetensors header is a text that begins with 0x5b at byte 8, expected a JSON object; this is not a safetensors file"
        ),
        (file("{\"a\" 1}"), "JSON text is wrong at byte 13, expected a colon"),
        (file("{\"a\":"), "JSON text ends at byte 13, expected a value"),
        (file("{} x"), "JSON text goes on after its value at byte 11"),
        (
            file(#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}}"#),
            "JSON name \"a\" appears twice in an object at byte 61"
        ),
        (file(#"{"__metadata__":{"epoch":3}}"#), "metadata \"epoch\" is the number 3 at byte 25, expected a string"),
        (file(#"{"__metadata__":[]}"#), "__metadata__ is an array at byte 9, expected an object of strings"),
        (
            file(#"{"a":7}"#),
            "tensor \"a\": its description is the number 7 at byte 9, expected an object with dtype, shape and data_offsets"
        ),
        (file(#"{"a":{"dtype":"U8","shape":[1]}}"#), "tensor \"a\": field data_offsets is missing at byte 9"),
        (
            file(#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"size":1}}"#, data: 1),
            "tensor \"a\": unknown field \"size\" at byte 9, expected dtype, shape and data_offsets"
        ),
        (
            file(#"{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}"#, data: 1),
            "tensor \"a\": dtype is F8_E4M3 at byte 9, expected one of F32, F64, I32, I64, U8, BOOL, BF16, F16; convert the tensor to one of these where it was saved"
        ),
        (
            file(#"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#, data: 1),
            "tensor \"a\": shape is holding the number -1 at byte 9, expected an array of whole numbers"
        ),
        (
            file(#"{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}"#, data: 1),
            "tensor \"a\": shape is holding the number 1.0 at byte 9, expected an array of whole numbers"
        ),
        (
            file(#"{"a":{"dtype":"U8","shape":[4611686018427387904,4611686018427387904,0],"data_offsets":[0,0]}}"#),
            "tensor \"a\": shape [4611686018427387904, 4611686018427387904, 0] overflows at byte 9"
        ),
        (
            file(#"{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,0]}}"#),
            "tensor \"a\": shape is holding the number 99999999999999999999 at byte 9, expected an array of whole numbers"
        ),
        (
            file(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, data: 4),
            "tensor \"a\": data_offsets is [0, 4], 4 bytes at byte 9, expected 8 bytes for F32 of shape [2]"
        ),
        (
            file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, data: 3),
            "tensor \"a\": data_offsets is [0, 4] at byte 9, expected a range within the 3 bytes of data; the file is truncated or damaged"
        ),
        (
            file(#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#, data: 3),
            "there is a gap before tensor \"b\" at byte 114; the file is damaged"
        ),
        (
            file(#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, data: 2),
            "tensor \"b\" overlaps the one before it at byte 114; the file is damaged"
        ),
        (file("{}", data: 5), "5 bytes follow the last tensor at byte 10; the file is damaged"),
    ]

    @Test(arguments: refused.indices) func refuses(_ index: Int) {
        let (bytes, message) = Self.refused[index]
        #expect(failure { try SafetensorsFile(bytes: bytes, file: "w") } == "w: " + message)
    }

    @Test func refusesABoolThatIsNone() throws {
        var bytes = try Safetensors.encode(["mask": HostArray([true, false])])
        bytes[bytes.count - 1] = 2
        let file = try SafetensorsFile(bytes: bytes, file: "w")
        #expect(failure { try file.array(named: "mask") } == "w: element 1 of tensor \"mask\" is 2 at byte 73, expected 0 or 1 (BOOL)")
    }

    @Test func refusesTheReservedName() {
        #expect(
            failure { try Safetensors.encode(["__metadata__": HostArray([1])]) }
                == "safetensors: a tensor cannot be named __metadata__; the format keeps its metadata there")
    }

    @Test func deepHeaderDoesNotOverflowTheStack() {
        let nested = Self.file("{\"a\":" + String(repeating: "[", count: 1_000_000))
        #expect(failure { try SafetensorsFile(bytes: nested, file: "w") } == "w: JSON text is nested deeper than 8 levels at byte 20")
    }
}
