import Glibc

/// StableHLO `add`.
public struct Add: BinaryFunction {
    /// `add`
    public static let name = "add"
    /// `add`
    public static let stableHLOName = "add"
    /// The operation has no attributes.
    package init() {}
    /// a + b
    public func apply(_ a: Double, _ b: Double) -> Double { a + b }
    /// a + b, wrapping
    public func apply(_ a: Int64, _ b: Int64) -> Int64 { a &+ b }
    /// dy, dy
    public func derivatives(a: Tensor, b: Tensor, y: Tensor, dy: Tensor) -> (Tensor?, Tensor?) { (dy, dy) }
}

/// StableHLO `subtract`.
public struct Subtract: BinaryFunction {
    /// `subtract`
    public static let name = "subtract"
    /// `subtract`
    public static let stableHLOName = "subtract"
    /// The operation has no attributes.
    package init() {}
    /// a − b
    public func apply(_ a: Double, _ b: Double) -> Double { a - b }
    /// a − b, wrapping
    public func apply(_ a: Int64, _ b: Int64) -> Int64 { a &- b }
    /// dy, −dy
    public func derivatives(a: Tensor, b: Tensor, y: Tensor, dy: Tensor) -> (Tensor?, Tensor?) { (dy, -dy) }
}

/// StableHLO `multiply`.
public struct Multiply: BinaryFunction {
    /// `multiply`
    public static let name = "multiply"
    /// `multiply`
    public static let stableHLOName = "multiply"
    /// The operation has no attributes.
    package init() {}
    /// a · b
    public func apply(_ a: Double, _ b: Double) -> Double { a * b }
    /// a · b, wrapping
    public func apply(_ a: Int64, _ b: Int64) -> Int64 { a &* b }
    /// dy · b, dy · a
    public func derivatives(a: Tensor, b: Tensor, y: Tensor, dy: Tensor) -> (Tensor?, Tensor?) { (dy * b, dy * a) }
}

/// StableHLO `divide`; integers are truncated towards zero, and division by zero gives −1 (all bits set), as in XLA.
public struct Divide: BinaryFunction {
    /// `divide`
    public static let name = "divide"
    /// `divide`
    public static let stableHLOName = "divide"
    /// a / b
    public func apply(_ a: Double, _ b: Double) -> Double { a / b }
    /// a / b truncated; −1 for b = 0
    public func apply(_ a: Int64, _ b: Int64) -> Int64 { b == 0 ? -1 : a.dividedReportingOverflow(by: b).partialValue }
    /// dy / b, −dy · y / b
    public func derivatives(a: Tensor, b: Tensor, y: Tensor, dy: Tensor) -> (Tensor?, Tensor?) {
        let quotient = dy / b
        return (quotient, -(quotient * y))
    }
}

/// StableHLO `remainder`: the sign is the dividend's, as in C.
public struct Remainder: BinaryFunction {
    /// `remainder`
    public static let name = "remainder"
    /// `remainder`
    public static let stableHLOName = "remainder"
    /// a − b · trunc(a / b)
    public func apply(_ a: Double, _ b: Double) -> Double { Glibc.fmod(a, b) }
    /// a − b · trunc(a / b); a for b = 0, as in XLA
    public func apply(_ a: Int64, _ b: Int64) -> Int64 { b == 0 ? a : a.remainderReportingOverflow(dividingBy: b).partialValue }
    /// dy, −dy · trunc(a / b)
    public func derivatives(a: Tensor, b: Tensor, y: Tensor, dy: Tensor) -> (Tensor?, Tensor?) {
        let quotient = a / b
        let truncated = sign(quotient) * floor(abs(quotient))
        return (dy, -(dy * truncated))
    }
}

