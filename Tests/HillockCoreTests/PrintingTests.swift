import HillockCore
import Testing

/// Tensors print as NumPy prints them.
@Suite struct PrintingTests {
    private struct Entry: Decodable {
        let dtype: String
        let shape: [Int]
        /// The elements' bytes in hexadecimal.
        let bits: String
        /// What `np.array2string(array, precision=4)` gives.
        let text: String

        var tensor: Tensor {
            get throws {
                let named = DType.allCases.first { $0.name == self.dtype }
                let dtype = try #require(named)
                let digits = Array(bits.utf8)
                func value(_ digit: UInt8) -> UInt8 { digit < 58 ? digit - 48 : digit - 87 }
                return Tensor(
                    HostArray(dtype: dtype, shape: Shape(shape)) { target in
                        for index in target.indices where 2 * index < digits.count {
                            target[index] = value(digits[2 * index]) << 4 | value(digits[2 * index + 1])
                        }
                    })
            }
        }
    }

    @Test func textIsNumPys() throws {
        let entries: [Entry] = try ReferenceFile.entries("printing.json")
        #expect(entries.count > 150)
        for entry in entries {
            let text = try "\(entry.tensor)"
            #expect(text == entry.text, "\(entry.dtype)\(entry.shape)")
        }
    }

    @Test func truthValuesAreSwifts() {
        #expect("\(Tensor([true, false]))" == "[ true false]")
        #expect("\(Tensor([true, true]))" == "[true true]")
        #expect("\(Tensor([true]).reshaped(to: []))" == "true")
    }

    @Test func emptyTensorsSayTheirShape() {
        #expect("\(Tensor.zeros([0]))" == "[]")
        #expect("\(Tensor.zeros([2, 0]))" == "[] (shape [2, 0])")
    }

    @Test func brainFloatsPrintAsTheFloatsTheyAre() {
        #expect("\(Tensor([1.5, -2, 0.1] as [Float]).converted(to: .bfloat16))" == "[ 1.5    -2.      0.1001]")
    }

    @Test func debugTextHasTheType() {
        #expect(String(reflecting: Tensor([[1, 2]] as [[Float]])) == "Tensor(f32[1, 2]): [[1. 2.]]")
    }
}
