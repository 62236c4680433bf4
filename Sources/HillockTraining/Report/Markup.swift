/// Text for use in HTML, attributes included.
func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
        switch character {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        default: result.append(character)
        }
    }
    return result
}

/// An element of HTML or SVG. Attribute values and `text` are escaped; `content` is markup and is not.
func element(_ name: String, _ attributes: KeyValuePairs<String, String>, text: String = "", content: String = "") -> String {
    let pairs = attributes.map { " \($0.key)=\"\(escaped($0.value))\"" }.joined()
    return "<\(name)\(pairs)>\(escaped(text))\(content)</\(name)>"
}
