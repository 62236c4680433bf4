import HillockCore

extension OperationCase {
    /// Functions of one tensor, element by element.
    static let functions: [OperationCase] = {
        let table: [(String, String, @Sendable (Tensor) -> Tensor)] = [
            ("exp", "exp(Tensor)", { exp($0) }),
            ("expm1", "expm1(Tensor)", { expm1($0) }),
            ("log", "log(Tensor)", { log($0) }),
            ("log1p", "log1p(Tensor)", { log1p($0) }),
            ("sqrt", "sqrt(Tensor)", { sqrt($0) }),
            ("rsqrt", "rsqrt(Tensor)", { rsqrt($0) }),
            ("sin", "sin(Tensor)", { sin($0) }),
            ("cos", "cos(Tensor)", { cos($0) }),
            ("tanh", "tanh(Tensor)", { tanh($0) }),
            ("sigmoid", "sigmoid(Tensor)", { sigmoid($0) }),
            ("erf", "erf(Tensor)", { erf($0) }),
            ("floor", "floor(Tensor)", { floor($0) }),
            ("ceil", "ceil(Tensor)", { ceil($0) }),
            ("round", "round(Tensor)", { round($0) }),
            ("abs", "abs(Tensor)", { abs($0) }),
            ("sign", "sign(Tensor)", { sign($0) }),
            ("negate", "-(Tensor)", { -$0 }),
            ("relu", "relu(Tensor)", { relu($0) }),
            ("leakyReLU", "leakyReLU(Tensor, slope: Double)", { leakyReLU($0) }),
            ("gelu", "gelu(Tensor)", { gelu($0) }),
            ("silu", "silu(Tensor)", { silu($0) }),
            ("softplus", "softplus(Tensor)", { softplus($0) }),
        ]
        var cases: [OperationCase] = []
        for (name, operation, function) in table {
            for variant in ["matrix", "scalar", "one", "empty", "long", "special"] {
                cases.append(OperationCase("unary/\(name)/\(variant)", operation) { function($0[0]) })
            }
        }
        for (name, _, function) in table where ["relu", "leakyReLU", "abs", "softplus"].contains(name) {
            cases.append(OperationCase("unary/\(name)/kink") { function($0[0]) })
        }
        for (name, _, function) in table where ["sigmoid", "tanh"].contains(name) {
            cases.append(OperationCase("unary/\(name)/saturated") { function($0[0]) })
        }
        for (name, _, function) in table where ["abs", "sign", "negate"].contains(name) {
            cases.append(OperationCase("unary/\(name)/integers") { function($0[0]) })
        }
        for (name, _, function) in table where ["abs", "negate"].contains(name) {
            cases.append(OperationCase("unary/\(name)/wrapping") { function($0[0]) })
        }
        return cases + [
            OperationCase("unary/leakyReLU/slope") { leakyReLU($0[0], slope: 0.3) },
            OperationCase("unary/identity/stoppingGradient", "stoppingGradient()") { $0[0] * $0[0].stoppingGradient() },
            OperationCase("dropout/rateZero", "dropout(Tensor, rate: Double)") { dropout($0[0], rate: 0) },
        ]
    }()
}
