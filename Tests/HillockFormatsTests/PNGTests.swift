import HillockCore
import HillockFormats
import TestFolders
import Testing

@Suite struct PNGTests {
    private func samples(_ bytes: [UInt8], _ channels: PNGImage.Channels = .asStored) throws -> (Shape, [UInt8]) {
        let image = try PNGImage.decode(bytes, file: "x.png", channels: channels)
        return (image.shape, image.elements())
    }

    @Test func roundTrips() throws {
        let grey = HostArray((0..<35).map { UInt8($0 * 7) }, shape: [5, 7])
        let colour = HostArray((0..<60).map { UInt8($0 * 4) }, shape: [4, 5, 3])
        #expect(try samples(PNGImage.encode(grey)) == ([5, 7, 1], grey.elements()))
        #expect(try samples(PNGImage.encode(colour)) == ([4, 5, 3], colour.elements()))
        let folder = try TemporaryFolder()
        try PNGImage.write(colour, to: folder.file("a.png"))
        #expect(try PNGImage.read(folder.file("a.png")).elements(as: UInt8.self) == colour.elements())
    }

    @Test func kindsThatOthersWrite() throws {
        #expect(try samples(Fixtures.palettePNG) == ([1, 3, 3], [0, 0, 255, 255, 0, 0, 0, 255, 0]))
        #expect(try samples(Fixtures.oneBitPNG) == ([1, 3, 1], [255, 0, 255]))
        #expect(try samples(Fixtures.grey16PNG) == ([1, 3, 1], [0, 128, 255]))
        #expect(try samples(Fixtures.rgb16PNG) == ([1, 1, 3], [255, 128, 0]))
        let grid = (0..<4).flatMap { y in (0..<5).map { x in UInt8(16 * y + x) } }
        #expect(try samples(Fixtures.interlacedPNG) == ([4, 5, 1], grid))
    }

    @Test func transparencyIsBlendedWithTheBackground() throws {
        #expect(try samples(Fixtures.greyAlphaPNG) == ([1, 2, 1], [40, 255]))
        // 0, 100 and 200 at 128/255 over white.
        #expect(try samples(Fixtures.rgbaPNG) == ([1, 3, 3], [10, 20, 30, 255, 255, 255, 127, 177, 227]))
        let onBlack = try PNGImage.decode(Fixtures.rgbaPNG, file: "x.png", background: 0)
        #expect(onBlack.elements(as: UInt8.self) == [10, 20, 30, 0, 0, 0, 0, 50, 100])
    }

    @Test func channelsAsAskedFor() throws {
        #expect(try samples(Fixtures.oneBitPNG, .rgb) == ([1, 3, 3], [255, 255, 255, 0, 0, 0, 255, 255, 255]))
        #expect(try samples(Fixtures.palettePNG, .grey) == ([1, 3, 1], [29, 76, 150]))
    }

    @Test func messages() throws {
        func message(_ bytes: [UInt8], limit: Int = PNGImage.defaultPixelLimit) -> String {
            failure { try PNGImage.decode(bytes, file: "x.png", pixelLimit: limit) }
        }
        #expect(message([]) == "x.png: this is an empty file, expected a PNG picture")
        #expect(message([0xff, 0xd8, 0xff, 0xe0]) == "x.png: this is a JPEG picture, expected a PNG picture; convert it to PNG")
        #expect(message(Array("text".utf8)) == "x.png: the PNG signature is missing at byte 0, expected a PNG picture")
        #expect(
            message(Fixtures.hugePNG)
                == "x.png: PNG picture cannot be read: 1000000 x 1000000 pixels are more than the limit of 100000000")
        #expect(message(Fixtures.palettePNG, limit: 2) == "x.png: PNG picture cannot be read: 3 x 1 pixels are more than the limit of 2")
        #expect(message(Fixtures.palettePNG, limit: 3) == "(no error)")
        // From here on the reason is libpng's, and depends on its version.
        #expect(message(Array(Fixtures.interlacedPNG.prefix(45))).hasPrefix("x.png: PNG picture cannot be read: "))
        var damaged = Fixtures.interlacedPNG
        damaged[45] ^= 0xff
        #expect(message(damaged).hasPrefix("x.png: PNG picture cannot be read: "))
        #expect(
            failure { try PNGImage.encode(HostArray([Float(1)], shape: [1, 1])) }
                == "PNG: picture is f32 of shape [1, 1], expected u8 of shape [H, W], [H, W, 1] or [H, W, 3]")
        #expect(
            failure { try PNGImage.encode(HostArray([UInt8](), shape: [0, 4])) }
                == "PNG: picture is 0 x 4, expected 1 to 1000000 pixels each way")
    }
}
