import Foundation

/// What the source text of the core declares: Swift has no list of a module's functions, and a list kept by hand would be forgotten.
enum CoreSources {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Sources/HillockCore")

    private static func texts(in folders: [String]) throws -> [String] {
        try folders.flatMap { folder in
            try FileManager.default.contentsOfDirectory(at: root.appending(path: folder), includingPropertiesForKeys: nil)
        }
        .filter { $0.pathExtension == "swift" }
        .map { try String(contentsOf: $0, encoding: .utf8) }
    }

    /// The names of the types that conform to `Primitive`.
    static func primitives() throws -> [String] {
        let pattern = /struct (\w+): (Primitive|RealFunction|NumericFunction|BinaryFunction)\b/
        return try texts(in: ["Primitives", "Operations", "Graph"]).flatMap { $0.matches(of: pattern).map { String($0.1) } }
    }

    /// The public free functions, and the public functions, subscripts and initialisers of `Tensor`, as `name(label: Type, Type)`.
    static func publicOperations() throws -> [String] {
        let index = try String(contentsOf: root.appending(path: "Tensor/Tensor+Indexing.swift"), encoding: .utf8)
        return try (texts(in: ["Primitives", "Operations"]) + [index]).flatMap { operations(in: $0) }
    }

    private static func operations(in text: String) -> [String] {
        // An operator's name may hold "<", and stands before a space.
        let declaration = /(?:func (\S+?)|(subscript|init))(?:<[^>]*>)? ?\(/
        var result: [String] = []
        var isInTensor = false
        var position = text.startIndex
        while position < text.endIndex {
            let line = text[position...].prefix { $0 != "\n" }
            if line == "extension Tensor {" { isInTensor = true } else if line == "}" { isInTensor = false }
            let start = isInTensor ? "    public " : "public "
            if line.hasPrefix(start), let found = line.firstMatch(of: declaration) {
                let name = (found.1 ?? found.2 ?? "").replacing("`", with: "")
                result.append(name + "(" + parameters(in: text[found.range.upperBound...]) + ")")
            }
            position = line.endIndex < text.endIndex ? text.index(after: line.endIndex) : text.endIndex
        }
        return result
    }

    /// The parameters up to the closing parenthesis, without defaults, and without the caller's file and line.
    private static func parameters(in text: Substring) -> String {
        var parts = [""]
        var depth = 0
        for character in text {
            if depth == 0 && character == ")" { break }
            if "([<".contains(character) { depth += 1 } else if ")]>".contains(character) { depth -= 1 }
            if character == ",", depth == 0 { parts.append("") } else { parts[parts.count - 1].append(character == "\n" ? " " : character) }
        }
        let cleaned = parts.compactMap { part -> String? in
            let declaration = part.prefix { $0 != "=" }.split(separator: " ").joined(separator: " ")
            guard let colon = declaration.firstIndex(of: ":") else { return nil }
            let label = declaration[..<colon].split(separator: " ")[0]
            let type = declaration[declaration.index(after: colon)...].drop { $0 == " " }.replacing("inout ", with: "")
            // Operators have no labels.
            let isOperand = ["a", "b", "x"].contains(label) && declaration[..<colon].split(separator: " ").count == 1
            return label == "file" || label == "line" ? nil : label == "_" || isOperand ? "\(type)" : "\(label): \(type)"
        }
        return cleaned.joined(separator: ", ")
    }
}
