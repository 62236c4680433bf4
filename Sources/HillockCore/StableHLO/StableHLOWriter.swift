/// Writes StableHLO text, operation by operation: what a primitive's rule is given.
///
/// Operations are written in MLIR's generic form, `%3 = "stablehlo.add"(%1, %2) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>`, which
/// is the same for all of them and which every version reads. StableHLO's specification says what each means.
public struct StableHLOWriter: Sendable {
    /// What was written.
    package private(set) var text = ""
    /// What messages of a compiler shall call the operations that are being written.
    package var location = ""
    /// How closely matrix products and convolutions keep to f32.
    package let numerics: Numerics
    /// The devices that the program runs on, if they are several.
    package let mesh: Mesh?
    private var valueCount = 0
    private var indentation = "    "

    /// Nothing is written yet.
    package init(numerics: Numerics = .current, mesh: Mesh? = nil) {
        self.numerics = numerics
        self.mesh = mesh
    }

    // MARK: - Operations

    /// Writes one operation and gives its result.
    ///
    /// - Parameters:
    ///   - operation: StableHLO's name, such as `add`; one of another dialect with it, such as `chlo.erf`.
    ///   - operands: What it is applied to.
    ///   - type: The result's type.
    ///   - attributes: As the text has them: `dimension = 0 : i64`.
    public mutating func emit(
        _ operation: String, _ operands: [StableHLOValue], as type: StableHLOType, _ attributes: String...
    ) -> StableHLOValue {
        let result = newValue(type)
        write("\(result.name) = \(head(operation, operands, attributes)) : \(signature(operands, [type]))")
        return result
    }

    /// Writes one operation of a tensor's type.
    public mutating func emit(
        _ operation: String, _ operands: [StableHLOValue], as type: TensorType, _ attributes: String...
    ) -> StableHLOValue {
        let result = newValue(StableHLOType(type))
        write("\(result.name) = \(head(operation, operands, attributes)) : \(signature(operands, [result.type]))")
        return result
    }

    /// Writes an operation of two operands of one type, whose result is of that type too.
    public mutating func emit(_ operation: String, _ a: StableHLOValue, _ b: StableHLOValue) -> StableHLOValue {
        emit(operation, [a, b], as: a.type)
    }

    // MARK: - Constants and shapes

    /// Writes a constant: `value` everywhere.
    public mutating func constant(_ value: Double, _ type: StableHLOType) -> StableHLOValue {
        constant(dense: type.shape.count == 0 ? "" : literal(value, type.element), type)
    }

    /// Writes a constant scalar of another value's elements.
    public mutating func scalar(_ value: Double, like other: StableHLOValue) -> StableHLOValue { constant(value, other.type.with(.scalar)) }

    /// Writes a constant by its elements along one axis.
    mutating func vector(_ values: [Double], _ element: String) -> StableHLOValue {
        constant(dense: "[\(values.map { literal($0, element) }.joined(separator: ", "))]", StableHLOType(element, [values.count]))
    }

    /// Writes a constant whose elements are spelt out, as StableHLO's text has them.
    mutating func constant(dense elements: String, _ type: StableHLOType) -> StableHLOValue {
        let result = newValue(type)
        write("\(result.name) = \"stablehlo.constant\"() <{value = dense<\(elements)> : \(type)}> : () -> \(type)")
        return result
    }

    /// Writes a repetition: axis `i` of the value becomes axis `axes[i]` of `shape` (`broadcast_in_dim`).
    public mutating func broadcast(_ value: StableHLOValue, to shape: Shape, axes: [Int] = []) -> StableHLOValue {
        emit("broadcast_in_dim", [value], as: value.type.with(shape), "broadcast_dimensions = \(array(axes))")
    }

    /// Writes the same elements under another shape.
    public mutating func reshape(_ value: StableHLOValue, to shape: Shape) -> StableHLOValue {
        value.shape == shape ? value : emit("reshape", [value], as: value.type.with(shape))
    }

    /// Writes a conversion to other elements.
    mutating func convert(_ value: StableHLOValue, to element: String) -> StableHLOValue {
        emit("convert", [value], as: StableHLOType(element, value.shape))
    }

