extension JSONValue {
    /// What a value encodes itself as: names in alphabetical order; `inf`, `-inf` and `nan`, which JSON lacks, as strings.
    ///
    /// Stands in for Foundation's encoder, whose library would take longer to load than a small model to run.
    package init(encoding value: some Encodable) throws {
        let encoder = TreeEncoder(codingPath: [])
        try value.encode(to: encoder)
        self = encoder.node.value
    }
}

/// A place in the tree, filled in by whoever encodes there.
private final class Node {
    enum Content {
        case leaf(JSONValue)
        case object([String: Node])
        case array([Node])
    }
    var content: Content?

    /// What was filled in; an object where nothing was, since a type without properties encodes nothing.
    var value: JSONValue {
        switch content {
        case nil: .object([])
        case .leaf(let value): value
        case .array(let elements): .array(elements.map(\.value))
        case .object(let members):
            .object(members.sorted { $0.key < $1.key }.map { JSONValue.Member(name: $0.key, offset: 0, value: $0.value.value) })
        }
    }

    func member(_ name: String) -> Node {
        let node = Node()
        guard case .object(var members) = content else {
            content = .object([name: node])
            return node
        }
        content = nil
        members[name] = node
        content = .object(members)
        return node
    }

    var count: Int {
        if case .array(let elements) = content { elements.count } else { 0 }
    }

    func element() -> Node {
        let node = Node()
        guard case .array(var elements) = content else {
            content = .array([node])
            return node
        }
        content = nil
        elements.append(node)
        content = .array(elements)
        return node
    }

    func encode<Value: Encodable>(_ value: Value, at path: [any CodingKey]) throws {
        content =
            switch value {
            case let value as Bool: .leaf(.bool(value))
            case let value as String: .leaf(.string(value))
            case let value as Double: .leaf(real(value))
            case let value as Float: .leaf(real(value))
            case let value as any FixedWidthInteger: .leaf(.number("\(value)"))
            default: nil
            }
        if content == nil { try value.encode(to: TreeEncoder(node: self, codingPath: path)) }
    }

    private func real(_ value: some BinaryFloatingPoint & LosslessStringConvertible) -> JSONValue {
        if value.isFinite { return .number(value.description) }
        return .string(value.isNaN ? "nan" : value < 0 ? "-inf" : "inf")
    }
}

private struct TreeEncoder: Encoder {
    var node = Node()
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        node.content = .object([:])
        return KeyedEncodingContainer(ObjectEncoder<Key>(node: node, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.content = .array([])
        return ArrayEncoder(node: node, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }
}

extension TreeEncoder: SingleValueEncodingContainer {
    func encodeNil() { node.content = .leaf(.null) }
    func encode<Value: Encodable>(_ value: Value) throws { try node.encode(value, at: codingPath) }
}

private struct ObjectEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: Node
    let codingPath: [any CodingKey]

    func encodeNil(forKey key: Key) { node.member(key.stringValue).content = .leaf(.null) }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        try node.member(key.stringValue).encode(value, at: codingPath + [key])
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
        encoder(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { encoder(key).unkeyedContainer() }

    func superEncoder() -> any Encoder { TreeEncoder(node: node.member("super"), codingPath: codingPath) }

    func superEncoder(forKey key: Key) -> any Encoder { encoder(key) }

    private func encoder(_ key: Key) -> TreeEncoder { TreeEncoder(node: node.member(key.stringValue), codingPath: codingPath + [key]) }
}

private struct ArrayEncoder: UnkeyedEncodingContainer {
    let node: Node
    let codingPath: [any CodingKey]
    var count: Int { node.count }

    func encodeNil() { node.element().content = .leaf(.null) }

    func encode<Value: Encodable>(_ value: Value) throws { try node.element().encode(value, at: codingPath) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        TreeEncoder(node: node.element(), codingPath: codingPath).container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        TreeEncoder(node: node.element(), codingPath: codingPath).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { TreeEncoder(node: node.element(), codingPath: codingPath) }
}
