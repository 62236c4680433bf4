import HillockCore

/// The format of the MNIST database: a magic number, big-endian extents, then the elements, row-major and big-endian.
///
/// The magic number is two zero bytes, the element type and the number of dimensions. Source: "The IDX file format",
/// <http://yann.lecun.com/exdb/mnist/>. Files may be compressed by gzip; that is seen from their first bytes, not their names.
public enum IDX {
    /// What the caller takes a file to be; another magic number is an error that says so.
    public struct Expectation: Sendable, Hashable {
        /// Element type.
        public let dtype: DType
        /// Number of dimensions.
        public let rank: Int

        /// Elements of `dtype` in `rank` dimensions.
        public init(dtype: DType, rank: Int) {
            self.dtype = dtype
            self.rank = rank
        }

        /// Grey images: unsigned bytes, `[N, H, W]`.
        public static let images = Expectation(dtype: .uint8, rank: 3)
        /// Class labels: unsigned bytes, `[N]`.
        public static let labels = Expectation(dtype: .uint8, rank: 1)
    }

    /// Reads a file, compressed or not.
    ///
    /// - Throws: ``FileError`` if it cannot be read, ``FormatError`` if it is not what it should be.
    public static func read(_ path: String, expecting expectation: Expectation? = nil) throws -> HostArray {
        try decode(InputFile.bytes(of: path), file: path, expecting: expectation)
    }

    /// Reads the bytes of a file, compressed or not; `file` is its name for messages.
    public static func decode(_ bytes: [UInt8], file: String, expecting expectation: Expectation? = nil) throws -> HostArray {
        let content = Gzip.isCompressed(bytes) ? try Gzip.decompress(bytes, file: file) : bytes
        let header = try Header(content, file: file, expecting: expectation)
        return HostArray(dtype: header.dtype, shape: header.shape) { target in
            content.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[header.byteCount...])) }
            swapFromBigEndian(target, elementSize: header.dtype.byteCount)
        }
    }

    /// The bytes of an uncompressed file that holds the array.
    ///
    /// - Throws: ``FormatError`` if the format has no such element type (`i64`, `bool`, `bf16`, `f16`), more than 255 dimensions, or an
    ///   extent beyond 32 bits.
    public static func encode(_ array: HostArray, file: String = "IDX") throws -> [UInt8] {
        guard let type = ElementType(array.dtype) else {
            throw FormatError(file: file, what: "IDX element type", got: array.dtype.name, expected: "u8, i32, f32 or f64")
        }
        guard array.shape.rank <= 255, array.shape.dimensions.allSatisfy({ $0 <= UInt32.max }) else {
            throw FormatError(file: file, what: "shape \(array.shape) does not fit IDX (at most 255 dimensions of 32 bits)")
        }
        var result: [UInt8] = [0, 0, type.rawValue, UInt8(array.shape.rank)]
        for extent in array.shape.dimensions { withUnsafeBytes(of: UInt32(extent).bigEndian) { result.append(contentsOf: $0) } }
        let start = result.count
        array.withBytes { result.append(contentsOf: $0) }
        result.withUnsafeMutableBytes {
            swapFromBigEndian(UnsafeMutableRawBufferPointer(rebasing: $0[start...]), elementSize: array.dtype.byteCount)
        }
        return result
    }

    /// Writes a file atomically, compressed by gzip if `compressed`.
    public static func write(_ array: HostArray, to path: String, compressed: Bool) throws {
        let bytes = try encode(array, file: path)
        try AtomicFile.write(compressed ? Gzip.compress(bytes, level: 9) : bytes, to: path)
    }

    /// Big-endian to host order or back, in place: the same swap either way.
    private static func swapFromBigEndian(_ bytes: UnsafeMutableRawBufferPointer, elementSize: Int) {
        func swap<Word: FixedWidthInteger>(_ type: Word.Type) {
            for offset in stride(from: 0, to: bytes.count, by: elementSize) {
                let word = bytes.loadUnaligned(fromByteOffset: offset, as: Word.self)
                bytes.storeBytes(of: Word(bigEndian: word), toByteOffset: offset, as: Word.self)
            }
        }
        switch elementSize {
        case 4: swap(UInt32.self)
        case 8: swap(UInt64.self)
        default: break
        }
    }
}