    /// Writes a comparison: `EQ`, `NE`, `LT`, `LE`, `GT` or `GE`.
    mutating func compare(_ a: StableHLOValue, _ direction: String, _ b: StableHLOValue) -> StableHLOValue {
        emit(
            "compare", [a, b], as: StableHLOType("i1", a.shape), "comparison_direction = #stablehlo<comparison_direction \(direction)>")
    }

    /// Writes a choice between `a`, where the condition is true, and `b`.
    mutating func select(_ condition: StableHLOValue, _ a: StableHLOValue, _ b: StableHLOValue) -> StableHLOValue {
        emit("select", [condition, a, b], as: a.type)
    }

    /// Writes a part of each axis.
    mutating func slice(_ value: StableHLOValue, from starts: [Int], to limits: [Int], by strides: [Int]? = nil) -> StableHLOValue {
        let strides = strides ?? [Int](repeating: 1, count: starts.count)
        let extents = starts.indices.map { (limits[$0] - starts[$0] + strides[$0] - 1) / strides[$0] }
        return emit(
            "slice", [value], as: value.type.with(Shape(extents)), "start_indices = \(array(starts))", "limit_indices = \(array(limits))",
            "strides = \(array(strides))")
    }

    /// Writes a padding with the scalar `filler`, before, after and between elements; negative amounts before and after crop.
    mutating func pad(_ value: StableHLOValue, with filler: StableHLOValue, low: [Int], high: [Int], interior: [Int]) -> StableHLOValue {
        let extents = low.indices.map { low[$0] + high[$0] + value.shape[$0] + Swift.max(value.shape[$0] - 1, 0) * interior[$0] }
        return emit(
            "pad", [value, filler], as: value.type.with(Shape(extents)), "edge_padding_low = \(array(low))",
            "edge_padding_high = \(array(high))", "interior_padding = \(array(interior))")
    }

    /// Writes a fold of axes by an operation such as `add`, beginning with the number `start`.
    mutating func reduce(_ value: StableHLOValue, _ operation: String, from start: Double, axes: [Int]) -> StableHLOValue {
        let start = scalar(start, like: value)
        return emit(
            "reduce", [value, start], as: value.type.with(value.shape.removing(axes: axes)), "dimensions = \(array(axes))",
            regions: { $0.emit(operation, $1, $2) })
    }

    // MARK: - Regions

    /// Writes an operation with regions, functions of two scalars of the result's elements, as `reduce` and its kin have them.
    mutating func emit(
        _ operation: String, _ operands: [StableHLOValue], as type: StableHLOType, _ attributes: String...,
        regions: (inout StableHLOWriter, StableHLOValue, StableHLOValue) -> StableHLOValue...
    ) -> StableHLOValue {
        let result = newValue(type)
        write("\(result.name) = \(head(operation, operands, attributes)) (", ending: "")
        for (position, region) in regions.enumerated() {
            if position > 0 { text += ", " }
            write(region: [type.with(.scalar), type.with(.scalar)]) { [region(&$0, $1[0], $1[1])] }
        }
        close(") : \(signature(operands, [type]))")
        return result
    }

    /// Writes a loop: `count` rounds of `body`, which is given the round's number (`i32` scalar) and the state, and gives the next state.
    mutating func loop(
        _ count: Int, _ state: [StableHLOValue],
        _ body: (inout StableHLOWriter, StableHLOValue, [StableHLOValue]) throws(StableHLOError) -> [StableHLOValue]
    ) throws(StableHLOError) -> [StableHLOValue] {
        let counter = StableHLOType("i32", .scalar)
        let all = [constant(0, counter)] + state
        let types = all.map(\.type)
        valueCount += 1
        let name = "%\(valueCount - 1)"
        write("\(name):\(all.count) = \(head("while", all, [])) (", ending: "")
        try write(region: types) { (text, values) throws(StableHLOError) in
            let end = text.constant(Double(count), counter)
            return [text.compare(values[0], "LT", end)]
        }
        text += ", "
        try write(region: types) { (text, values) throws(StableHLOError) in
            let one = text.constant(1, counter)
            let next = try body(&text, values[0], Array(values.dropFirst()))
            return [text.emit("add", values[0], one)] + next
        }
        close(") : \(signature(all, types))")
        return state.indices.map { StableHLOValue(name: "\(name)#\($0 + 1)", type: state[$0].type) }
    }

