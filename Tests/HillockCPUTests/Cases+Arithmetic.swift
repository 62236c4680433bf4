import HillockCore

extension OperationCase {
    /// Functions of two tensors, with broadcasting.
    static let arithmetic: [OperationCase] = {
        let table: [(String, String, @Sendable (Tensor, Tensor) -> Tensor)] = [
            ("add", "+(Tensor, Tensor)", { $0 + $1 }),
            ("subtract", "-(Tensor, Tensor)", { $0 - $1 }),
            ("multiply", "*(Tensor, Tensor)", { $0 * $1 }),
            ("divide", "/(Tensor, Tensor)", { $0 / $1 }),
            ("remainder", "%(Tensor, Tensor)", { $0 % $1 }),
            ("maximum", "maximum(Tensor, Tensor)", { maximum($0, $1) }),
            ("minimum", "minimum(Tensor, Tensor)", { minimum($0, $1) }),
            ("power", "pow(Tensor, Tensor)", { pow($0, $1) }),
        ]
        let extra = [
            "multiply": ["wrapping"], "divide": ["byZero", "overflow"], "remainder": ["byZero"], "maximum": ["ties"], "minimum": ["ties"],
            "power": ["zeroBase", "zeroExponent"],
        ]
        var cases: [OperationCase] = []
        for (name, operation, function) in table {
            let shapes = ["same", "row", "column", "scalar", "scalarLeft", "both", "one", "empty", "emptyByOne", "long"]
            for variant in shapes + ["integers", "special"] + (extra[name] ?? []) {
                cases.append(OperationCase("binary/\(name)/\(variant)", operation) { function($0[0], $0[1]) })
            }
        }
        return cases + [OperationCase("binary/power/negativeBase") { pow($0[0], 3) }]
    }()

    /// Functions of a tensor and a number.
    static let numbers: [OperationCase] = {
        let table: [(String, String, @Sendable (Tensor) -> Tensor)] = [
            ("add", "+(Tensor, Double)", { $0 + 1.25 }),
            ("addLeft", "+(Double, Tensor)", { 1.25 + $0 }),
            ("subtract", "-(Tensor, Double)", { $0 - 1.25 }),
            ("subtractLeft", "-(Double, Tensor)", { 1.25 - $0 }),
            ("multiply", "*(Tensor, Double)", { $0 * 1.25 }),
            ("multiplyLeft", "*(Double, Tensor)", { 1.25 * $0 }),
            ("divide", "/(Tensor, Double)", { $0 / 1.25 }),
            ("divideLeft", "/(Double, Tensor)", { 1.25 / $0 }),
            ("remainder", "%(Tensor, Double)", { $0 % 1.25 }),
            ("maximum", "maximum(Tensor, Double)", { maximum($0, 0.3) }),
            ("minimum", "minimum(Tensor, Double)", { minimum($0, 0.3) }),
            ("powerCube", "pow(Tensor, Double)", { pow($0, 3) }),
            ("powerSquare", "pow(Tensor, Double)", { pow($0, 2) }),
            ("powerRoot", "pow(Tensor, Double)", { pow($0, 0.5) }),
            ("powerInverse", "pow(Tensor, Double)", { pow($0, -1) }),
            ("powerZero", "pow(Tensor, Double)", { pow($0, 0) }),
            ("powerOne", "pow(Tensor, Double)", { pow($0, 1) }),
        ]
        var cases: [OperationCase] = []
        for (name, operation, function) in table {
            for variant in ["matrix", "scalar", "empty"] {
                cases.append(OperationCase("number/\(name)/\(variant)", operation) { function($0[0]) })
            }
        }
        return cases + [
            OperationCase("number/add/integers") { $0[0] + 3 },
            OperationCase("number/multiply/integers") { $0[0] * 3 },
            OperationCase("number/divide/integers") { $0[0] / 3 },
            OperationCase("number/power/integers") { pow($0[0], 3) },
            OperationCase("number/compound/add", "+=(Tensor, Tensor)") {
                var x = $0[0]
                x += $0[1]
                return x
            },
            OperationCase("number/compound/subtract", "-=(Tensor, Tensor)") {
                var x = $0[0]
                x -= $0[1]
                return x
            },
            OperationCase("number/compound/multiply", "*=(Tensor, Tensor)") {
                var x = $0[0]
                x *= $0[1]
                return x
            },
        ]
    }()
}
