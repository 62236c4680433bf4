/// Lines over a plane as inline SVG, in the colours of the page that it stands in.
struct LineChart {
    /// One line or row of dots.
    struct Series {
        let name: String
        /// Class in the page's style sheet: which colour.
        let style: String
        let points: [(x: Double, y: Double)]
        /// Whether points get a dot each.
        var dots = false
    }

    /// What the chart shows, for those who cannot see it.
    let title: String
    let xLabel: String
    let series: [Series]
    /// How a value is written at the vertical axis.
    let yText: (Double) -> String
    let xText: (Double) -> String
    /// Bounds of the vertical axis; what is `nil` is found from the data.
    var yMinimum: Double?
    var yMaximum: Double?
    /// Whether horizontal marks stand only at whole numbers.
    var wholeX = true

    private static let (width, height) = (560.0, 260.0)
    private static let (left, right, top, bottom) = (56.0, 12.0, 12.0, 40.0)

    /// The chart as an `svg` element with a legend.
    var svg: String {
        let points = series.flatMap(\.points).filter { $0.y.isFinite }
        guard let firstX = points.map(\.x).min(), let lastX = points.map(\.x).max() else { return "" }
        let low = yMinimum ?? points.map(\.y).min()!
        let high = max(yMaximum ?? points.map(\.y).max()!, low + 1e-9)
        let yTicks = Self.ticks(from: low, to: high, about: 6)
        let (bottomValue, topValue) = (min(low, yTicks.first ?? low), max(high, yTicks.last ?? high))
        let xSpan = max(lastX - firstX, 1e-9)
        func x(_ value: Double) -> Double {
            Self.left + (lastX == firstX ? 0.5 : (value - firstX) / xSpan) * (Self.width - Self.left - Self.right)
        }
        func y(_ value: Double) -> Double {
            let share = (min(max(value, bottomValue), topValue) - bottomValue) / (topValue - bottomValue)
            return Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom)
        }
        func number(_ value: Double) -> String { fixed(value, 1) }

        var text =
            "<svg class=\"chart\" viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" aria-label=\"\(escaped(title))\">\n"
        for tick in yTicks {
            text +=
                "<line class=\"grid\" x1=\"\(number(Self.left))\" x2=\"\(number(Self.width - Self.right))\" y1=\"\(number(y(tick)))\" y2=\"\(number(y(tick)))\"/>"
            text +=
                "<text class=\"tick\" x=\"\(number(Self.left - 8))\" y=\"\(number(y(tick) + 4))\" text-anchor=\"end\">\(escaped(yText(tick)))</text>\n"
        }
        for tick in Self.ticks(from: firstX, to: lastX, about: 8) where !wholeX || tick == tick.rounded() {
            if tick < firstX || tick > lastX { continue }
            text +=
                "<text class=\"tick\" x=\"\(number(x(tick)))\" y=\"\(number(Self.height - Self.bottom + 18))\" text-anchor=\"middle\">\(escaped(xText(tick)))</text>\n"
        }
        text +=
            "<text class=\"label\" x=\"\(number((Self.left + Self.width - Self.right) / 2))\" y=\"\(number(Self.height - 4))\" text-anchor=\"middle\">\(escaped(xLabel))</text>\n"
        for line in series {
            let shown = line.points.filter { $0.y.isFinite }
            if shown.count > 1 {
                let path = shown.enumerated().map { "\($0.offset == 0 ? "M" : "L")\(number(x($0.element.x))) \(number(y($0.element.y)))" }
                text += "<path class=\"line \(line.style)\" d=\"\(path.joined())\"/>\n"
            }
            if line.dots || shown.count == 1 {
                for point in shown {
                    text += "<circle class=\"dot \(line.style)\" cx=\"\(number(x(point.x)))\" cy=\"\(number(y(point.y)))\" r=\"3\">"
                    text += "<title>\(escaped("\(line.name), \(xLabel) \(xText(point.x)): \(yText(point.y))"))</title></circle>\n"
                }
            }
        }
        text += "</svg>\n<p class=\"legend\">"
        text += series.map { "<span class=\"key \($0.style)\"></span>\(escaped($0.name))" }.joined(separator: " &emsp; ")
        return text + "</p>\n"
    }

    /// Round numbers that cover an interval: steps of 1, 2 or 5 times a power of ten.
    static func ticks(from low: Double, to high: Double, about count: Int) -> [Double] {
        let span = high - low
        guard span > 0, span.isFinite else { return [low] }
        var step = 1.0
        while step * Double(count) < span { step *= 10 }
        while step * Double(count) > span * 10 { step /= 10 }
        // The smallest round step with no more than about `count` of them.
        let steps = [step / 10, step / 5, step / 2, step]
        step = steps.first { $0 * Double(count) >= span } ?? step
        let first = (low / step + 1e-9).rounded(.down)
        let last = (high / step - 1e-9).rounded(.up)
        return stride(from: first, through: last, by: 1).map { $0 * step }
    }
}

/// A number with this many digits after the point, rounded half away from zero.
func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 1e18 else { return "\(value)" }
    let whole = String(Int(scaled))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return sign + whole }
    let padded = String(repeating: "0", count: max(0, digits + 1 - whole.count)) + whole
    return sign + padded.dropLast(digits) + "." + padded.suffix(digits)
}

/// Text for use in HTML, attributes included.
func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
        switch character {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        default: result.append(character)
        }
    }
    return result
}