    private mutating func write<Failure: Error>(
        region types: [StableHLOType], _ body: (inout StableHLOWriter, [StableHLOValue]) throws(Failure) -> [StableHLOValue]
    ) throws(Failure) {
        let arguments = types.map { newValue($0) }
        text += "{\n\(indentation)^bb0(\(arguments.map { "\($0.name): \($0.type)" }.joined(separator: ", "))):\n"
        indentation += "  "
        let results = try body(&self, arguments)
        write("\"stablehlo.return\"(\(names(results))) : (\(list(results.map(\.type)))) -> ()")
        indentation.removeLast(2)
        text += "\(indentation)}"
    }

    // MARK: - Text

    /// Writes a line.
    package mutating func write(_ line: String, ending: String? = nil) {
        text += indentation
        text += line
        text += ending ?? lineEnd
    }

    /// Ends an operation that has regions.
    private mutating func close(_ end: String) { text += end + lineEnd }

    private var lineEnd: String { location.isEmpty ? "\n" : " loc(\"\(location)\")\n" }

    /// A value with a name of its own.
    package mutating func newValue(_ type: StableHLOType) -> StableHLOValue {
        defer { valueCount += 1 }
        return StableHLOValue(name: "%\(valueCount)", type: type)
    }

    private func head(_ operation: String, _ operands: [StableHLOValue], _ attributes: [String]) -> String {
        let name = operation.contains(".") ? operation : "stablehlo.\(operation)"
        return "\"\(name)\"(\(names(operands)))\(attributes.isEmpty ? "" : " <{\(attributes.joined(separator: ", "))}>")"
    }

    private func names(_ values: [StableHLOValue]) -> String { values.map(\.name).joined(separator: ", ") }

    private func list(_ types: [StableHLOType]) -> String { types.map(\.description).joined(separator: ", ") }

    private func signature(_ operands: [StableHLOValue], _ results: [StableHLOType]) -> String {
        "(\(list(operands.map(\.type)))) -> \(results.count == 1 ? results[0].description : "(\(list(results)))")"
    }

    /// `array<i64: 1, 2>`
    func array(_ values: [Int]) -> String {
        values.isEmpty ? "array<i64>" : "array<i64: \(values.map(String.init).joined(separator: ", "))>"
    }

    /// Pairs of numbers, one for each axis, as paddings are written.
    func pairs(_ low: [Int], _ high: [Int]) -> String {
        let rows = zip(low, high).map { "[\($0), \($1)]" }.joined(separator: ", ")
        return low.isEmpty ? "dense<> : tensor<0x2xi64>" : "dense<[\(rows)]> : tensor<\(low.count)x2xi64>"
    }

    /// How exact matrix products and convolutions must be: what the device does best, or f32 as it is written.
    var precision: String {
        let level = numerics == .strict ? "HIGHEST" : "DEFAULT"
        return "precision_config = [#stablehlo<precision \(level)>, #stablehlo<precision \(level)>]"
    }

    /// A number as MLIR reads it: exactly, saturated to whole numbers.
    private func literal(_ value: Double, _ element: String) -> String {
        switch element {
        case "i1": return value != 0 ? "true" : "false"
        case "i32": return "\(Int32(clamping: Int64(saturating: value)))"
        case "ui8": return "\(UInt8(clamping: Int64(saturating: value)))"
        case "f32", "f64", "bf16", "f16": return real(element == "f32" ? Double(Float(value)) : value, element)
        default: return "\(Int64(saturating: value))"
        }
    }

    private func real(_ value: Double, _ element: String) -> String {
        if value.isFinite {
            // MLIR reads digits as f64 and then rounds; those of an f32 are fewer.
            let short = "\(Float(value))"
            let text = element == "f32" && Double(short).map { Double(Float($0)) } == value ? short : "\(value)"
            guard let exponent = text.firstIndex(of: "e"), !text.contains(".") else { return text }
            return text[..<exponent] + ".0" + text[exponent...]
        }
        // Bits, as infinities and NaN have no digits.
        let (infinity, nan) =
            switch element {
            case "f64": ("7FF0000000000000", "7FF8000000000000")
            case "f32": ("7F800000", "7FC00000")
            case "bf16": ("7F80", "7FC0")
            default: ("7C00", "7E00")
            }
        if value.isNaN { return "0x\(nan)" }
        return value > 0 ? "0x\(infinity)" : "0xF\(infinity.dropFirst())"
    }
}
