import COneDNN
import Testing

/// What is wrong in a call comes back as a status and a text with the shapes.
@Suite struct ErrorTests {
    func failure(_ body: () throws -> Void) throws -> Failure {
        do { try body() } catch let failure as Failure { return failure }
        Issue.record("nothing failed")
        return Failure(status: 0, text: "")
    }

    @Test func layouts() throws {
        #expect(
            try failure { _ = try Layout([2, -3]) }
                == Failure(status: HD_INVALID.rawValue, text: "layout f32[2,-3]: negative dimension"))
        #expect(
            try failure { _ = try Layout([2], dtype: 1) }
                == Failure(status: HD_UNSUPPORTED.rawValue, text: "layout f64[2]: oneDNN has no f64 on the CPU"))
        #expect(
            try failure { _ = try Layout([2], dtype: 9) }
                == Failure(status: HD_INVALID.rawValue, text: "layout: element type code 9, expected 0 to 7"))
        #expect(
            try failure { _ = try Layout([]) }
                == Failure(status: HD_INVALID.rawValue, text: "layout: rank 0, expected 1 to 12"))
        #expect(
            try failure { _ = try Layout.format([2, 3], HD_FORMAT_CHANNELS_LAST) }
                == Failure(
                    status: HD_INVALID.rawValue,
                    text: "layout [2,3]: formats by channels exist for rank 3 to 5, formats 0 to 3"))
    }

    func convolution(_ src: [Int], _ weights: [Int], _ dst: [Int], bias: [Int]? = nil, strides: [Int64] = [1, 1]) throws {
        let src = try Layout(src), weights = try Layout(weights), dst = try Layout(dst), bias = try bias.map { try Layout($0) }
        _ = try Primitive(reading: src, weights, bias, dst) {
            hd_convolution_forward_create(
                $0, src.pointer, weights.pointer, bias?.pointer, dst.pointer, strides, nil, nil, nil, HD_ALGORITHM_AUTO, 0)
        }
    }

    @Test func convolutions() throws {
        #expect(
            try failure { try convolution([1, 3, 8, 8], [4, 2, 3, 3], [1, 4, 6, 6]) }
                == Failure(
                    status: HD_INVALID.rawValue,
                    text: "convolution forward: input f32[1,3,8,8] abcd, weights f32[4,2,3,3] abcd, output f32[1,4,6,6] abcd, "
                        + "strides [1,1]: input has 3 channels, weights want 2"))
        #expect(
            try failure { try convolution([1, 2, 8, 8], [4, 2, 3, 3], [1, 4, 8, 8]) }.text
                .hasSuffix(": output is [1,4,8,8], expected [1,4,6,6]"))
        #expect(
            try failure { try convolution([1, 2, 2, 8], [4, 2, 3, 3], [1, 4, 1, 6]) }.text
                .hasSuffix(": output is [1,4,1,6], expected [1,4,0,6]"))
        #expect(
            try failure { try convolution([1, 2, 8, 8], [4, 2, 3, 3], [1, 4, 6, 6], bias: [5]) }.text
                .hasSuffix(": bias is f32[5] a, expected [4]"))
        #expect(
            try failure { try convolution([1, 2, 8, 8], [4, 2, 3, 3], [1, 4, 6, 6], strides: [0, 1]) }.text
                .hasSuffix(": strides and dilations must be at least 1, padding at least 0"))
        #expect(
            try failure { try convolution([1, 2], [4, 2], [1, 4]) }.text
                .hasSuffix(": ranks must be 3 to 5 for data, the same or, with groups, one more for weights"))
    }

    /// There is no Winograd for strides: not a fault of the caller's, so another status.
    @Test func winogradWithStridesIsUnsupported() throws {
        let src = try Layout.any([1, 16, 9, 9]), weights = try Layout.any([16, 16, 3, 3]), dst = try Layout.any([1, 16, 4, 4])
        let failure = try failure {
            _ = try Primitive(reading: src, weights, dst) {
                hd_convolution_forward_create(
                    $0, src.pointer, weights.pointer, nil, dst.pointer, [2, 2], nil, nil, nil, HD_ALGORITHM_WINOGRAD, 0)
            }
        }
        #expect(
            failure
                == Failure(
                    status: HD_UNSUPPORTED.rawValue,
                    text: "convolution forward: input f32[1,16,9,9] any, weights f32[16,16,3,3] any, output f32[1,16,4,4] any, "
                        + "strides [2,2]: oneDNN has no implementation of this combination"))
    }

    func matmul(_ a: [Int], _ b: [Int], _ c: [Int], bias: [Int]? = nil) throws {
        let a = try Layout(a), b = try Layout(b), c = try Layout(c), bias = try bias.map { try Layout($0) }
        _ = try Primitive(reading: a, b, bias, c) { hd_matmul_create($0, a.pointer, b.pointer, bias?.pointer, nil, c.pointer, 0) }
    }

    @Test func products() throws {
        #expect(
            try failure { try matmul([2, 3], [4, 5], [2, 5]) }
                == Failure(
                    status: HD_INVALID.rawValue,
                    text: "matmul: f32[2,3] ab by f32[4,5] ab to f32[2,5] ab: left side has 3 columns, right side 4 rows"))
        #expect(try failure { try matmul([2, 3], [3, 5], [2, 6]) }.text.hasSuffix(": output is [2,6], expected [2,5]"))
        #expect(try failure { try matmul([2, 3], [1, 3, 5], [2, 5]) }.text.hasSuffix(": ranks differ or are below 2"))
        #expect(
            try failure { try matmul([2, 2, 3], [3, 3, 5], [3, 2, 5]) }.text.hasSuffix(": batch dimensions do not broadcast"))
        #expect(
            try failure { try matmul([2, 3], [3, 5], [2, 5], bias: [1, 4]) }.text
                .hasSuffix(": bias f32[1,4] ab does not broadcast to the output"))
    }

    @Test func emptyOperands() throws {
        let end = ": an operand has no elements, so there is nothing for oneDNN to do"
        for (m, k, n) in [(0, 3, 4), (3, 0, 4), (3, 4, 0)] {
            #expect(try failure { try matmul([m, k], [k, n], [m, n]) }.text.hasSuffix(end))
        }
        #expect(try failure { try convolution([0, 2, 8, 8], [4, 2, 3, 3], [0, 4, 6, 6]) }.text.hasSuffix(end))
        #expect(try failure { try convolution([1, 2, 8, 8], [0, 2, 3, 3], [1, 0, 6, 6]) }.text.hasSuffix(end))
    }

    @Test func poolingNormalizationAndReorder() throws {
        let a = try Layout([1, 2, 4, 4]), b = try Layout([1, 2, 3, 3]), any = try Layout.any([1, 2, 4, 4])
        #expect(
            try failure {
                _ = try Primitive(reading: a, b) {
                    hd_pooling_forward_create($0, HD_POOL_MAX, 0, a.pointer, b.pointer, [2, 2], [2, 2], nil, nil)
                }
            }
                == Failure(
                    status: HD_INVALID.rawValue,
                    text: "pooling forward: input f32[1,2,4,4] abcd, output f32[1,2,3,3] abcd, kernel [2,2], strides [2,2]: "
                        + "output is [1,2,3,3], expected [1,2,2,2]"))
        #expect(
            try failure {
                _ = try Primitive(reading: a, b) { hd_batch_normalization_forward_create($0, 1, a.pointer, b.pointer, 1e-5) }
            }.text == "batch normalization forward: input f32[1,2,4,4] abcd, output f32[1,2,3,3] abcd: shapes differ")
        #expect(
            try failure { _ = try Primitive(reading: a, b) { hd_reorder_create($0, a.pointer, b.pointer) } }.text
                == "reorder: f32[1,2,4,4] abcd to f32[1,2,3,3] abcd: shapes differ")
        #expect(
            try failure { _ = try Primitive(reading: a, any) { hd_reorder_create($0, a.pointer, any.pointer) } }.text
                == "reorder: f32[1,2,4,4] abcd to f32[1,2,4,4] any: both layouts must be decided, not any")
    }

    @Test func versionNamesTheLibrary() {
        let version = String(cString: hd_version())
        #expect(version.hasPrefix("oneDNN 2.") || version.hasPrefix("oneDNN 3."))
        #expect(version.hasSuffix(", OpenMP"))
    }
}
