import Foundation

/// What standard output can show.
struct Terminal: Sendable {
    /// Whether lines can be written over.
    let isInteractive: Bool
    /// Whether to use colours and bold type.
    let hasColour: Bool
    /// Columns, where they are fixed; the window's otherwise.
    private let fixedWidth: Int?

    /// With these abilities.
    init(isInteractive: Bool, hasColour: Bool, fixedWidth: Int?) {
        self.isInteractive = isInteractive
        self.hasColour = hasColour
        self.fixedWidth = fixedWidth
    }

    /// Standard output, as the environment describes it: `NO_COLOR` (https://no-color.org), `COLUMNS`, `TERM`.
    static var current: Terminal {
        let environment = ProcessInfo.processInfo.environment
        let isInteractive = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        let noColour = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        return Terminal(
            isInteractive: isInteractive, hasColour: isInteractive && !noColour,
            fixedWidth: environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil })
    }

    /// Columns; asked for anew each time, since windows change.
    var width: Int {
        if let fixedWidth { return fixedWidth }
        var size = winsize()
        if isInteractive, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return 80
    }

    func bold(_ text: String) -> String { style("1", text) }
    func dim(_ text: String) -> String { style("2", text) }
    func green(_ text: String) -> String { style("32", text) }
    func cyan(_ text: String) -> String { style("36", text) }

    private func style(_ code: String, _ text: String) -> String { hasColour ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }
}

/// A line at the bottom of a terminal that is written over; silent where standard output is no terminal.
final class StatusLine: Sendable {
    private let terminal: Terminal

    init(_ terminal: Terminal) { self.terminal = terminal }

    /// Shows a text, cut to the terminal's width.
    func show(_ text: String) {
        guard terminal.isInteractive else { return }
        // The last column stays free: writing there makes some terminals begin a new line.
        write("\r\(text.prefix(max(terminal.width - 1, 0)))\u{1b}[K")
    }

    /// Shows a text that fits and may hold colours.
    func showFitting(_ text: String) {
        guard terminal.isInteractive else { return }
        write("\r\(text)\u{1b}[K")
    }

    /// Clears the line, so that something else can be printed.
    func clear() {
        guard terminal.isInteractive else { return }
        write("\r\u{1b}[K")
    }

    private func write(_ text: String) {
        print(text, terminator: "")
        fflush(nil)
    }
}
