import HillockCore

extension OperationCase {
    /// Changes of shape.
    static let shapes: [OperationCase] = [
        OperationCase("shape/transposed/matrix", "transposed()") { $0[0].transposed() },
        OperationCase("shape/transposed/batch", "transposed()") { $0[0].transposed() },
        OperationCase("shape/transposed/permutation", "transposed([Int])") { $0[0].transposed([2, 0, 1]) },
        OperationCase("shape/transposed/four", "transposed([Int])") { $0[0].transposed([0, 2, 3, 1]) },
        OperationCase("shape/transposed/negative", "transposed([Int])") { $0[0].transposed([-1, 0, -2]) },
        OperationCase("shape/transposed/identity", "transposed([Int])") { $0[0].transposed([0, 1]) },
        OperationCase("shape/transposed/empty", "transposed([Int])") { $0[0].transposed([2, 1, 0]) },
        OperationCase("shape/transposed/integers", "transposed()") { $0[0].transposed() },
        OperationCase("shape/reshaped/matrix", "reshaped(to: Shape)") { $0[0].reshaped(to: [3, 4]) },
        OperationCase("shape/reshaped/open", "reshaped(to: Shape)") { $0[0].reshaped(to: [4, -1]) },
        OperationCase("shape/reshaped/toScalar", "reshaped(to: Shape)") { $0[0].reshaped(to: []) },
        OperationCase("shape/reshaped/fromScalar", "reshaped(to: Shape)") { $0[0].reshaped(to: [1, 1]) },
        OperationCase("shape/reshaped/empty", "reshaped(to: Shape)") { $0[0].reshaped(to: [3, 0, 2]) },
        OperationCase("shape/reshaped/afterTranspose", "reshaped(to: Shape)") { $0[0].transposed().reshaped(to: [3, 4]) },
        OperationCase("shape/flattened/all", "flattened(axes: ClosedRange<Int>?)") { $0[0].flattened() },
        OperationCase("shape/flattened/scalar", "flattened(axes: ClosedRange<Int>?)") { $0[0].flattened() },
        OperationCase("shape/flattened/some", "flattened(axes: ClosedRange<Int>?)") { $0[0].flattened(axes: 1...2) },
        OperationCase("shape/squeezed/all", "squeezed(axis: Int?)") { $0[0].squeezed() },
        OperationCase("shape/squeezed/one", "squeezed(axis: Int?)") { $0[0].squeezed(axis: -1) },
        OperationCase("shape/unsqueezed/front", "unsqueezed(axis: Int)") { $0[0].unsqueezed(axis: 0) },
        OperationCase("shape/unsqueezed/back", "unsqueezed(axis: Int)") { $0[0].unsqueezed(axis: -1) },
        OperationCase("shape/unsqueezed/middle", "unsqueezed(axis: Int)") { $0[0].unsqueezed(axis: 1) },
        OperationCase("shape/broadcast/row", "broadcast(to: Shape)") { $0[0].broadcast(to: [2, 3]) },
        OperationCase("shape/broadcast/column", "broadcast(to: Shape)") { $0[0].broadcast(to: [4, 2, 3]) },
        OperationCase("shape/broadcast/scalar", "broadcast(to: Shape)") { $0[0].broadcast(to: [2, 3]) },
        OperationCase("shape/broadcast/empty", "broadcast(to: Shape)") { $0[0].broadcast(to: [0, 3]) },
        OperationCase("shape/broadcast/same", "broadcast(to: Shape)") { $0[0].broadcast(to: [2, 3]) },
        OperationCase("shape/sharded/by", "sharded(Sharding, on: Mesh)") {
            $0[0].sharded(Sharding([["data"], ["model"]]), on: Mesh(data: 2, model: 3))
        },
        OperationCase("shape/sharded/axis", "sharded(axis: Int, by: String, on: Mesh)") {
            $0[0].sharded(axis: -1, by: "model", on: Mesh(model: 2))
        },
        OperationCase("shape/sharded/samples", "sharded(on: Mesh)") { $0[0].sharded(on: Mesh(data: 4)) },
        OperationCase("shape/reversed/first", "reversed(axes: Int...)") { $0[0].reversed(axes: 0) },
        OperationCase("shape/reversed/several", "reversed(axes: Int...)") { $0[0].reversed(axes: -1, 0) },
        OperationCase("shape/reversed/empty", "reversed(axes: Int...)") { $0[0].reversed(axes: 0) },
    ]

