import HillockFormats
import TestFolders
import Testing

@Suite struct JSONTests {
    private func read(_ text: String) throws -> JSONValue { try JSONReader.read(Array(text.utf8)[...], file: "x") }

    @Test func values() throws {
        let text = #" { "b" : [1, -0.5e+3, true, false, null], "a" : "q\"\\\/\b\f\n\r\t\u00e9\ud83d\ude42é" } "#
        #expect(
            try read(text)
                == .object([
                    .init(name: "b", offset: 3, value: .array([.number("1"), .number("-0.5e+3"), .bool(true), .bool(false), .null])),
                    .init(name: "a", offset: 42, value: .string("q\"\\/\u{8}\u{c}\n\r\té🙂é")),
                ]))
        #expect(try read("[]") == .array([]))
        #expect(try read("{}") == .object([]))
    }

    @Test func quotedTextReadsBack() throws {
        let text = "a\"\\\n\r\t\u{0}\u{1f}\u{7f}é🙂/"
        #expect(try read(JSONValue.quoted(text)) == .string(text))
    }

    @Test(
        arguments: [
            "", "{", "[1,]", "{\"a\":1,}", "01", "1.", ".5", "+1", "1e", "-", "tru", "nul", "'a'", "\"a", "\"\\x\"", "\"\\u12g4\"",
            "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"a\nb\"", "{\"a\":1,\"a\":2}", "{1:2}", "1 2", "NaN", "[1 2]",
            "\u{feff}{}",
        ])
    func refuses(_ text: String) {
        #expect(throws: FormatError.self) { try read(text) }
    }

    @Test func refusesBytesThatAreNotUTF8() {
        #expect(failure { try JSONReader.read([0x22, 0xc3, 0x28, 0x22], file: "x") } == "x: JSON string is not valid UTF-8 at byte 0")
    }
}
