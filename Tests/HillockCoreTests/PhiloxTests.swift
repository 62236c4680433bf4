import HillockCore
import Testing

/// The generator against its authors' known answers, and where keys come from.
@Suite struct PhiloxTests {
    /// From `kat_vectors` of Random123 1.14.0, `philox4x32 10`.
    @Test func knownAnswers() {
        #expect(Philox(key: 0).block(0) == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        #expect(Philox(key: .max).block(.max, high: .max) == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        // The digits of π: counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0, least significant word first.
        #expect(
            Philox(key: 0x299f_31d0_a409_3822).block(0x85a3_08d3_243f_6a88, high: 0x0370_7344_1319_8a2e)
                == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    @Test func wordsAreThoseOfTheBlocks() {
        let philox = Philox(key: 42)
        let words = (0..<3).flatMap { block -> [UInt32] in
            let (a, b, c, d) = philox.block(UInt64(block))
            return [a, b, c, d]
        }
        #expect((0..<12).map { philox[$0] } == words)
    }

    @Test func keysDependOnSeedAndPlaceAlone() {
        let source = RandomSource(seed: 7)
        let keys = (0..<5).map { _ in source.nextKey() }
        #expect(Set(keys).count == 5)
        #expect((0..<5).map { RandomSource(seed: 7, position: UInt64($0)).nextKey() } == keys)
        #expect(RandomSource(seed: 8).nextKey() != keys[0])
        #expect(source.position == (7, 5))
        source.restore(seed: 7, position: 2)
        #expect(source.nextKey() == keys[2])
    }

    @Test func withSeedDependsOnNothingBefore() {
        func inner() -> UInt64 {
            _ = withSeed(9) { draw() }
            return draw()
        }
        func draw() -> UInt64 { RandomSource.current.nextKey() }
        let first = withSeed(3) { [draw(), draw()] }
        _ = (0..<10).map { _ in draw() }
        #expect(withSeed(3) { [draw(), draw()] } == first)
        #expect(withSeed(4) { [draw(), draw()] } != first)
        // An inner seed does not move the outer one.
        #expect(withSeed(3) { [draw(), inner()] } == first)
    }
}
