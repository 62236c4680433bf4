import Foundation

/// The ratio to the best peer of every workload as bars, with what is wanted, as SVG.
struct Chart {
    let comparisons: [Comparison]

    private static let (labelWidth, plotWidth, valueWidth, barHeight, top) = (84.0, 560.0, 190.0, 20.0, 62.0)
    private static let (good, middling, bad, ink, faint) = ("#2a7f62", "#c28f1f", "#b5483a", "#222222", "#d9d9d9")

    private var bars: [(comparison: Comparison, rival: Comparison.Rival)] {
        comparisons.compactMap { c in c.best.map { (c, $0) } }
    }

    /// Ratios beyond the scale's end are drawn up to it; a few far ones must not flatten the others.
    private var limit: Double {
        let wanted = bars.compactMap { Target($0.comparison.workload)?.ratio }.max() ?? 1
        let sorted = bars.map(\.rival.ratio).sorted()
        let most = sorted.isEmpty ? 1 : sorted[sorted.count * 9 / 10]
        return max(2, ceil(2 * max(wanted, most)) / 2)
    }

    var svg: String {
        let limit = limit
        func x(_ ratio: Double) -> Double { Self.labelWidth + min(ratio, limit) / limit * Self.plotWidth }
        let height = Self.top + Double(bars.count) * Self.barHeight + 34
        let width = Self.labelWidth + Self.plotWidth + Self.valueWidth
        var lines = [
            #"<svg xmlns="http://www.w3.org/2000/svg" width="\#(width.pixels)" height="\#(height.pixels)" viewBox="0 0 \#(width.pixels) \#(height.pixels)" font-family="sans-serif" font-size="12">"#,
            #"<rect width="100%" height="100%" fill="white"/>"#,
            text(
                Self.labelWidth, 20, "Time of the best peer over Hillock's: to the right of 1 Hillock is faster", size: 14, anchor: "start"),
            legend,
        ]
        let bottom = Self.top + Double(bars.count) * Self.barHeight + 4
        for tick in stride(from: 0, through: limit, by: limit > 6 ? 1 : 0.5) {
            lines.append(line(x(tick), Self.top - 6, x(tick), bottom, tick == 1 ? Self.ink : Self.faint, tick == 1 ? 1.5 : 1))
            lines.append(text(x(tick), bottom + 16, tick.formatted, anchor: "middle"))
        }
        for (position, (comparison, rival)) in bars.enumerated() {
            let y = Self.top + Double(position) * Self.barHeight
            let target = Target(comparison.workload)
            let isReached = target?.isReached(by: comparison) ?? (rival.ratio >= 1)
            let colour = isReached ? Self.good : rival.ratio >= 1 ? Self.middling : Self.bad
            lines.append(text(Self.labelWidth - 8, y + 14, comparison.workload, anchor: "end"))
            lines.append(
                #"<rect x="\#(x(0).pixels)" y="\#((y + 3).pixels)" width="\#((x(rival.ratio) - x(0)).pixels)" height="\#((Self.barHeight - 6).pixels)" fill="\#(colour)"/>"#
            )
            // The rounds' spread.
            lines.append(line(x(rival.ratios.lowerBound), y + 10, x(rival.ratios.upperBound), y + 10, Self.ink, 1))
            if let wanted = target?.ratio { lines.append(line(x(wanted), y + 1, x(wanted), y + Self.barHeight - 1, Self.ink, 2.5)) }
            let mark = comparison.isDisturbed ? " *" : ""
            lines.append(text(x(limit) + 8, y + 14, "\(rival.ratio.asRatio)\(mark)  \(rival.peer)", anchor: "start"))
        }
        return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private var legend: String {
        var parts: [String] = []
        var x = Self.labelWidth
        for (colour, words) in [
            (Self.good, "target reached"), (Self.middling, "faster, below the target"), (Self.bad, "slower, or limit missed"),
        ] {
            parts.append(#"<rect x="\#(x.pixels)" y="32" width="12" height="12" fill="\#(colour)"/>"#)
            parts.append(text(x + 17, 42, words, anchor: "start"))
            x += 40 + Double(words.count) * 6.4
        }
        parts.append(line(x, 31, x, 45, Self.ink, 2.5))
        parts.append(text(x + 7, 42, "target    * disturbed", anchor: "start"))
        return parts.joined(separator: "\n")
    }

    private func text(_ x: Double, _ y: Double, _ words: String, size: Int = 12, anchor: String) -> String {
        #"<text x="\#(x.pixels)" y="\#(y.pixels)" font-size="\#(size)" text-anchor="\#(anchor)" fill="\#(Self.ink)" xml:space="preserve">\#(words)</text>"#
    }

    private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String, _ width: Double) -> String {
        #"<line x1="\#(x1.pixels)" y1="\#(y1.pixels)" x2="\#(x2.pixels)" y2="\#(y2.pixels)" stroke="\#(colour)" stroke-width="\#(width)"/>"#
    }
}

extension Double {
    fileprivate var pixels: String { String(format: "%g", (self * 10).rounded() / 10) }
}
