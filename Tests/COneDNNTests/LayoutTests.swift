import COneDNN
import Testing

@Suite struct LayoutTests {
    @Test func plainLayoutsKeepTheirStrides() throws {
        let rowMajor = try Layout([2, 3, 4])
        #expect(rowMajor.strides == [12, 4, 1])
        #expect(rowMajor.bytes == 96)
        #expect(rowMajor.shape == [2, 3, 4])
        #expect(rowMajor.description == "f32[2,3,4] abc")

        let transposed = try Layout([4, 3], strides: [1, 4])
        #expect(transposed.description == "f32[4,3] ba")
        #expect(transposed.isDense)
        let gap = try Layout([4, 3], strides: [5, 1])
        #expect(!gap.isDense)
        #expect(gap.bytes == 4 * 5 * 4)
    }

    @Test func blockedLayoutsAreDescribedAndPadded() throws {
        let even = try Layout.format([8, 32, 6, 6], HD_FORMAT_CHANNELS_BLOCKED_16)
        #expect(even.description == "f32[8,32,6,6] aBcd16b")
        #expect(!even.isPadded)
        #expect(even.isDense)
        #expect(even.strides == nil)

        let padded = try Layout.format([8, 20, 6, 6], HD_FORMAT_CHANNELS_BLOCKED_16)
        #expect(padded.isPadded)
        #expect(!padded.isDense)
        #expect(padded.bytes == 8 * 32 * 36 * 4)
        #expect(try Layout.format([8, 20, 6, 6], HD_FORMAT_CHANNELS_LAST).description == "f32[8,20,6,6] acdb")
    }

    @Test func anyIsUndecided() throws {
        let any = try Layout.any([2, 3])
        #expect(any.isAny)
        #expect(any.bytes == 0)
        #expect(!any.isPadded)
        #expect(any.description == "f32[2,3] any")
    }

    @Test func equalityAndCopies() throws {
        let a = try Layout([2, 3]), b = try Layout([2, 3], strides: [1, 2])
        #expect(a.equals(try Layout([2, 3])))
        #expect(!a.equals(b))
        #expect(!a.equals(try Layout([3, 2])))
        #expect(Layout(owning: b.read { hd_layout_clone($0)! }).equals(b))
    }

    @Test func descriptionsAreCutToTheBuffer() throws {
        var buffer = [CChar](repeating: 1, count: 6)
        #expect(try Layout([2, 3]).read { hd_layout_describe($0, &buffer, 6) } == 11)
        #expect(String(decoding: buffer.prefix(5).map(UInt8.init(bitPattern:)), as: UTF8.self) == "f32[2")
        #expect(buffer[5] == 0)
    }

    @Test func elementTypes() throws {
        let names: [Int32: (String, Int)] = [2: ("i32", 4), 4: ("u8", 1), 6: ("bf16", 2), 7: ("f16", 2)]
        for (code, (name, bytes)) in names {
            let layout = try Layout([5], dtype: code)
            #expect(layout.description == "\(name)[5] a")
            #expect(layout.bytes == 5 * bytes)
            #expect(layout.dtype == code)
        }
    }

    /// To bfloat16 and back keeps what eight bits hold.
    @Test func reorderConverts() throws {
        let wide = try Layout([4, 20, 3, 3]), narrow = try Layout([4, 20, 3, 3], dtype: 6)
        let blocked = try Layout.format([4, 20, 3, 3], HD_FORMAT_CHANNELS_BLOCKED_16)
        let x = values(4 * 20 * 9, seed: 1).map { ($0 * 64).rounded() / 64 }
        let half = Memory(bytes: narrow.bytes), block = Memory(bytes: blocked.bytes)
        var back = [Float](repeating: .nan, count: x.count)
        try withExtendedLifetime((wide, narrow, blocked, half, block)) {
            try x.withUnsafeBytes {
                try reorder(wide.pointer, UnsafeMutableRawPointer(mutating: $0.baseAddress!), narrow.pointer, half.pointer)
            }
            try reorder(narrow.pointer, half.pointer, blocked.pointer, block.pointer)
            try back.withUnsafeMutableBytes { try reorder(blocked.pointer, block.pointer, wide.pointer, $0.baseAddress!) }
            // The channels that only round up to the block are zero: channel 20 and up of the first image.
            let second = block.pointer.assumingMemoryBound(to: Float.self) + 16 * 9
            #expect((4..<16).allSatisfy { second[$0] == 0 })
        }
        #expect(back == x)
    }
}
