import Glibc

/// Numbers as people read them, in reports and on terminals; the same in every language.
package enum NumberText {
    /// With this many digits after the point, rounded half away from zero.
    package static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return "\(value)" }
        let scaled = (abs(value) * pow(10, Double(digits))).rounded()
        guard scaled < 1e18 else { return "\(value)" }
        let whole = String(Int(scaled))
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return sign + whole }
        let padded = String(repeating: "0", count: max(0, digits + 1 - whole.count)) + whole
        return sign + padded.dropLast(digits) + "." + padded.suffix(digits)
    }

    /// Up to this many digits after the point, no zeros at the end.
    package static func short(_ value: Double, _ digits: Int = 3) -> String {
        var text = fixed(value, digits)
        while text.contains("."), text.last == "0" || text.last == "." { text.removeLast() }
        return text
    }

    /// Three significant digits: `0.00187`, `8.02e-9`.
    package static func significant(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return short(value) }
        let magnitude = Int(log10(abs(value)).rounded(.down))
        if magnitude < -5 { return "\(short(value / pow(10, Double(magnitude)), 2))e\(magnitude)" }
        return short(value, max(0, 2 - magnitude))
    }

    /// `97.60 %`
    package static func percent(_ share: Double, _ digits: Int = 2) -> String { fixed(100 * share, digits) + " %" }

    /// `60,000`
    package static func grouped(_ number: Int) -> String {
        var text = String(number.magnitude)
        var place = text.count - 3
        while place > 0 {
            text.insert(",", at: text.index(text.startIndex, offsetBy: place))
            place -= 3
        }
        return (number < 0 ? "-" : "") + text
    }

    /// The whole part of a real number, as in `60,000`.
    package static func grouped(_ number: Double) -> String { abs(number) < 1e15 ? grouped(Int(number)) : "\(number)" }

    /// `9.5 s`, `1 min 12 s`, `2 h 5 min`
    package static func duration(_ seconds: Double) -> String {
        guard seconds >= 10 else { return "\(fixed(seconds, 1)) s" }
        let whole = Int(min(seconds, 1e9).rounded())
        if whole < 60 { return "\(whole) s" }
        return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
    }

    /// `0:42`, `12:05`, `1:02:03`
    package static func clock(_ seconds: Double) -> String {
        let whole = Int(min(max(seconds, 0), 3.6e7).rounded())
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return whole < 3600
            ? "\(whole / 60):\(two(whole % 60))" : "\(whole / 3600):\(two(whole / 60 % 60)):\(two(whole % 60))"
    }

    /// `2026-03-14 15:09 UTC`, from seconds since 1970.
    package static func date(_ seconds: Double) -> String {
        var time = time_t(min(max(seconds, 0), 4e9))
        var parts = tm()
        gmtime_r(&time, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return
            "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) \(two(parts.tm_hour)):\(two(parts.tm_min)) UTC"
    }
}