/// StableHLO `power`.
public struct Power: BinaryFunction {
    /// `power`
    public static let name = "power"
    /// `power`
    public static let stableHLOName = "power"
    /// a^b, as C's `pow`
    public func apply(_ a: Double, _ b: Double) -> Double { Glibc.pow(a, b) }
    /// a^b, wrapping; negative exponents give what integer division of 1 by the power gives
    public func apply(_ a: Int64, _ b: Int64) -> Int64 {
        guard b >= 0 else { return a == 1 ? 1 : a == -1 ? (b % 2 == 0 ? 1 : -1) : 0 }
        var (result, base, exponent): (Int64, Int64, Int64) = (1, a, b)
        while exponent > 0 {
            if exponent & 1 == 1 { result = result &* base }
            base = base &* base
            exponent >>= 1
        }
        return result
    }
    /// `power`; of whole numbers by squaring, bit by bit of the exponent, as compilers look at its lowest bits only.
    public func stableHLO(
        _ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter
    ) throws(StableHLOError) -> StableHLOValue {
        if type.dtype.isFloatingPoint { return text.emit(Self.stableHLOName, inputs, as: type) }
        let (base, exponent) = (inputs[0], inputs[1])
        let (zero, one) = (text.constant(0, base.type), text.constant(1, base.type))
        let start = [one, base, exponent, one]
        let end = try text.loop(type.dtype.byteCount * 8, start) { (text, _, state) throws(StableHLOError) in
            let (power, square, rest, one) = (state[0], state[1], state[2], state[3])
            let bit = text.emit("and", rest, one)
            let isSet = text.compare(bit, "EQ", one)
            let next = text.select(isSet, text.emit("multiply", power, square), power)
            return [next, text.emit("multiply", square, square), text.emit("shift_right_logical", rest, one), one]
        }
        if type.dtype == .uint8 { return end[0] }
        // 1 divided by the power, truncated: 0 but for 1 and −1, whose powers are those by the exponent's last bit.
        let isOne = text.compare(text.emit("abs", [base], as: type), "EQ", one)
        let isOdd = text.compare(text.emit("and", exponent, one), "EQ", one)
        let inverse = text.select(isOne, text.select(isOdd, base, one), zero)
        return text.select(text.compare(exponent, "LT", zero), inverse, end[0])
    }
    /// dy · b · a^(b−1), dy · y · ln a; zero where b = 0 and where a = 0.
    public func derivatives(a: Tensor, b: Tensor, y: Tensor, dy: Tensor) -> (Tensor?, Tensor?) {
        let zero = Tensor.zerosLike(a)
        let da = `where`(b .== zero, zero, dy * b * pow(a, b - 1))
        let db = dy * `where`(a .== zero, zero, y * log(`where`(a .== zero, Tensor.onesLike(a), a)))
        return (da, db)
    }
}

/// a to the power b, element by element, after broadcasting.
public func pow(_ a: Tensor, _ b: Tensor) -> Tensor { .binary(Power(), a, b) }

/// Each element to the power `exponent`.
public func pow(_ a: Tensor, _ exponent: Double) -> Tensor {
    if exponent == 2 { return a * a }
    return .binary(Power(), a, a.scalar(exponent, for: Power.name))
}

/// StableHLO `maximum`; NaN wins.
public struct Maximum: BinaryFunction {
    /// `maximum`
    public static let name = "maximum"
    /// `maximum`
    public static let stableHLOName = "maximum"
    /// The greater; NaN where either is.
    public func apply(_ a: Double, _ b: Double) -> Double { a.isNaN || b.isNaN ? .nan : a > b ? a : b }
    /// The greater.
    public func apply(_ a: Int64, _ b: Int64) -> Int64 { Swift.max(a, b) }
    /// dy to the greater; half to each of two equals.
    public func derivatives(a: Tensor, b: Tensor, y: Tensor, dy: Tensor) -> (Tensor?, Tensor?) {
        let share = `where`(a .== b, dy * 0.5, dy)
        let zero = Tensor.zerosLike(dy)
        return (`where`(a .>= b, share, zero), `where`(b .>= a, share, zero))
    }
}

/// The greater of two, element by element, after broadcasting; NaN wins. Equals share the gradient.
public func maximum(_ a: Tensor, _ b: Tensor) -> Tensor { .binary(Maximum(), a, b) }

