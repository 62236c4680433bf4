/// Bars as the program prints them.
enum Bar {
    /// A bar of eighths of a character, `width` characters wide when full.
    static func blocks(_ share: Double, width: Int) -> String {
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
