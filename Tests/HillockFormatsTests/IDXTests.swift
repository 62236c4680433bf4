import HillockCore
import HillockFormats
import TestFolders
import Testing

@Suite struct IDXTests {
    let images = HostArray((0..<24).map { UInt8($0 * 10) }, shape: [2, 3, 4])

    @Test func bytesAsTheFormatSays() throws {
        #expect(
            try IDX.encode(HostArray([Int32(1), -2], shape: [2, 1]))
                == [0, 0, 0x0c, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe])
        let array = try IDX.decode([0, 0, 0x0d, 1, 0, 0, 0, 2, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], file: "x")
        #expect(array.elements(as: Float.self) == [1, -2])
    }

    @Test func roundTrips() throws {
        let arrays = [
            images, HostArray([Int32.min, 0, 7]), HostArray([Float.pi, -.infinity], shape: [1, 2]), HostArray([Double.pi], shape: []),
            HostArray([UInt8](), shape: [0, 28, 28]),
        ]
        for array in arrays {
            for bytes in [try IDX.encode(array), Gzip.compress(try IDX.encode(array))] {
                let read = try IDX.decode(bytes, file: "x")
                #expect(same(read, array))
            }
        }
    }

    @Test func files() throws {
        let folder = try TemporaryFolder()
        try IDX.write(images, to: folder.file("plain"), compressed: false)
        try IDX.write(images, to: folder.file("packed"), compressed: true)  // no .gz in the name: the content tells
        for name in ["plain", "packed"] {
            #expect(try same(IDX.read(folder.file(name), expecting: .images), images))
        }
        #expect(failure { try IDX.read(folder.file("none")) } == "\(folder.file("none")): cannot read: no such file or folder")
        #expect(failure { try IDX.read(folder.path) } == "\(folder.path): cannot read: it is a folder, not a file")
    }

    @Test func messages() throws {
        func message(_ bytes: [UInt8], _ expectation: IDX.Expectation? = nil) -> String {
            failure { try IDX.decode(bytes, file: "train-images.gz", expecting: expectation) }
        }
        let bytes = try IDX.encode(images)
        let labels = try IDX.encode(HostArray([UInt8](0..<10)))
        #expect(
            message(Gzip.compress([0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 0]), .images)
                == "train-images.gz: IDX magic number is 0x00000802 at byte 0, expected 0x00000803 (unsigned bytes, 3 dimensions)")
        #expect(
            message(labels, .images)
                == "train-images.gz: IDX magic number is 0x00000801 at byte 0, expected 0x00000803 (unsigned bytes, 3 dimensions); this is a file of labels"
        )
        #expect(
            message(bytes, .labels)
                == "train-images.gz: IDX magic number is 0x00000803 at byte 0, expected 0x00000801 (unsigned bytes, 1 dimension); this is a file of images"
        )
        #expect(
            message(Array("hello world".utf8))
                == "train-images.gz: IDX magic number is 0x68656c6c at byte 0, expected 0x0000TTDD, with TT an element type and DD the number of dimensions"
        )
        #expect(
            message([0, 0, 9, 1, 0, 0, 0, 0])
                == "train-images.gz: IDX element type is 0x09 (signed bytes) at byte 2, expected unsigned bytes, 32-bit integers, 32-bit floats or 64-bit floats"
        )
        #expect(
            message([0, 0, 8])
                == "train-images.gz: IDX file ends at byte 3, expected at least the 4 bytes of its magic number; the file is truncated")
        #expect(
            message(Array(bytes.prefix(9)))
                == "train-images.gz: IDX file ends at byte 9, expected 16 bytes of header for 3 dimensions; the file is truncated")
        #expect(
            message(bytes.dropLast())
                == "train-images.gz: IDX content is 23 bytes long at byte 16, expected 24 bytes for unsigned bytes of shape [2, 3, 4]; the file is truncated"
        )
        #expect(
            message(bytes + [0])
                == "train-images.gz: IDX content is 25 bytes long at byte 16, expected 24 bytes for unsigned bytes of shape [2, 3, 4]; the file has trailing bytes"
        )
        let absurd: [UInt8] = [0, 0, 8, 3] + [UInt8](repeating: 0xff, count: 12)
        #expect(
            message(absurd) == "train-images.gz: IDX extents [4294967295, 4294967295, 4294967295] overflow at byte 4; the file is damaged")
        #expect(message([0, 0, 8, 4] + [UInt8](repeating: 0xff, count: 12) + [0, 0, 0, 0]).contains("overflow"))
        #expect(
            failure { try IDX.encode(HostArray([true]), file: "x") } == "x: IDX element type is bool, expected u8, i32, f32 or f64")
    }
}
