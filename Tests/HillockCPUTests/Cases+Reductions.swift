import HillockCore

extension OperationCase {
    /// Reductions over axes.
    static let reductions: [OperationCase] = {
        typealias All = @Sendable (Tensor, Bool) -> Tensor
        typealias One = @Sendable (Tensor, Int, Bool) -> Tensor
        typealias Two = @Sendable (Tensor, Int, Int, Bool) -> Tensor
        let parameters = "(axes: Int..., keepingAxes: Bool)"
        let table: [(String, String, All, One, Two)] = [
            (
                "sum", "sum\(parameters)", { $0.sum(keepingAxes: $1) }, { $0.sum(axes: $1, keepingAxes: $2) },
                { $0.sum(axes: $1, $2, keepingAxes: $3) }
            ),
            (
                "product", "product\(parameters)", { $0.product(keepingAxes: $1) }, { $0.product(axes: $1, keepingAxes: $2) },
                { $0.product(axes: $1, $2, keepingAxes: $3) }
            ),
            (
                "max", "max\(parameters)", { $0.max(keepingAxes: $1) }, { $0.max(axes: $1, keepingAxes: $2) },
                { $0.max(axes: $1, $2, keepingAxes: $3) }
            ),
            (
                "min", "min\(parameters)", { $0.min(keepingAxes: $1) }, { $0.min(axes: $1, keepingAxes: $2) },
                { $0.min(axes: $1, $2, keepingAxes: $3) }
            ),
            (
                "mean", "mean\(parameters)", { $0.mean(keepingAxes: $1) }, { $0.mean(axes: $1, keepingAxes: $2) },
                { $0.mean(axes: $1, $2, keepingAxes: $3) }
            ),
            (
                "variance", "variance(axes: Int..., correction: Int, keepingAxes: Bool)", { $0.variance(keepingAxes: $1) },
                { $0.variance(axes: $1, keepingAxes: $2) }, { $0.variance(axes: $1, $2, keepingAxes: $3) }
            ),
        ]
        let extra = [
            "sum": ["special", "integers", "empty"], "product": ["special", "integers", "empty", "zeros"],
            "max": ["special", "integers", "ties"], "min": ["special", "integers", "ties"], "mean": ["special", "empty"],
        ]
        var cases: [OperationCase] = []
        for (name, operation, all, one, two) in table {
            for (suffix, keeps) in [("", false), ("Kept", true)] {
                cases += [
                    OperationCase("reduce/\(name)/all\(suffix)", operation) { all($0[0], keeps) },
                    OperationCase("reduce/\(name)/first\(suffix)", operation) { one($0[0], 0, keeps) },
                    OperationCase("reduce/\(name)/last\(suffix)", operation) { one($0[0], -1, keeps) },
                    OperationCase("reduce/\(name)/middle\(suffix)", operation) { one($0[0], 1, keeps) },
                    // In any order.
                    OperationCase("reduce/\(name)/outer\(suffix)", operation) { two($0[0], 2, 0, keeps) },
                    OperationCase("reduce/\(name)/every\(suffix)", operation) { all($0[0], keeps) },
                ]
            }
            for variant in ["one", "emptyOther", "long"] + (extra[name] ?? []) {
                cases.append(OperationCase("reduce/\(name)/\(variant)", operation) { one($0[0], 1, false) })
            }
            if ["sum", "product", "mean"].contains(name) {
                cases.append(OperationCase("reduce/\(name)/emptyAll", operation) { all($0[0], false) })
            }
        }
        cases += [
            OperationCase("reduce/sum/scalar") { $0[0].sum() },
            OperationCase("reduce/variance/unbiased") { $0[0].variance(axes: 1, correction: 1) },
            OperationCase("reduce/variance/offset") { $0[0].variance(axes: 1) },
        ]
        let searches: [(String, @Sendable (Tensor, Int) -> Tensor)] = [
            ("argmax", { $0.argmax(axis: $1) }), ("argmin", { $0.argmin(axis: $1) }),
        ]
        for (name, search) in searches {
            let axes = [
                "first": 0, "middle": 1, "last": -1, "ties": 1, "special": 1, "vector": 0, "one": 1, "emptyOther": 1, "integers": 1,
            ]
            for (variant, axis) in axes {
                cases.append(OperationCase("reduce/\(name)/\(variant)", "\(name)(axis: Int)") { search($0[0], axis) })
            }
        }
        return cases
    }()
}
