import CImage
import HillockCore

/// Pictures in PNG files, read and written by libpng.
///
/// Any PNG is read: palette, 1 to 16 bits, interlaced, grey or colour, with or without alpha.
public enum PNGImage {
    /// Which channels a picture is read into.
    public enum Channels: Sendable, Hashable {
        /// One channel if the file is grey, three if it is in colour.
        case asStored
        /// One channel; colour becomes its luma, `0.299 R + 0.587 G + 0.114 B` (ITU-R BT.601), as in other image libraries.
        case grey
        /// Three channels: red, green, blue.
        case rgb
    }

    /// The most pixels that are read unless told otherwise: 100 million.
    public static let defaultPixelLimit = 100_000_000

    /// Reads a file into an array of `u8`, shape `[H, W, C]` with C = 1 (grey) or 3 (red, green, blue).
    ///
    /// Transparent pixels are blended with `background`, white unless told otherwise, on the stored (sRGB) values.
    ///
    /// - Throws: ``FileError`` if the file cannot be read; ``FormatError`` if it is no PNG, is damaged or has more than `pixelLimit` pixels.
    public static func read(
        _ path: String, channels: Channels = .asStored, background: UInt8 = 255, pixelLimit: Int = defaultPixelLimit
    ) throws -> HostArray {
        try decode(InputFile.bytes(of: path), file: path, channels: channels, background: background, pixelLimit: pixelLimit)
    }

    /// Reads the bytes of a file, as ``read(_:channels:background:pixelLimit:)`` does; `file` is its name for messages.
    public static func decode(
        _ bytes: [UInt8], file: String, channels: Channels = .asStored, background: UInt8 = 255, pixelLimit: Int = defaultPixelLimit
    ) throws -> HostArray {
        try checkSignature(bytes, file: file)
        var image = HillockImage()
        try withMessage(file: file, what: "PNG picture cannot be read") { message in
            bytes.withUnsafeBytes { hillock_png_decode($0.baseAddress, $0.count, max(0, pixelLimit), &image, message) != 0 }
        }
        defer { hillock_image_free(image.pixels) }
        let isColour = image.channels == 4
        let asksGrey = channels == .grey || (channels == .asStored && !isColour)
        let source = UnsafeBufferPointer(start: image.pixels, count: image.height * image.width * image.channels)
        let back = Int(background)
        return HostArray(dtype: .uint8, shape: [image.height, image.width, asksGrey ? 1 : 3]) { target in
            for pixel in 0..<image.height * image.width {
                let from = pixel * image.channels
                let alpha = Int(source[from + image.channels - 1])
                func sample(_ channel: Int) -> Int { (Int(source[from + channel]) * alpha + back * (255 - alpha) + 127) / 255 }
                switch (isColour, asksGrey) {
                case (false, true): target[pixel] = UInt8(sample(0))
                case (false, false): for channel in 0..<3 { target[3 * pixel + channel] = UInt8(sample(0)) }
                case (true, false): for channel in 0..<3 { target[3 * pixel + channel] = UInt8(sample(channel)) }
                case (true, true): target[pixel] = UInt8((299 * sample(0) + 587 * sample(1) + 114 * sample(2) + 500) / 1000)
                }
            }
        }
    }

    /// The bytes of a PNG file of an array of `u8`: grey of shape `[H, W]` or `[H, W, 1]`, or RGB of shape `[H, W, 3]`.
    ///
    /// - Throws: ``FormatError`` for another element type or shape, an empty picture, or one beyond a million pixels in height or width.
    public static func encode(_ image: HostArray, file: String = "PNG") throws -> [UInt8] {
        let extents = image.shape.dimensions
        let channels = extents.count == 3 ? extents[2] : 1
        guard image.dtype == .uint8, extents.count == 2 || (extents.count == 3 && (channels == 1 || channels == 3)) else {
            throw FormatError(
                file: file, what: "picture", got: "\(image.dtype) of shape \(image.shape)",
                expected: "u8 of shape [H, W], [H, W, 1] or [H, W, 3]")
        }
        guard extents[0] > 0, extents[1] > 0, extents[0] <= 1_000_000, extents[1] <= 1_000_000 else {
            throw FormatError(file: file, what: "picture", got: "\(extents[0]) x \(extents[1])", expected: "1 to 1000000 pixels each way")
        }
        var data: UnsafeMutablePointer<UInt8>?
        var size = 0
        try withMessage(file: file, what: "PNG picture cannot be written") { message in
            image.withBytes { bytes in
                size = hillock_png_encode(
                    bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), extents[0], extents[1], channels, &data, message)
            }
            return size > 0
        }
        defer { hillock_image_free(data) }
        return Array(UnsafeBufferPointer(start: data, count: size))
    }

    /// Writes a file atomically; for what is taken and thrown see ``encode(_:file:)``, and ``FileError`` if it cannot be written.
    public static func write(_ image: HostArray, to path: String) throws {
        try AtomicFile.write(encode(image, file: path), to: path)
    }

    private static func checkSignature(_ bytes: [UInt8], file: String) throws {
        guard !bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) else { return }
        let kinds: [(start: [UInt8], name: String)] = [
            ([0xff, 0xd8, 0xff], "a JPEG picture"), (Array("GIF8".utf8), "a GIF picture"), (Array("RIFF".utf8), "a RIFF file such as WebP"),
            (Array("BM".utf8), "a BMP picture"),
        ]
        let kind = bytes.isEmpty ? "an empty file" : kinds.first { bytes.starts(with: $0.start) }?.name
        throw FormatError(
            file: file, what: kind.map { "this is \($0)" } ?? "the PNG signature is missing", at: kind == nil ? .byte(0) : nil,
            expected: "a PNG picture", hint: kind == nil || bytes.isEmpty ? nil : "convert it to PNG")
    }

    /// Runs a C function that leaves a text when it returns false, and throws that text.
    private static func withMessage(file: String, what: String, _ body: (UnsafeMutablePointer<CChar>) -> Bool) throws {
        try withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(HILLOCK_IMAGE_MESSAGE_SIZE)) { message in
            message.initialize(repeating: 0)
            guard !body(message.baseAddress!) else { return }
            throw FormatError(file: file, what: "\(what): \(String(cString: message.baseAddress!))")
        }
    }
}
