/// StableHLO `compare`: a truth value for each pair of elements.
public struct Compare: Primitive {
    /// `compare`
    public static let name = "compare"

    /// Which relation must hold.
    public enum Relation: UInt8, Hashable, Sendable {
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    }

    /// Which relation must hold.
    public let relation: Relation

    /// The comparison by this relation.
    public init(_ relation: Relation) { self.relation = relation }

    /// `bool` of the operands' common shape.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        try checkSame(Self.name, inputs)
        return TensorType(.bool, inputs[0].shape)
    }

    /// None.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] { [nil, nil] }

    /// By Swift's comparison; every relation with NaN but `notEqual` is false.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        func compare<T: Comparable>(_ a: T, _ b: T) -> Int64 {
            let holds =
                switch relation {
                case .equal: a == b
                case .notEqual: a != b
                case .less: a < b
                case .lessOrEqual: a <= b
                case .greater: a > b
                case .greaterOrEqual: a >= b
                }
            return holds ? 1 : 0
        }
        return inputs[0].dtype.isFloatingPoint
            ? HostArray(zip(inputs[0].doubles, inputs[1].doubles).map(compare), as: type)
            : HostArray(zip(inputs[0].integers, inputs[1].integers).map(compare), as: type)
    }

    /// `compare`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let direction =
            switch relation {
            case .equal: "EQ"
            case .notEqual: "NE"
            case .less: "LT"
            case .lessOrEqual: "LE"
            case .greater: "GT"
            case .greaterOrEqual: "GE"
            }
        return text.compare(inputs[0], direction, inputs[1])
    }
}

extension Tensor {
    static func compare(_ relation: Compare.Relation, _ a: Tensor, _ b: Tensor) -> Tensor {
        guard let (a, b) = broadcast(Compare.name, a, b) else { return Tensor(new: Node(.standIn, TensorType(.bool, a.shape))) }
        return apply(Compare(relation), [a, b])
    }

    /// Whether elements are equal: `bool`, after broadcasting.
    public static func .== (a: Tensor, b: Tensor) -> Tensor { compare(.equal, a, b) }
    /// Whether elements differ: `bool`, after broadcasting.
    public static func .!= (a: Tensor, b: Tensor) -> Tensor { compare(.notEqual, a, b) }
    /// Whether left is less: `bool`, after broadcasting.
    public static func .< (a: Tensor, b: Tensor) -> Tensor { compare(.less, a, b) }
    /// Whether left is not greater: `bool`, after broadcasting.
    public static func .<= (a: Tensor, b: Tensor) -> Tensor { compare(.lessOrEqual, a, b) }
    /// Whether left is greater: `bool`, after broadcasting.
    public static func .> (a: Tensor, b: Tensor) -> Tensor { compare(.greater, a, b) }
    /// Whether left is not less: `bool`, after broadcasting.
    public static func .>= (a: Tensor, b: Tensor) -> Tensor { compare(.greaterOrEqual, a, b) }

    /// Whether elements equal a number.
    public static func .== (a: Tensor, b: Double) -> Tensor { a .== a.scalar(b, for: Compare.name) }
    /// Whether elements differ from a number.
    public static func .!= (a: Tensor, b: Double) -> Tensor { a .!= a.scalar(b, for: Compare.name) }
    /// Whether elements are less than a number.
    public static func .< (a: Tensor, b: Double) -> Tensor { a .< a.scalar(b, for: Compare.name) }
    /// Whether elements are not greater than a number.
    public static func .<= (a: Tensor, b: Double) -> Tensor { a .<= a.scalar(b, for: Compare.name) }
    /// Whether elements are greater than a number.
    public static func .> (a: Tensor, b: Double) -> Tensor { a .> a.scalar(b, for: Compare.name) }
    /// Whether elements are not less than a number.
    public static func .>= (a: Tensor, b: Double) -> Tensor { a .>= a.scalar(b, for: Compare.name) }
}

/// StableHLO `and`, `or`, `xor` on `bool`.
public struct Logical: Primitive {
    /// `logical`
    public static let name = "logical"

    /// Which combination.
    public enum Combination: UInt8, Hashable, Sendable {
        case and, or, xor
    }

    /// Which combination.
    public let combination: Combination

