extension StableHLOWriter {
    /// Writes the first words of the stream of a key (`i64` scalar): ``Philox``, whole blocks, at least `count` words (`ui32`).
    mutating func philox(key: StableHLOValue, count: Int) -> StableHLOValue {
        let blocks = Swift.max((count + 3) / 4, 1)
        let (word, wide) = (StableHLOType("ui32", [blocks]), StableHLOType("ui64", [blocks]))
        let bits = emit("convert", [key], as: StableHLOType("ui64", .scalar))
        var k = [bits, shift(bits, "right_logical", 32)].map { broadcast(convert($0, to: "ui32"), to: [blocks]) }
        let counter = emit("iota", [], as: wide, "iota_dimension = 0 : i64")
        let zero = constant(0, word)
        var c = [convert(counter, to: "ui32"), convert(shift(counter, "right_logical", 32), to: "ui32"), zero, zero]
        let factors = [constant(0xD251_1F53, wide), constant(0xCD9E_8D57, wide)]
        let steps = [constant(0x9E37_79B9, word), constant(0xBB67_AE85, word)]
        for round in 0..<10 {
            if round > 0 { k = zip(k, steps).map { emit("add", $0, $1) } }
            let products = [(c[0], factors[0]), (c[2], factors[1])].map { emit("multiply", convert($0, to: "ui64"), $1) }
            let low = products.map { convert($0, to: "ui32") }
            let high = products.map { convert(shift($0, "right_logical", 32), to: "ui32") }
            c = [
                emit("xor", emit("xor", high[1], c[1]), k[0]), low[1], emit("xor", emit("xor", high[0], c[3]), k[1]), low[0],
            ]
        }
        let columns = c.map { reshape($0, to: [blocks, 1]) }
        let rows = emit("concatenate", columns, as: word.with([blocks, 4]), "dimension = 1 : i64")
        return reshape(rows, to: [4 * blocks])
    }

    /// Writes a shift by a number of bits: `left` or `right_logical`.
    mutating func shift(_ value: StableHLOValue, _ direction: String, _ bits: Int) -> StableHLOValue {
        emit("shift_\(direction)", value, constant(Double(bits), value.type))
    }

    /// Writes the product of a value and a number.
    mutating func scaled(_ value: StableHLOValue, by factor: Double) -> StableHLOValue {
        emit("multiply", value, constant(factor, value.type))
    }
}
