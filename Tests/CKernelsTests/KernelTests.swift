import CKernels
import Testing

/// Tests of the vector kernels against obvious loops.
///
/// They switch the instruction set and the number of threads, which are the process's, so all run one after another.
@Suite("Kernels", .serialized)
struct KernelTests {
    /// Lengths around the ends of a granule (16) and of a tile, none at all, and enough for several threads.
    static let lengths = [0, 1, 15, 16, 17, 1000, 70_001]

    /// The instruction sets that this processor has, best first.
    static let variants: [String] = {
        let best = String(cString: hk_isa())
        let all = ["avx512bf16", "avx512", "avx2", "plain"].filter { (name: String) in hk_set_isa(name) }
        _ = hk_set_isa(best)
        return all
    }()

    /// Runs `body` with every instruction set, on one thread and on two.
    static func onEveryVariant(_ body: (String) throws -> Void) rethrows {
        defer {
            _ = hk_set_isa(variants[0])
            hk_set_threads(0)
        }
        for variant in variants {
            _ = hk_set_isa(variant)
            for threads: Int32 in [1, 2] {
                hk_set_threads(threads)
                try body("\(variant), \(threads) threads")
            }
        }
    }

    /// The bits of `make()` on one, two and three threads are the same; returns what it made.
    static func sameBits<T: BitwiseCopyable>(_ what: String, _ make: () -> [T]) -> [T] {
        hk_set_threads(1)
        defer { hk_set_threads(0) }
        let one = make()
        for threads: Int32 in [2, 3] {
            hk_set_threads(threads)
            let more = make()
            let equal = one.withUnsafeBytes { a in more.withUnsafeBytes { b in a.elementsEqual(b) } }
            #expect(equal, "\(what): \(threads) threads gave other bits")
        }
        return one
    }
}

/// A small random generator with a fixed start, so that a failure comes again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Memory that kernels read and write, with a guard behind its end.
class Memory {
    let start: UnsafeMutableRawPointer
    let byteCount: Int

    init<T: BitwiseCopyable>(_ values: [T]) {
        byteCount = values.count * MemoryLayout<T>.stride
        start = .allocate(byteCount: byteCount + 64, alignment: 64)
        values.withUnsafeBytes { start.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(start), byteCount: byteCount) }
        (start + byteCount).initializeMemory(as: UInt8.self, repeating: 0xA5, count: 64)
    }

    convenience init<T: BitwiseCopyable>(repeating value: T, count: Int) { self.init([T](repeating: value, count: count)) }

    deinit { start.deallocate() }

    /// What is there now; stops when something was written behind the end.
    func array<T: BitwiseCopyable>(_ type: T.Type = T.self) -> [T] {
        let guardBand = UnsafeRawBufferPointer(start: start + byteCount, count: 64)
        #expect(guardBand.allSatisfy { $0 == 0xA5 }, "written behind the end")
        let count = byteCount / MemoryLayout<T>.stride
        return [T](unsafeUninitializedCapacity: count) { buffer, filled in
            guard let base = buffer.baseAddress else { return }
            UnsafeMutableRawPointer(base).copyMemory(from: start, byteCount: byteCount)
            filled = count
        }
    }
}

/// An element type that the kernels compute with.
protocol Element: BitwiseCopyable, Equatable, AdditiveArithmetic {
    static var type: UInt8 { get }
}
extension Float: Element { static var type: UInt8 { UInt8(hk_type_f32.rawValue) } }
extension Double: Element { static var type: UInt8 { UInt8(hk_type_f64.rawValue) } }
extension Int32: Element { static var type: UInt8 { UInt8(hk_type_i32.rawValue) } }
extension Int64: Element { static var type: UInt8 { UInt8(hk_type_i64.rawValue) } }
extension UInt8: Element { static var type: UInt8 { UInt8(hk_type_u8.rawValue) } }
let boolType = UInt8(hk_type_bool.rawValue)

/// Random numbers with special values among them.
func samples<T: BinaryFloatingPoint>(_ count: Int, in range: ClosedRange<Double>, special: [T] = []) -> [T] {
    var generator = SplitMix(state: 7)
    return (0..<count).map { index in
        if index % 5 == 3, !special.isEmpty { return special[index / 5 % special.count] }
        return T(Double.random(in: range, using: &generator))
    }
}

func samples<T: FixedWidthInteger>(_ count: Int, in range: ClosedRange<T>, special: [T] = []) -> [T] {
    var generator = SplitMix(state: 11)
    return (0..<count).map { index in
        if index % 5 == 3, !special.isEmpty { return special[index / 5 % special.count] }
        return T.random(in: range, using: &generator)
    }
}

/// How far `got` is from `want` in units in the last place of `want`; results that count as zero are no distance apart.
func ulps(_ got: Float, _ want: Double) -> Double {
    if want.isNaN || got.isNaN { return want.isNaN && got.isNaN ? 0 : .infinity }
    let rounded = Float(want)
    if got == rounded { return 0 }
    if rounded.isInfinite || got.isInfinite {
        return abs(want) > 3.402_823_4e38 && abs(got) >= .greatestFiniteMagnitude && (got > 0) == (want > 0) ? 1 : .infinity
    }
    if abs(want) < Double(Float.leastNormalMagnitude) { return abs(got) <= Float.leastNormalMagnitude ? 0 : .infinity }
    return abs(Double(got) - want) / Double(rounded.ulp)
}
