import HillockCore
import HillockFormats
import Testing

/// Damaged files: a reader throws ``FormatError`` or gives a result, whatever it is given. A trap ends the test run.
@Suite struct FuzzTests {
    /// SplitMix64, so that a printed seed is the whole test.
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }

    static func mutated(_ original: [UInt8], _ generator: inout Generator) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            guard !bytes.isEmpty else { break }
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            let size = min(Int.random(in: 1...8, using: &generator), bytes.count - place)
            switch Int.random(in: 0..<7, using: &generator) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[place] = .random(in: 0 ... .max, using: &generator)
            case 2: bytes.replaceSubrange(place..<place + size, with: [UInt8](repeating: 0xff, count: size))
            case 3: bytes.removeSubrange(place..<place + size)
            case 4: bytes.insert(contentsOf: bytes[place..<place + size], at: place)
            case 5: bytes.removeLast(bytes.count - place)
            default:
                // Digits and signs of texts: numbers become huge, negative or fractional.
                let text = ["9999999999999999999", "-1", "1e9", "\"", "[", "{}", "0"].randomElement(using: &generator)!
                bytes.replaceSubrange(place..<place + size, with: Array(text.utf8))
            }
        }
        return bytes
    }

    private func fuzz(_ original: [UInt8], rounds: Int, _ read: ([UInt8]) throws -> Void) {
        let seed = UInt64.random(in: 0 ... .max)
        print("fuzz seed \(seed)")
        var generator = Generator(state: seed)
        var refused = 0
        for round in 0..<rounds {
            let bytes = Self.mutated(original, &generator)
            do {
                try read(bytes)
            } catch let error as FormatError {
                refused += 1
                #expect(!error.description.contains("\n"), "seed \(seed), round \(round)")
            } catch {
                Issue.record("seed \(seed), round \(round): \(error)")
            }
        }
        #expect(refused > rounds / 10, "seed \(seed): the mutations do not reach the reader's checks")
    }

    @Test func gzip() {
        fuzz(Gzip.compress(Array("the quick brown fox jumps over the lazy dog".utf8)), rounds: 5000) {
            _ = try Gzip.decompress($0, file: "x.gz", limit: 1 << 16)
        }
    }

    @Test func idx() throws {
        for array in [HostArray([UInt8](0..<24), shape: [2, 3, 4]), HostArray([1.5, 2.5], shape: [2, 1])] {
            fuzz(try IDX.encode(array), rounds: 5000) { _ = try IDX.decode($0, file: "x").shape.strides }
            fuzz(Gzip.compress(try IDX.encode(array)), rounds: 2000) { _ = try IDX.decode($0, file: "x") }
        }
    }

    @Test func safetensors() {
        fuzz(Fixtures.safetensors, rounds: 10000) {
            for array in try SafetensorsFile(bytes: $0, file: "x").arrays().values { _ = array.shape.strides }
        }
    }

    @Test func png() throws {
        for original in [Fixtures.palettePNG, Fixtures.interlacedPNG, Fixtures.rgbaPNG, Fixtures.rgb16PNG] {
            fuzz(original, rounds: 1500) { _ = try PNGImage.decode($0, file: "x.png", pixelLimit: 1 << 16) }
        }
    }
}
