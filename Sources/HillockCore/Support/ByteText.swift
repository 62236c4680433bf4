/// Numbers of bytes as people read them.
package enum ByteText {
    /// Three digits and a decimal unit: `640 B`, `1.20 MB`, `12.3 MB`, `3.04 GB`.
    package static func of(_ count: Int) -> String {
        var (value, unit) = (Double(count), "B")
        for next in ["kB", "MB", "GB", "TB"] {
            guard value.magnitude >= 999.5 else { break }
            (value, unit) = (value / 1000, next)
        }
        if unit == "B" { return "\(count) B" }
        // Rounded to three digits: hundredths, tenths or ones.
        let scale = value.magnitude < 9.995 ? 100 : value.magnitude < 99.95 ? 10 : 1
        let digits = "\(Int((value.magnitude * Double(scale)).rounded()))"
        let fraction = scale == 100 ? 2 : scale == 10 ? 1 : 0
        let text = fraction == 0 ? digits : "\(digits.dropLast(fraction)).\(digits.suffix(fraction))"
        return "\(value < 0 ? "-" : "")\(text) \(unit)"
    }
}
