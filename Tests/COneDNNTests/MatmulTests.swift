import COneDNN
import Testing

/// A product [batch..., m, k] by [batch..., k, n], with batch dimensions of 1 broadcasting.
struct Product: CustomStringConvertible {
    var name: String
    var left: [Int] = [], right: [Int] = []
    var m: Int, k: Int, n: Int
    var isLeftTransposed = false, isRightTransposed = false, isPacked = false

    var description: String { name }
    var batch: [Int] { zip(left, right).map { max($0, $1) } }

    func layout(_ batch: [Int], _ rows: Int, _ columns: Int, isTransposed: Bool) throws -> Layout {
        var strides = isTransposed ? [1, rows] : [columns, 1]
        var next = rows * columns
        for extent in batch.reversed() {
            strides.insert(next, at: 0)
            next *= extent
        }
        return try Layout(batch + [rows, columns], strides: strides)
    }

    func primitive(bias: Layout? = nil, addend: Layout? = nil, post: UInt32 = 0) throws -> Primitive {
        let src = try layout(left, m, k, isTransposed: isLeftTransposed)
        let weights = isPacked ? try .any(right + [k, n]) : try layout(right, k, n, isTransposed: isRightTransposed)
        let dst = try Layout(batch + [m, n])
        return try Primitive(reading: src, weights, bias, addend, dst) {
            hd_matmul_create(
                $0, src.pointer, weights.pointer, bias?.pointer, addend?.pointer, dst.pointer, Int32(post))
        }
    }

    func expected(_ a: [Float], _ b: [Float]) -> [Double] {
        var result = [Double](repeating: 0, count: product(batch) * m * n)
        forEachIndex(batch) { index in
            let l = flat(zip(index, left).map { min($0, $1 - 1) }, left) * m * k
            let r = flat(zip(index, right).map { min($0, $1 - 1) }, right) * k * n
            let y = flat(index, batch) * m * n
            for i in 0..<m {
                for j in 0..<n {
                    for p in 0..<k { result[y + i * n + j] += Double(a[l + i * k + p]) * Double(b[r + p * n + j]) }
                }
            }
        }
        return result
    }
}

let products = [
    Product(name: "small", m: 3, k: 7, n: 5),
    Product(name: "left transposed", m: 9, k: 17, n: 20, isLeftTransposed: true),
    Product(name: "right transposed", m: 16, k: 33, n: 10, isRightTransposed: true),
    Product(name: "both transposed", m: 5, k: 6, n: 7, isLeftTransposed: true, isRightTransposed: true),
    Product(name: "packed", m: 32, k: 70, n: 48, isPacked: true),
    Product(name: "row by matrix", m: 1, k: 64, n: 30),
    Product(name: "matrix by column", m: 40, k: 50, n: 1),
    Product(name: "batched", left: [3], right: [3], m: 4, k: 5, n: 6),
    Product(name: "right broadcast", left: [2, 3], right: [1, 1], m: 4, k: 5, n: 6),
    Product(name: "left broadcast", left: [1, 3], right: [2, 3], m: 4, k: 8, n: 6, isRightTransposed: true),
    Product(name: "cut along the inner dimension", m: 20, k: 4096, n: 24, isLeftTransposed: true),
    Product(name: "cut by rows", m: 400, k: 2048, n: 8, isLeftTransposed: true),
    Product(name: "cut by columns", m: 8, k: 2048, n: 400, isLeftTransposed: true),
    Product(name: "cut by batch", left: [6], right: [6], m: 8, k: 2048, n: 8, isLeftTransposed: true),
]

extension Product {
    /// Values of the left and right side as they lie in memory for `run`, which takes row-major arrays.
    var operands: (a: [Float], b: [Float]) {
        (values(product(left) * m * k, seed: 1), values(product(right) * k * n, seed: 2))
    }
}

@Suite struct MatmulTests {
    @Test(arguments: products)
    func matchesLoops(_ p: Product) throws {
        let (a, b) = p.operands
        let primitive = try p.primitive()
        let result = try primitive.run([0: a, 1: b], reading: [4])[0]
        #expect(difference(result, p.expected(a, b)) < 1e-5, "\(primitive.implementation)")
    }

    @Test(arguments: products)
    func biasAddendAndPostOperations(_ p: Product) throws {
        let (a, b) = p.operands
        let rank = p.batch.count + 2
        let bias = values(p.n, seed: 3), addend = values(product(p.batch) * p.m * p.n, seed: 4)
        let before = values(addend.count, seed: 5)
        var expected = p.expected(a, b)
        for i in expected.indices {
            expected[i] = max(expected[i] + Double(bias[i % p.n]) + Double(addend[i]) + Double(before[i]), 0)
        }
        let biasLayout = try Layout([Int](repeating: 1, count: rank - 1) + [p.n])
        let primitive = try p.primitive(
            bias: biasLayout, addend: try Layout(p.batch + [p.m, p.n]), post: HD_POST_SUM.rawValue | HD_POST_RELU.rawValue)
        let result = try primitive.run([0: a, 1: b, 2: bias, 3: addend, 4: before], reading: [4])[0]
        #expect(difference(result, expected) < 1e-5, "\(primitive.implementation)")
    }

    /// How long products are cut follows from their shapes.
    @Test func longProductsAreDivided() throws {
        let inner = try products.first { $0.name == "cut along the inner dimension" }!.primitive()
        #expect(inner.implementation.hasSuffix(" in 2 parts"))
        let rows = try products.first { $0.name == "cut by rows" }!.primitive()
        #expect(rows.implementation.hasSuffix(" in 4 parts"))
    }
}
