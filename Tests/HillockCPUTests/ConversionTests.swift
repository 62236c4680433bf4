import HillockCore
import Testing

/// Conversions where rounding, saturation and wrapping show, on every device.
@Suite struct ConversionTests {
    private func expect<From: TensorElement>(
        _ values: [From], to dtype: DType, are wanted: [Double], sourceLocation: Testing.SourceLocation = #_sourceLocation
    ) throws {
        for device in StoredValueTests.devices {
            try Device.$current.withValue(device) {
                let got = try Tensor(values).converted(to: dtype).hostArray()
                #expect(got.dtype == dtype)
                for (index, (a, b)) in zip(got.doubles, wanted).enumerated() where !(a == b || a.isNaN && b.isNaN) {
                    Issue.record("\(values[index]) to \(dtype) on \(device) is \(a), expected \(b)", sourceLocation: sourceLocation)
                }
                #expect(got.count == wanted.count, sourceLocation: sourceLocation)
            }
        }
    }

    @Test func realsSaturateToWholeNumbers() throws {
        let values: [Double] = [0.9, -0.9, 1.5, -1.5, 300, -1, 3e9, -3e9, 1e19, -1e19, .infinity, -.infinity, .nan]
        let (low, high) = (Double(Int32.min), Double(Int32.max))
        try expect(values, to: .int32, are: [0, 0, 1, -1, 300, -1, high, low, high, low, high, low, 0])
        try expect(values, to: .int64, are: [0, 0, 1, -1, 300, -1, 3e9, -3e9, 0x1p63, -0x1p63, 0x1p63, -0x1p63, 0])
        try expect(values, to: .uint8, are: [0, 0, 1, 0, 255, 0, 255, 0, 255, 0, 255, 0, 0])
        let floats = values.map { Float($0) }
        try expect(floats, to: .int32, are: [0, 0, 1, -1, 300, -1, high, low, high, low, high, low, 0])
        try expect(floats, to: .int64, are: [0, 0, 1, -1, 300, -1, 3e9, -3e9, 0x1p63, -0x1p63, 0x1p63, -0x1p63, 0])
        try expect(floats, to: .uint8, are: [0, 0, 1, 0, 255, 0, 255, 0, 255, 0, 255, 0, 0])
    }

    @Test func wholeNumbersWrap() throws {
        try expect([0x1_0000_0005, -1, 1 << 31, 1 << 40], to: .int32, are: [5, -1, Double(Int32.min), 0])
        try expect([300, -1, 256, 255], to: .uint8, are: [44, 255, 0, 255])
        try expect([-1, 300] as [Int32], to: .int64, are: [-1, 300])
        try expect([255, 0] as [UInt8], to: .int32, are: [255, 0])
    }

    @Test func everythingButZeroIsTrue() throws {
        try expect([0, -0.0, 0.1, -2, .nan, .infinity] as [Float], to: .bool, are: [0, 0, 1, 1, 1, 1])
        try expect([0, 256, -1], to: .bool, are: [0, 1, 1])
        try expect([true, false], to: .float32, are: [1, 0])
    }

    @Test func doublesRoundToFloats() throws {
        try expect(
            [1 + 0x1p-24, 1 + 0x3p-24, 1 + 0x1p-24 + 0x1p-50, 3.5e38, -3.5e38, 0x1p-150, .nan], to: .float32,
            are: [1, 1 + 0x1p-22, 1 + 0x1p-23, .infinity, -.infinity, 0, .nan])
        // The native engine takes denormal numbers for zero.
        Device.$current.withValue(.reference) {
            #expect(Tensor([0x1.8p-149]).converted(to: .float32).elements(as: Float.self) == [0x1p-148])
        }
    }

    @Test func floatsRoundToBrainFloats() throws {
        // Seven bits after the point; ties to even.
        try expect(
            [1 + 0x1p-8, 1 + 0x3p-8, 1 + 0x1p-8 + 0x1p-20, -1 - 0x1p-8, 3.3895e38, 3.3962e38, .infinity, -.infinity, .nan, 0x1p-133]
                as [Float],
            to: .bfloat16, are: [1, 1 + 0x1p-6, 1 + 0x1p-7, -1, 0x1.fep127, .infinity, .infinity, -.infinity, .nan, 0x1p-133])
    }

    @Test func doublesRoundToBrainFloatsOnce() throws {
        // Rounded to f32 first, the last bit would be lost and the tie go down.
        try expect([1 + 0x1p-8 + 0x1p-40, 1 + 0x1p-8 - 0x1p-40, 1e39, .nan], to: .bfloat16, are: [1 + 0x1p-7, 1, .infinity, .nan])
    }

    @Test func floatsRoundToHalves() throws {
        try expect(
            [1 + 0x1p-11, 1 + 0x3p-11, 65519, 65520, -65520, 0x1p-24, 0x1p-25, 0x1.8p-25, .nan] as [Float], to: .float16,
            are: [1, 1 + 0x1p-9, 65504, .infinity, -.infinity, 0x1p-24, 0, 0x1p-24, .nan])
    }

    @Test func doublesRoundToHalvesOnce() throws {
        try expect([1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11 - 0x1p-40, 65519.9999999], to: .float16, are: [1 + 0x1p-10, 1, 65504])
    }

    @Test func wholeNumbersRoundToReals() throws {
        try expect([1 << 24 | 1, 1 << 24 | 3], to: .float32, are: [0x1p24, 0x1p24 + 4])
        try expect([1 << 53 | 1, 1 << 53 | 3], to: .float64, are: [0x1p53, 0x1p53 + 4])
        // By way of f64 the 1 would be lost and the tie go down.
        try expect([1 << 60 | 1 << 36 | 1], to: .float32, are: [0x1p60 + 0x1p37])
    }
}