/// The greater of each element and a number.
public func maximum(_ a: Tensor, _ b: Double) -> Tensor { maximum(a, a.scalar(b, for: Maximum.name)) }

/// StableHLO `minimum`; NaN wins.
public struct Minimum: BinaryFunction {
    /// `minimum`
    public static let name = "minimum"
    /// `minimum`
    public static let stableHLOName = "minimum"
    /// The lesser; NaN where either is.
    public func apply(_ a: Double, _ b: Double) -> Double { a.isNaN || b.isNaN ? .nan : a < b ? a : b }
    /// The lesser.
    public func apply(_ a: Int64, _ b: Int64) -> Int64 { Swift.min(a, b) }
    /// dy to the lesser; half to each of two equals.
    public func derivatives(a: Tensor, b: Tensor, y: Tensor, dy: Tensor) -> (Tensor?, Tensor?) {
        let share = `where`(a .== b, dy * 0.5, dy)
        let zero = Tensor.zerosLike(dy)
        return (`where`(a .<= b, share, zero), `where`(b .<= a, share, zero))
    }
}

/// The lesser of two, element by element, after broadcasting; NaN wins. Equals share the gradient.
public func minimum(_ a: Tensor, _ b: Tensor) -> Tensor { .binary(Minimum(), a, b) }

/// The lesser of each element and a number.
public func minimum(_ a: Tensor, _ b: Double) -> Tensor { minimum(a, a.scalar(b, for: Minimum.name)) }

extension Tensor {
    /// Element by element, after broadcasting.
    public static func + (a: Tensor, b: Tensor) -> Tensor { binary(Add(), a, b) }
    /// Element by element, after broadcasting.
    public static func - (a: Tensor, b: Tensor) -> Tensor { binary(Subtract(), a, b) }
    /// Element by element, after broadcasting.
    public static func * (a: Tensor, b: Tensor) -> Tensor { binary(Multiply(), a, b) }
    /// Element by element, after broadcasting; integers are truncated towards zero, x / 0 is −1.
    public static func / (a: Tensor, b: Tensor) -> Tensor { binary(Divide(), a, b) }
    /// Remainder with the dividend's sign, after broadcasting.
    public static func % (a: Tensor, b: Tensor) -> Tensor { binary(Remainder(), a, b) }
    /// −x
    public static prefix func - (x: Tensor) -> Tensor { apply(Negate(), [x]) }

    /// A number added to each element.
    public static func + (a: Tensor, b: Double) -> Tensor { a + a.scalar(b, for: Add.name) }
    /// A number added to each element.
    public static func + (a: Double, b: Tensor) -> Tensor { b.scalar(a, for: Add.name) + b }
    /// A number taken from each element.
    public static func - (a: Tensor, b: Double) -> Tensor { a - a.scalar(b, for: Subtract.name) }
    /// Each element taken from a number.
    public static func - (a: Double, b: Tensor) -> Tensor { b.scalar(a, for: Subtract.name) - b }
    /// Each element times a number.
    public static func * (a: Tensor, b: Double) -> Tensor { a * a.scalar(b, for: Multiply.name) }
    /// Each element times a number.
    public static func * (a: Double, b: Tensor) -> Tensor { b.scalar(a, for: Multiply.name) * b }
    /// Each element divided by a number.
    public static func / (a: Tensor, b: Double) -> Tensor { a / a.scalar(b, for: Divide.name) }
    /// A number divided by each element.
    public static func / (a: Double, b: Tensor) -> Tensor { b.scalar(a, for: Divide.name) / b }
    /// Remainder of each element by a number.
    public static func % (a: Tensor, b: Double) -> Tensor { a % a.scalar(b, for: Remainder.name) }

    /// Replaces the tensor by the sum.
    public static func += (a: inout Tensor, b: Tensor) { a = a + b }
    /// Replaces the tensor by the difference.
    public static func -= (a: inout Tensor, b: Tensor) { a = a - b }
    /// Replaces the tensor by the product.
    public static func *= (a: inout Tensor, b: Tensor) { a = a * b }
}
