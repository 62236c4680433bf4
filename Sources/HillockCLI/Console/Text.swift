/// Numbers and bars as the program prints them.
enum Text {
    /// With this many digits after the point.
    static func fixed(_ value: Double, _ digits: Int) -> String {
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

    /// `97.60 %`
    static func percent(_ share: Double, _ digits: Int = 2) -> String { fixed(100 * share, digits) + " %" }

    /// `60,000`
    static func grouped(_ number: Int) -> String {
        var text = String(abs(number))
        var place = text.count - 3
        while place > 0 {
            text.insert(",", at: text.index(text.startIndex, offsetBy: place))
            place -= 3
        }
        return (number < 0 ? "-" : "") + text
    }

    /// `0:42`, `12:05`, `1:02:03`
    static func clock(_ seconds: Double) -> String {
        let whole = Int(min(max(seconds, 0), 3.6e7).rounded())
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return whole < 3600
            ? "\(whole / 60):\(two(whole % 60))" : "\(whole / 3600):\(two(whole / 60 % 60)):\(two(whole % 60))"
    }

    /// A bar of eighths of a character, `width` characters wide when full.
    static func bar(_ share: Double, width: Int) -> String {
        let eighths = Int((min(max(share, 0), 1) * Double(width * 8)).rounded())
        let parts: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]
        var text = String(repeating: "█", count: eighths / 8)
        if eighths % 8 > 0 { text.append(parts[eighths % 8 - 1]) }
        return text.padding(to: width)
    }

    /// A bar on a rail, `width` characters wide.
    static func rail(_ share: Double, width: Int) -> String {
        let done = Int((min(max(share, 0), 1) * Double(width)).rounded(.down))
        return String(repeating: "━", count: done) + String(repeating: "─", count: width - done)
    }
}

extension String {
    /// With spaces behind, so that it is this many characters long.
    func padding(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }

    /// With spaces before, so that it is this many characters long.
    func leftPadded(to width: Int) -> String { String(repeating: " ", count: Swift.max(0, width - count)) + self }
}
