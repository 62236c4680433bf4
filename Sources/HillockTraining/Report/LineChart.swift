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
    /// How a value is written at the horizontal axis.
    let xText: (Double) -> String
    /// Bounds of the vertical axis; what is `nil` is found from the data.
    var yMinimum: Double?
    var yMaximum: Double?

    /// The chart as an `svg` element with a legend; empty without a finite point.
    var markup: String {
        guard let plane = Plane(self) else { return "" }
        let drawing =
            plane.horizontalGrid(yText) + plane.verticalMarks(xText) + plane.xLabel(xLabel)
            + series.map { lines(of: $0, on: plane) }.joined()
        let legend = series.map { element("span", ["class": "key \($0.style)"]) + escaped($0.name) }.joined(separator: " &emsp; ")
        return element(
            "svg", ["class": "chart", "viewBox": "0 0 \(Int(Plane.width)) \(Int(Plane.height))", "role": "img", "aria-label": title],
            content: "\n" + drawing) + "\n" + element("p", ["class": "legend"], content: legend) + "\n"
    }

    private func lines(of line: Series, on plane: Plane) -> String {
        let shown = line.points.filter { $0.y.isFinite }
        var markup = ""
        if shown.count > 1 {
            let path = shown.enumerated().map { "\($0.offset == 0 ? "M" : "L")\(plane.x($0.element.x)) \(plane.y($0.element.y))" }
            markup += element("path", ["class": "line \(line.style)", "d": path.joined()]) + "\n"
        }
        guard line.dots || shown.count == 1 else { return markup }
        for point in shown {
            let hint = "\(line.name), \(xLabel) \(xText(point.x)): \(yText(point.y))"
            markup +=
                element(
                    "circle", ["class": "dot \(line.style)", "cx": plane.x(point.x), "cy": plane.y(point.y), "r": "3"],
                    content: element("title", [:], text: hint)) + "\n"
        }
        return markup
    }

    /// Round numbers that cover an interval: steps of 1, 2 or 5 times a power of ten.
    static func ticks(from low: Double, to high: Double, about count: Int) -> [Double] {
        let span = high - low
        guard span > 0, span.isFinite else { return [low] }
        var power = 1.0
        while power * Double(count) < span { power *= 10 }
        while power * Double(count) > span * 10 { power /= 10 }
        // The smallest round step that covers the interval with no more than about `count` of them.
        let step = [power / 10, power / 5, power / 2, power].first { $0 * Double(count) >= span } ?? power
        let first = (low / step + 1e-9).rounded(.down)
        let last = (high / step - 1e-9).rounded(.up)
        return stride(from: first, through: last, by: 1).map { $0 * step }
    }
}

/// Where values lie in the drawing.
private struct Plane {
    static let (width, height) = (560.0, 260.0)
    private static let (left, right, top, bottom) = (56.0, width - 12, 12.0, height - 40)

    private let xRange: ClosedRange<Double>
    private let yRange: ClosedRange<Double>
    private let yTicks: [Double]

    init?(_ chart: LineChart) {
        let points = chart.series.flatMap(\.points).filter { $0.y.isFinite }
        guard let first = points.map(\.x).min(), let last = points.map(\.x).max(), let least = points.map(\.y).min(),
            let most = points.map(\.y).max()
        else { return nil }
        xRange = first...last
        let low = chart.yMinimum ?? least
        let high = max(chart.yMaximum ?? most, low + 1e-9)
        yTicks = LineChart.ticks(from: low, to: high, about: 6)
        yRange = min(low, yTicks[0])...max(high, yTicks[yTicks.count - 1])
    }

    func x(_ value: Double) -> String {
        let span = xRange.upperBound - xRange.lowerBound
        let share = span > 0 ? (value - xRange.lowerBound) / span : 0.5
        return NumberText.fixed(Self.left + share * (Self.right - Self.left), 1)
    }

    func y(_ value: Double) -> String {
        let inside = min(max(value, yRange.lowerBound), yRange.upperBound)
        let share = (inside - yRange.lowerBound) / (yRange.upperBound - yRange.lowerBound)
        return NumberText.fixed(Self.bottom - share * (Self.bottom - Self.top), 1)
    }

    func horizontalGrid(_ text: (Double) -> String) -> String {
        yTicks.map { tick in
            let line: KeyValuePairs = ["class": "grid", "x1": "\(Self.left)", "x2": "\(Self.right)", "y1": y(tick), "y2": y(tick)]
            return element("line", line)
                + element("text", ["x": "\(Self.left - 8)", "y": y(tick), "dy": "4", "text-anchor": "end"], text: text(tick)) + "\n"
        }.joined()
    }

    /// At whole numbers only: steps and epochs are counted.
    func verticalMarks(_ text: (Double) -> String) -> String {
        LineChart.ticks(from: xRange.lowerBound, to: xRange.upperBound, about: 8).filter { xRange.contains($0) && $0 == $0.rounded() }.map {
            tick in
            element("text", ["x": x(tick), "y": "\(Self.bottom + 18)", "text-anchor": "middle"], text: text(tick)) + "\n"
        }.joined()
    }

    func xLabel(_ text: String) -> String {
        element("text", ["x": "\((Self.left + Self.right) / 2)", "y": "\(Self.height - 4)", "text-anchor": "middle"], text: text) + "\n"
    }
}