    /// Parts by index, rows by index.
    static let indexing: [OperationCase] = {
        let part = "subscript(any TensorIndexConvertible...)"
        let gather = "gathered(Tensor, axis: Int)"
        var cases = [
            OperationCase("index/integer", part) { $0[0][1] },
            OperationCase("index/negative", part) { $0[0][-1, -2] },
            OperationCase("index/range", part) { $0[0][1..<3] },
            OperationCase("index/rangeBoth", part) { $0[0][1..., TensorIndex.range(from: nil, to: -1, step: 1)] },
            OperationCase("index/through", part) { $0[0][...2, (-3)...] },
            OperationCase("index/every", part) { $0[0][TensorIndex.every(3), TensorIndex.range(from: 1, to: nil, step: 2)] },
            OperationCase("index/backwards", part) { $0[0][TensorIndex.every(-1)] },
            OperationCase("index/backwardsEvery", part) { $0[0][TensorIndex.every(-2), 1] },
            OperationCase("index/backwardsRange", part) { $0[0][TensorIndex.range(from: 5, to: 1, step: -3)] },
            OperationCase("index/newAxis", part) { $0[0][TensorIndex.all, TensorIndex.newAxis, 2...] },
            OperationCase("index/ellipsis", part) { $0[0][TensorIndex.ellipsis, 1] },
            OperationCase("index/ellipsisMiddle", part) { $0[0][1, TensorIndex.ellipsis, 1..<3] },
            OperationCase("index/empty", part) { $0[0][2..<2] },
            OperationCase("index/emptyAxis", part) { $0[0][1..<3] },
            OperationCase("index/all", part) { $0[0][TensorIndex.all] },
            OperationCase("index/twice", part) { $0[0][1...][TensorIndex.every(2)] },
            OperationCase("gather/axis1", gather) { $0[0].gathered($0[1], axis: 1) },
            OperationCase("gather/lastAxis", gather) { $0[0].gathered($0[1], axis: -1) },
        ]
        for variant in ["rows", "rows32", "matrix", "scalarIndex", "vector", "repeated", "none", "integers"] {
            cases.append(OperationCase("gather/\(variant)", gather) { $0[0].gathered($0[1]) })
        }
        for variant in ["rows", "repeated", "matrix", "vector", "scalarIndex", "none", "integers"] {
            cases.append(
                OperationCase("scatterAdded/\(variant)", "scatterAdded(Tensor, at: Tensor)") { $0[0].scatterAdded($0[1], at: $0[2]) })
        }
        let oneHotName = "oneHot(Tensor, depth: Int, dtype: DType)"
        for variant in ["vector", "matrix", "outside", "empty"] {
            cases.append(OperationCase("oneHot/\(variant)", oneHotName) { oneHot($0[0], depth: 4) })
        }
        return cases + [
            OperationCase("oneHot/double", oneHotName) { oneHot($0[0], depth: 4, dtype: .float64) },
            OperationCase("oneHot/bytes", oneHotName) { oneHot($0[0], depth: 300) },
        ]
    }()

    /// Joining, dividing and padding.
    static let joining: [OperationCase] = {
        let joined = "concatenate([Tensor], axis: Int)"
        let stacked = "stack([Tensor], axis: Int)"
        let padded = "padded([(before: Int, after: Int)], value: Double)"
        return [
            OperationCase("join/concatenate/first", joined) { concatenate($0) },
            OperationCase("join/concatenate/last", joined) { concatenate($0, axis: -1) },
            OperationCase("join/concatenate/middle", joined) { concatenate($0, axis: 1) },
            OperationCase("join/concatenate/withEmpty", joined) { concatenate($0) },
            OperationCase("join/concatenate/single", joined) { concatenate($0) },
            OperationCase("join/concatenate/integers", joined) { concatenate($0) },
            OperationCase("join/stack/first", stacked) { stack($0) },
            OperationCase("join/stack/middle", stacked) { stack($0, axis: 1) },
            OperationCase("join/stack/last", stacked) { stack($0, axis: -1) },
            OperationCase("join/stack/scalars", stacked) { stack($0) },
            OperationCase(name: "join/split/sizes", covers: ["split(sizes: [Int], axis: Int)"]) { x, _ in x[0].split(sizes: [1, 3, 0, 2]) },
            OperationCase(name: "join/split/last", covers: ["split(sizes: [Int], axis: Int)"]) { x, _ in
                x[0].split(sizes: [2, 3], axis: -1)
            },
            OperationCase(name: "join/split/equal", covers: ["split(into: Int, axis: Int)"]) { x, _ in x[0].split(into: 3, axis: 1) },
            OperationCase("pad/zeros", padded) { $0[0].padded([(1, 3), (2, 0)]) },
            OperationCase("pad/value", padded) { $0[0].padded([(1, 3), (2, 0)], value: -1.5) },
            OperationCase("pad/crop", padded) { $0[0].padded([(0, -1), (-1, -2)]) },
            OperationCase("pad/cropAndGrow", padded) { $0[0].padded([(1, -2), (-1, 2)]) },
            OperationCase("pad/cropAndGrowValue", padded) { $0[0].padded([(1, -2), (-1, 2)], value: 2) },
            OperationCase("pad/infinity", padded) { $0[0].padded([(1, 1)], value: -.infinity) },
            OperationCase("pad/empty", padded) { $0[0].padded([(0, 2), (0, 0)]) },
            OperationCase("pad/none", padded) { $0[0].padded([(0, 0), (0, 0)]) },
            OperationCase("pad/integers", padded) { $0[0].padded([(0, 0), (1, 1)], value: 7) },
        ]
    }()
}
