import HillockCore

extension OperationCase {
    /// Comparisons, logic and choice.
    static let comparisons: [OperationCase] = {
        typealias Pair = @Sendable (Tensor, Tensor) -> Tensor
        typealias Number = @Sendable (Tensor, Double) -> Tensor
        let table: [(String, String, Pair, Number)] = [
            ("equal", ".==", { $0 .== $1 }, { $0 .== $1 }),
            ("notEqual", ".!=", { $0 .!= $1 }, { $0 .!= $1 }),
            ("less", ".<", { $0 .< $1 }, { $0 .< $1 }),
            ("lessOrEqual", ".<=", { $0 .<= $1 }, { $0 .<= $1 }),
            ("greater", ".>", { $0 .> $1 }, { $0 .> $1 }),
            ("greaterOrEqual", ".>=", { $0 .>= $1 }, { $0 .>= $1 }),
        ]
        var cases: [OperationCase] = []
        for (name, symbol, compare, compareNumber) in table {
            for variant in ["special", "broadcast", "empty", "large"] {
                cases.append(OperationCase("compare/\(name)/\(variant)", "\(symbol)(Tensor, Tensor)") { compare($0[0], $0[1]) })
            }
            cases.append(OperationCase("compare/\(name)/number", "\(symbol)(Tensor, Double)") { compareNumber($0[0], 1) })
        }
        for variant in ["same", "broadcastCondition", "broadcastValues", "broadcastAll", "special", "empty", "integers"] {
            cases.append(OperationCase("where/\(variant)", "where(Tensor, Tensor, Tensor)") { `where`($0[0], $0[1], $0[2]) })
        }
        return cases + [
            OperationCase("logic/and/broadcast", ".&(Tensor, Tensor)") { $0[0] .& $0[1] },
            OperationCase("logic/or/broadcast", ".|(Tensor, Tensor)") { $0[0] .| $0[1] },
            OperationCase("logic/xor/broadcast", ".^(Tensor, Tensor)") { $0[0] .^ $0[1] },
            OperationCase("logic/not/vector", ".!(Tensor)") { .!$0[0] },
        ]
    }()

    /// Changes of dtype.
    static let conversions: [OperationCase] = {
        let operation = "converted(to: DType)"
        let targets: [(String, DType)] = [
            ("Float32", .float32), ("Float64", .float64), ("Int32", .int32), ("Int64", .int64), ("UInt8", .uint8), ("Bool", .bool),
        ]
        var cases = targets.map { name, dtype in OperationCase("convert/to\(name)", operation) { $0[0].converted(to: dtype) } }
        for source in ["i32", "i64", "u8", "bool"] {
            cases += targets.map { name, dtype in OperationCase("convert/\(source)To\(name)", operation) { $0[0].converted(to: dtype) } }
        }
        return cases + [
            OperationCase("convert/toBFloat16", operation) { $0[0].converted(to: .bfloat16) },
            OperationCase("convert/toFloat16", operation) { $0[0].converted(to: .float16) },
            OperationCase("convert/fromBFloat16", operation) { $0[0].converted(to: .float32) },
            OperationCase("convert/fromFloat16", operation) { $0[0].converted(to: .float32) },
            OperationCase("convert/roundTrip", operation) {
                $0[0].converted(to: .float32) * $0[0].converted(to: .float64).converted(to: $0[0].dtype)
            },
        ]
    }()
}
