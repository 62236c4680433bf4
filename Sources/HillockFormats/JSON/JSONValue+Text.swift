extension JSONValue {
    /// The value as JSON text (RFC 8259), members in their order; `indented` puts every member and element on a line of its own.
    package func text(indented: Bool = false) -> String {
        var result = ""
        write(to: &result, indented: indented, depth: 0)
        return result
    }

    private func write(to text: inout String, indented: Bool, depth: Int) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let digits): text += digits
        case .string(let value): text += JSONValue.quoted(value)
        case .array(let elements):
            Self.list("[", "]", elements, to: &text, indented: indented, depth: depth) { element, text in
                element.write(to: &text, indented: indented, depth: depth + 1)
            }
        case .object(let members):
            Self.list("{", "}", members, to: &text, indented: indented, depth: depth) { member, text in
                text += JSONValue.quoted(member.name) + (indented ? " : " : ":")
                member.value.write(to: &text, indented: indented, depth: depth + 1)
            }
        }
    }

    private static func list<Item>(
        _ opening: String, _ closing: String, _ items: [Item], to text: inout String, indented: Bool, depth: Int,
        _ body: (Item, inout String) -> Void
    ) {
        text += opening
        for (position, item) in items.enumerated() {
            if position > 0 { text += "," }
            if indented { text += "\n" + String(repeating: "  ", count: depth + 1) }
            body(item, &text)
        }
        if indented, !items.isEmpty { text += "\n" + String(repeating: "  ", count: depth) }
        text += closing
    }
}
