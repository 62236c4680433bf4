import Glibc

/// Real numbers as words of a column, by NumPy's rules (`FloatingFormat` in its `arrayprint.py`): as few digits as tell a number from its
/// neighbours, four decimals at most; powers of ten where a number is very large or small, or where the largest is over 1000 times the least.
struct RealFormat {
    private static let precision = 4

    /// The numbers in order, right-justified at the decimal point.
    let words: [String]

    init(_ array: HostArray) {
        let values = array.doubles
        let dtype = array.dtype
        let finite = values.filter(\.isFinite)
        let sizes = finite.lazy.filter { $0 != 0 }.map(\.magnitude)
        let (low, high) = (sizes.min() ?? 1, sizes.max() ?? 1)
        // Beyond the digits that the type has, the rest would be made up.
        let limit: Double = dtype == .float64 ? 1e8 : dtype == .float16 ? 1e3 : 1e6
        // Compared as the type's own numbers: its 1e-4 is not less than 1e-4.
        func rounded(_ value: Double) -> Double {
            dtype == .float64 ? value : dtype == .float16 ? Double(Float16(value)) : Double(Float(value))
        }
        let usesPowers = high >= limit || low < rounded(1e-4) || rounded(high / low) > 1000

        var left = 0
        var right = 0
        var render: (Decimal) -> String
        let decimals = finite.map { Decimal($0, dtype, usesPowers ? .significant(Self.precision + 1) : .fraction(Self.precision)) }
        if usesPowers {
            let fraction = decimals.map { Swift.max($0.digits.count - 1, 0) }.max() ?? 0
            let exponent = decimals.map { Swift.max("\($0.exponent.magnitude)".count, 2) }.max() ?? 2
            left = decimals.contains(where: \.isNegative) ? 2 : 1
            right = exponent + 2 + fraction
            render = { $0.scientific(fraction: fraction, exponent: exponent) }
        } else {
            let parts = decimals.map(\.positional)
            left = parts.map(\.whole.count).max() ?? 0
            right = parts.map(\.fraction.count).max() ?? 0
            let width = right
            render = {
                let (whole, fraction) = $0.positional
                return whole + "." + fraction + String(repeating: " ", count: width - fraction.count)
            }
        }
        if finite.count < values.count {
            left = Swift.max(left, (values.contains(-.infinity) ? 4 : 3) - right - 1)
            if finite.isEmpty { right = 0 }
        }
        let width = left + right + 1
        var next = decimals.makeIterator()
        words = values.map { value in
            let word = value.isFinite ? render(next.next()!) : value.isNaN ? "nan" : value > 0 ? "inf" : "-inf"
            return String(repeating: " ", count: Swift.max(0, width - word.count)) + word
        }
    }
}

/// The decimal digits of a number: `±d.ddd · 10^exponent`.
private struct Decimal {
    private var value = 0.0
    var isNegative: Bool
    /// Without zeros at the end; empty for zero.
    var digits: [Character]
    var exponent: Int

    enum Limit {
        /// So many digits after the point.
        case fraction(Int)
        /// So many digits in all.
        case significant(Int)
    }

    /// The shortest digits that tell `value` from its neighbours in `dtype`, or the value correctly rounded where those are too many.
    init(_ value: Double, _ dtype: DType, _ limit: Limit) {
        switch dtype {
        case .float64: self.init("\(value)")
        // Swift writes out whole numbers beyond what tells them apart.
        case .float16:
            let texts = (0..<5).lazy.map { Self.printed(value, "%.*e", $0) }
            self.init(texts.first { Float16($0).map(Double.init) == value } ?? "\(Float16(value))")
        default: self.init("\(Float(value))")
        }
        self.value = value
        switch limit {
        case .fraction(let count) where digits.count - 1 - exponent > count: self.init(Self.printed(value, "%.*f", count))
        case .significant(let count) where digits.count > count: self.init(Self.printed(value, "%.*e", count - 1))
        default: break
        }
        self.value = value
    }

    /// Reads `-123.45e-6`.
    private init(_ text: String) {
        isNegative = text.hasPrefix("-")
        let parts = text.drop { $0 == "-" }.split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let all = Array(mantissa.joined())
        let leading = all.prefix { $0 == "0" }.count
        digits = Array(all.dropFirst(leading))
        while digits.last == "0" { digits.removeLast() }
        exponent = digits.isEmpty ? 0 : mantissa[0].count - 1 - leading + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    }

    /// C rounds exactly, ties to even.
    private static func printed(_ value: Double, _ format: String, _ precision: Int) -> String {
        withVaList([Int32(precision), value]) { arguments in
            var buffer = [CChar](repeating: 0, count: 400)
            let count = vsnprintf(&buffer, buffer.count, format, arguments)
            return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    private var sign: String { isNegative ? "-" : "" }

    /// What stands before the point and after it.
    var positional: (whole: String, fraction: String) {
        if digits.isEmpty || exponent < 0 {
            let zeros = digits.isEmpty ? 0 : -exponent - 1
            return (sign + "0", String(repeating: "0", count: zeros) + String(digits))
        }
        let whole = String(digits.prefix(exponent + 1))
        return (sign + whole + String(repeating: "0", count: exponent + 1 - whole.count), String(digits.dropFirst(exponent + 1)))
    }

    func scientific(fraction: Int, exponent width: Int) -> String {
        if !digits.isEmpty, digits.count - 1 < fraction {
            // More digits than tell the number apart are those of the number itself.
            var exact = Decimal(Self.printed(value, "%.*e", fraction))
            if exact.digits.count - 1 < fraction { exact.digits += [Character](repeating: "0", count: fraction + 1 - exact.digits.count) }
            return exact.scientific(fraction: fraction, exponent: width)
        }
        let first = digits.first.map(String.init) ?? "0"
        let rest = String(digits.dropFirst())
        let power = "\(exponent.magnitude)"
        return sign + first + "." + rest + String(repeating: "0", count: fraction - rest.count) + "e" + (exponent < 0 ? "-" : "+")
            + String(repeating: "0", count: width - power.count) + power
    }
}
