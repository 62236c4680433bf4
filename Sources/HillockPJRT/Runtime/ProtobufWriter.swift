/// Writes the wire format of protocol buffers: a field's number and kind, then its value.
/// Source: protobuf.dev, "Encoding".
struct ProtobufWriter {
    /// What was written.
    private(set) var bytes: [UInt8] = []

    /// A whole number or a truth value; negative numbers take ten bytes.
    mutating func integer(_ field: Int, _ value: Int) {
        variable(UInt64(field) << 3)
        variable(UInt64(bitPattern: Int64(value)))
    }

    /// A real number of 64 bits.
    mutating func real(_ field: Int, _ value: Double) {
        variable(UInt64(field) << 3 | 1)
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(8 * shift))) }
    }

    /// Whole numbers, packed.
    mutating func integers(_ field: Int, _ values: [Int]) {
        var list = ProtobufWriter()
        for value in values { list.variable(UInt64(bitPattern: Int64(value))) }
        block(field, list.bytes)
    }

    /// A text.
    mutating func text(_ field: Int, _ value: String) { block(field, Array(value.utf8)) }

    /// A message within this one.
    mutating func message(_ field: Int, _ body: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        body(&inner)
        block(field, inner.bytes)
    }

    private mutating func block(_ field: Int, _ content: [UInt8]) {
        variable(UInt64(field) << 3 | 2)
        variable(UInt64(content.count))
        bytes += content
    }

    /// Seven bits a byte, the lowest first.
    private mutating func variable(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
