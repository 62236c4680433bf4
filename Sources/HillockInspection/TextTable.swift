/// Rows of text in columns: numbers end under each other, the last column runs on.
struct TextTable {
    private let head: [String]
    /// `nil` for a line across.
    private var rows: [[String]?] = []

    /// A table with these headings.
    init(_ head: [String]) { self.head = head }

    /// Adds a row of as many cells as there are headings.
    mutating func add(_ cells: [String]) { rows.append(cells) }

    /// Adds a line across.
    mutating func rule() { rows.append(nil) }

    /// The lines of the table.
    var text: String {
        let all = [head] + rows.compactMap { $0 }
        let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            let padded = cells.enumerated().map { column, cell in
                column == cells.count - 1 ? cell : String(repeating: " ", count: widths[column] - cell.count) + cell
            }
            return padded.joined(separator: "  ")
        }
        // As long as the numbers, and a word of the last column.
        let rule = String(repeating: "─", count: widths.dropLast().reduce(0) { $0 + $1 + 2 } + 24)
        return ([line(head), rule] + rows.map { $0.map(line) ?? rule }).joined(separator: "\n")
    }
}
