import HillockCore

extension OperationCase {
    /// Matrix products.
    static let products: [OperationCase] = {
        let operation = "matmul(Tensor, Tensor, transposingLeft: Bool, transposingRight: Bool)"
        let variants: [(left: Bool, right: Bool, names: [String])] = [
            (
                false, false,
                [
                    "matrices", "odd", "one", "emptyRows", "emptyInner", "vectorMatrix", "matrixVector", "vectors", "batches",
                    "batchesBroadcast", "batchByMatrix", "matrixByBatch", "vectorByBatch", "batchByVector", "emptyBatch", "special",
                    "integers",
                ]
            ),
            (false, true, ["transposedRight", "batchesTransposedRight", "batchByMatrixTransposed"]),
            (true, false, ["transposedLeft", "batchesTransposedLeft", "batchTransposedByMatrix"]),
            (true, true, ["transposedBoth"]),
        ]
        return variants.flatMap { variant in
            variant.names.map { name in
                OperationCase("matmul/\(name)", operation) {
                    matmul($0[0], $0[1], transposingLeft: variant.left, transposingRight: variant.right)
                }
            }
        }
    }()
}
