/// A JSON text as it stands: members in their order, numbers as they were written.
package indirect enum JSONValue: Sendable, Hashable {
    /// A member of an object: its name, where the name begins in the file, and its value.
    package struct Member: Sendable, Hashable {
        package let name: String
        package let offset: Int
        package let value: JSONValue

        package init(name: String, offset: Int, value: JSONValue) {
            self.name = name
            self.offset = offset
            self.value = value
        }
    }

    case object([Member])
    case array([JSONValue])
    case string(String)
    /// The number's text, checked against the grammar: turning it into an `Int` or a `Double` is the reader's decision.
    case number(String)
    case bool(Bool)
    case null

    /// What messages call the value.
    package var kind: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .number(let text): text.count <= 24 ? "the number \(text)" : "a number of \(text.count) digits"
        case .bool(let value): "\(value)"
        case .null: "null"
        }
    }

    /// The JSON text of a string, quotes included.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