    /// The operation that combines truth values so.
    public init(_ combination: Combination) { self.combination = combination }

    /// The operands' common type, which must be `bool`.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        try checkSame(Self.name, inputs)
        guard inputs[0].dtype == .bool else {
            throw ShapeError(Self.name, "operands are \(inputs[0].dtype), logic wants bool", hint: "compare with `.!= 0` first")
        }
        return inputs[0]
    }

    /// None.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] { [nil, nil] }

    /// By Swift's operators.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        HostArray(
            zip(inputs[0].integers, inputs[1].integers).map { a, b -> Int64 in
                switch combination {
                case .and: a & b
                case .or: a | b
                case .xor: a ^ b
                }
            }, as: type)
    }

    /// `and`, `or` or `xor`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let operation =
            switch combination {
            case .and: "and"
            case .or: "or"
            case .xor: "xor"
            }
        return text.emit(operation, inputs, as: type)
    }
}

/// StableHLO `not` on `bool`.
public struct LogicalNot: Primitive {
    /// `not`
    public static let name = "not"

    /// The input's type, which must be `bool`.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        guard inputs[0].dtype == .bool else {
            throw ShapeError(Self.name, "operand is \(inputs[0].dtype), logic wants bool", hint: "compare with `.!= 0` first")
        }
        return inputs[0]
    }

    /// None.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] { [nil] }

    /// 1 − x
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        HostArray(inputs[0].integers.map { 1 - $0 }, as: type)
    }

    /// `not`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.emit("not", inputs, as: type)
    }
}

extension Tensor {
    static func logical(_ combination: Logical.Combination, _ a: Tensor, _ b: Tensor) -> Tensor {
        guard let (a, b) = broadcast(Logical.name, a, b) else { return standIn(a, b) }
        return apply(Logical(combination), [a, b])
    }

    /// Both, element by element, on `bool`.
    public static func .& (a: Tensor, b: Tensor) -> Tensor { logical(.and, a, b) }
    /// Either, element by element, on `bool`.
    public static func .| (a: Tensor, b: Tensor) -> Tensor { logical(.or, a, b) }
    /// One of the two, element by element, on `bool`.
    public static func .^ (a: Tensor, b: Tensor) -> Tensor { logical(.xor, a, b) }
    /// The opposite, element by element, on `bool`.
    public static prefix func .! (a: Tensor) -> Tensor { apply(LogicalNot(), [a]) }
}

/// StableHLO `select`: the second operand where the first is true, the third elsewhere.
public struct Select: Primitive {
    /// `where`
    public static let name = "where"

    /// The second and third operand's common type.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        guard inputs[0].dtype == .bool else {
            throw ShapeError(Self.name, "condition is \(inputs[0]), expected bool", hint: "compare with `.!= 0` first")
        }
        try checkSame(Self.name, [inputs[1], inputs[2]])
        guard inputs[0].shape == inputs[1].shape else {
            throw ShapeError(Self.name, "condition is \(inputs[0]), values are \(inputs[1]): shapes differ")
        }
        return inputs[1]
    }

    /// dy to the operand that was chosen.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        let zero = Tensor.zerosLike(upstream)
        return [nil, `where`(inputs[0], upstream, zero), `where`(inputs[0], zero, upstream)]
    }

    /// Picks, element by element.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let condition = inputs[0].integers
        return type.dtype.isFloatingPoint
            ? HostArray(zip(condition, zip(inputs[1].doubles, inputs[2].doubles)).map { $0 != 0 ? $1.0 : $1.1 }, as: type)
            : HostArray(zip(condition, zip(inputs[1].integers, inputs[2].integers)).map { $0 != 0 ? $1.0 : $1.1 }, as: type)
    }

    /// `select`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        text.select(inputs[0], inputs[1], inputs[2])
    }
}

/// `a` where the condition is true, `b` elsewhere, after broadcasting all three; `condition` is `bool`.
public func `where`(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    guard let (x, y) = Tensor.broadcast(Select.name, a, b) else { return Tensor.standIn(a, b) }
    guard let (mask, left) = Tensor.broadcast(Select.name, condition, x) else { return x }
    return .apply(Select(), [mask, left, y.broadcast(to: left.shape)])
}
