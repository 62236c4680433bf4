extension Tensor: CustomStringConvertible {
    /// The elements as NumPy prints them: nested brackets, aligned columns, four decimals, the middle of long axes left out.
    public var description: String {
        do {
            return TensorPrinter(try hostArray()).text
        } catch {
            return "Tensor(\(type)): \(error)"
        }
    }
}

extension Tensor: CustomDebugStringConvertible {
    /// Type and elements: `Tensor(f32[2, 2]): [[…`.
    public var debugDescription: String { "Tensor(\(type)): \(description)" }
}

/// Lays out an array as text.
struct TensorPrinter {
    private static let threshold = 1000
    private static let edge = 3

    let text: String

    init(_ array: HostArray) {
        let shape = array.shape
        let abbreviates = shape.count > Self.threshold
        if shape.count == 0 {
            text = shape.rank <= 1 ? "[]" : "[] (shape \(shape))"
            return
        }
        var shown: [Int] = []
        func visible(_ axis: Int) -> [Int] {
            let extent = shape[axis]
            guard abbreviates, extent > 2 * Self.edge else { return Array(0..<extent) }
            return Array(0..<Self.edge) + Array(extent - Self.edge..<extent)
        }
        func gather(_ axis: Int, _ base: Int) {
            if axis == shape.rank {
                shown.append(base)
                return
            }
            for index in visible(axis) { gather(axis + 1, base * shape[axis] + index) }
        }
        gather(0, 0)
        let values = array.picking(shown, as: TensorType(array.dtype, [shown.count]))
        var cells = Self.format(values)[...]
        let width = cells.map(\.count).max() ?? 0

        func render(_ axis: Int) -> String {
            if axis == shape.rank {
                let cell = cells.removeFirst()
                return String(repeating: " ", count: shape.rank == 0 ? 0 : width - cell.count) + cell
            }
            let indices = visible(axis)
            let isLast = axis == shape.rank - 1
            var parts = indices.map { _ in render(axis + 1) }
            if indices.count < shape[axis] { parts.insert("...", at: Self.edge) }
            if isLast { return "[" + parts.joined(separator: " ") + "]" }
            let gap = "\n" + String(repeating: "\n", count: shape.rank - axis - 2) + String(repeating: " ", count: axis + 1)
            return "[" + parts.joined(separator: gap) + "]"
        }
        text = render(0)
    }

    private static func format(_ array: HostArray) -> [String] {
        switch array.dtype {
        case .bool: return array.integers.map { $0 != 0 ? "true" : "false" }
        case .int32, .int64, .uint8: return array.integers.map(String.init)
        case .float32, .float64, .bfloat16, .float16: break
        }
        let values = array.doubles
        let finite = values.filter { $0.isFinite && $0 != 0 }.map(\.magnitude)
        let (low, high) = (finite.min() ?? 1, finite.max() ?? 1)
        if high >= 1e8 || low < 1e-4 || high / low >= 1e7 { return values.map { scientific($0) } }
        // As many decimals as the elements need, four at most; NumPy's way of writing whole numbers as "2.".
        let rounded = values.map { fixed($0, decimals: 4) }
        let needed = rounded.map { text in text.split(separator: ".").dropFirst().first.map { significant($0) } ?? 0 }.max() ?? 0
        return values.map { fixed($0, decimals: needed) }
    }

    private static func significant(_ decimals: Substring) -> Int {
        decimals.count - decimals.reversed().prefix { $0 == "0" }.count
    }

    private static func fixed(_ value: Double, decimals: Int) -> String {
        guard value.isFinite else { return special(value) }
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (value.magnitude * scale).rounded(.toNearestOrEven)
        let digits = String(Int64(scaled))
        let padded = String(repeating: "0", count: Swift.max(0, decimals + 1 - digits.count)) + digits
        let sign = value.sign == .minus ? "-" : ""
        return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
    }

    private static func scientific(_ value: Double) -> String {
        guard value.isFinite else { return special(value) }
        if value == 0 { return "0.0000e+00" }
        var exponent = 0
        var mantissa = value.magnitude
        while mantissa >= 10 {
            mantissa /= 10
            exponent += 1
        }
        while mantissa < 1 {
            mantissa *= 10
            exponent -= 1
        }
        var digits = fixed(mantissa, decimals: 4)
        if digits.hasPrefix("10.") {
            digits = "1.0000"
            exponent += 1
        }
        let size = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
        return (value < 0 ? "-" : "") + digits + "e" + (exponent < 0 ? "-" : "+") + size
    }

    private static func special(_ value: Double) -> String {
        value.isNaN ? "nan" : value > 0 ? "inf" : "-inf"
    }
}
