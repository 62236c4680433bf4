import HillockCore

extension OperationCase {
    /// Tensors made from nothing.
    static let creation: [OperationCase] = {
        func make(_ name: String, _ covers: String, _ body: @escaping @Sendable (DType) -> Tensor) -> OperationCase {
            OperationCase(name: "create/\(name)", covers: [covers]) { _, dtype in [body(dtype)] }
        }
        let arange = "arange(from: Double, to: Double, by: Double, dtype: DType)"
        let linspace = "linspace(from: Double, to: Double, count: Int, dtype: DType)"
        let eye = "eye(Int, Int?, dtype: DType)"
        return [
            make("arange/plain", arange) { .arange(to: 7, dtype: $0) },
            make("arange/range", arange) { .arange(from: 2, to: 9, by: 3, dtype: $0) },
            make("arange/fraction", arange) { .arange(from: 0.5, to: 2, by: 0.25, dtype: $0) },
            make("arange/backwards", arange) { .arange(from: 5, to: -3, by: -2, dtype: $0) },
            make("arange/empty", arange) { .arange(to: 0, dtype: $0) },
            make("linspace/plain", linspace) { .linspace(from: -1, to: 2, count: 7, dtype: $0) },
            make("linspace/one", linspace) { .linspace(from: 3, to: 5, count: 1, dtype: $0) },
            make("linspace/none", linspace) { .linspace(from: 3, to: 5, count: 0, dtype: $0) },
            make("linspace/thirds", linspace) { .linspace(from: 0, to: 1, count: 50, dtype: $0) },
            make("eye/square", eye) { .eye(3, dtype: $0) },
            make("eye/wide", eye) { .eye(2, 4, dtype: $0) },
            make("zeros", "zeros(Shape, dtype: DType)") { .zeros([2, 3], dtype: $0) },
            make("ones", "ones(Shape, dtype: DType)") { .ones([2, 3], dtype: $0) },
            make("onesBool", "ones(Shape, dtype: DType)") { .ones([2, 3], dtype: $0) },
            make("full", "full(Shape, Double, dtype: DType)") { .full([2, 3], 7, dtype: $0) },
            make("fullSpecial", "full(Shape, Double, dtype: DType)") { .full([2], -.infinity, dtype: $0) },
            make("scalar", "init(Double, dtype: DType)") { Tensor(2.5, dtype: $0) },
            make("empty", "zeros(Shape, dtype: DType)") { .zeros([2, 0], dtype: $0) },
            make("elements", "init([Element], shape: Shape?)") {
                $0 == .float32 ? Tensor([1.5, -2, 3, 4] as [Float]) : Tensor([1.5, -2, 3, 4] as [Double], shape: [4])
            },
            make("rows", "init([[Element]])") {
                $0 == .float32 ? Tensor([[1.5, -2], [3, 4]] as [[Float]]) : Tensor([[1.5, -2], [3, 4]] as [[Double]])
            },
            OperationCase("create/zerosLike", "zerosLike(Tensor)") { .zerosLike($0[0]) },
            OperationCase("create/onesLike", "onesLike(Tensor)") { .onesLike($0[0]) },
        ]
    }()
}
