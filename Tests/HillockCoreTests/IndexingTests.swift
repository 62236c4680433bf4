import HillockCore
import Testing

/// Brackets take what NumPy's basic indexing takes.
@Suite struct IndexingTests {
    private struct Entry: Decodable {
        let shape: [Int]
        let items: [Item]
        /// Shape of the part, and its elements where the array's are 0, 1, 2 …
        let result: [Int]
        let elements: [Int]
    }

    private enum Item: Decodable {
        case index(TensorIndex)

        private enum Key: String, CodingKey { case index, from, to, step }

        init(from decoder: any Decoder) throws {
            if let word = try? decoder.singleValueContainer().decode(String.self) {
                self = .index(word == "newAxis" ? .newAxis : .ellipsis)
                return
            }
            let container = try decoder.container(keyedBy: Key.self)
            if let index = try container.decodeIfPresent(Int.self, forKey: .index) {
                self = .index(.index(index))
            } else {
                self = .index(
                    .range(
                        from: try container.decodeIfPresent(Int.self, forKey: .from),
                        to: try container.decodeIfPresent(Int.self, forKey: .to),
                        step: try container.decode(Int.self, forKey: .step)))
            }
        }
    }

    @Test func partsAreNumPys() throws {
        let entries: [Entry] = try ReferenceFile.entries("indexing.json")
        #expect(entries.count == 300)
        for (number, entry) in entries.enumerated() {
            let shape = Shape(entry.shape)
            let array = Tensor(Array(0..<shape.count), shape: shape)
            let items = entry.items.map { item -> TensorIndex in
                switch item {
                case .index(let index): index
                }
            }
            let part = at(array, items)
            #expect(part.shape.dimensions == entry.result, "expression \(number): \(entry.items) of \(shape)")
            #expect(part.elements(as: Int.self) == entry.elements, "expression \(number): \(entry.items) of \(shape)")
        }
    }

    /// A subscript with a list of indices: Swift cannot spread an array over variadic parameters.
    private func at(_ x: Tensor, _ i: [TensorIndex]) -> Tensor {
        switch i.count {
        case 0: x[]
        case 1: x[i[0]]
        case 2: x[i[0], i[1]]
        case 3: x[i[0], i[1], i[2]]
        case 4: x[i[0], i[1], i[2], i[3]]
        case 5: x[i[0], i[1], i[2], i[3], i[4]]
        case 6: x[i[0], i[1], i[2], i[3], i[4], i[5]]
        case 7: x[i[0], i[1], i[2], i[3], i[4], i[5], i[6]]
        case 8: x[i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7]]
        default: x[i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7], i[8]]
        }
    }

    @Test func rangesOfSwift() {
        let x = Tensor([0, 1, 2, 3, 4] as [Int32])
        #expect(x[1..<3].elements(as: Int32.self) == [1, 2])
        #expect(x[1...3].elements(as: Int32.self) == [1, 2, 3])
        #expect(x[(-3)...(-2)].elements(as: Int32.self) == [2, 3])
        #expect(x[(-2)...(-1)].elements(as: Int32.self) == [3, 4])
        #expect(x[(-2)...].elements(as: Int32.self) == [3, 4])
        #expect(x[..<2].elements(as: Int32.self) == [0, 1])
        #expect(x[..<(-2)].elements(as: Int32.self) == [0, 1, 2])
        #expect(x[...2].elements(as: Int32.self) == [0, 1, 2])
        #expect(x[...(-1)].elements(as: Int32.self) == [0, 1, 2, 3, 4])
        #expect(x[3...9].elements(as: Int32.self) == [3, 4])
        #expect(x[-1].elements(as: Int32.self) == [4])
    }
}
