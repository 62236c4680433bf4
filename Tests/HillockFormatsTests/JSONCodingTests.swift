import Foundation
import HillockFormats
import Testing

private struct Inner: Codable, Hashable {
    var name: String
    var values: [Double]
    var table: [String: Int]
}

private enum Choice: Codable, Hashable {
    case plain
    case step(interval: Int, factor: Double)
}

private struct Everything: Codable, Hashable {
    var flag = true
    var small: UInt8 = 255
    var large = UInt64.max
    var least = Int.min
    var single: Float = 0.1
    var text = "a \"quoted\"\nline, ä \u{1}"
    var missing: Int?
    var present: Int? = 3
    var inner = [Inner(name: "x", values: [1, -0.5, 1e300, .leastNonzeroMagnitude], table: ["b": 2, "a": 1])]
    var choices = [Choice.plain, .step(interval: 3, factor: 0.5)]
    var matrix = [[1, 2], [], [3]]
}

struct JSONCodingTests {
    private func text(_ value: some Encodable, indented: Bool = false) throws -> String {
        try JSONValue(encoding: value).text(indented: indented)
    }

    private func read<Value: Decodable>(_ text: String) throws -> Value {
        try JSONReader.read(Array(text.utf8)[...], file: "x").decode()
    }

    @Test(arguments: [false, true]) func foundationReadsWhatWeWrite(_ indented: Bool) throws {
        let original = Everything()
        let written = try text(original, indented: indented)
        #expect(try JSONDecoder().decode(Everything.self, from: Data(written.utf8)) == original)
        #expect(try read(written) == original)
    }

    @Test func weReadWhatFoundationWrites() throws {
        let original = Everything()
        #expect(try read(String(decoding: JSONEncoder().encode(original), as: UTF8.self)) == original)
    }

    @Test func namesAreInOrderAndLinesIndented() throws {
        let value = ["b": [1, 2], "a": []]
        #expect(try text(value) == #"{"a":[],"b":[1,2]}"#)
        #expect(try text(value, indented: true) == "{\n  \"a\" : [],\n  \"b\" : [\n    1,\n    2\n  ]\n}")
    }

    @Test func whatIsNoNumberIsAString() throws {
        let values = [Double.infinity, -Double.infinity, 0.1]
        #expect(try text(values) == #"["inf","-inf",0.1]"#)
        #expect(try read(text(values)) == values)
        let back: [Double] = try read(text([Double.nan]))
        #expect(back[0].isNaN)
    }

    @Test(arguments: ["[1.5]", "[256]", "[-1]", "[\"1\"]", "{}", "[null]", "[true]"])
    func whatDoesNotFitIsRefused(_ json: String) {
        #expect(throws: DecodingError.self) { let _: [UInt8] = try read(json) }
    }

    @Test func numbersTooLargeAndMissingNamesAreRefused() {
        #expect(throws: DecodingError.self) { let _: [Double] = try read("[1e999]") }
        #expect(throws: DecodingError.self) { let _: [Float] = try read("[1e99]") }
        #expect(throws: DecodingError.self) { let _: Inner = try read(#"{"name": "x", "values": []}"#) }
    }

    @Test func base64IsFoundations() {
        for count in 0..<50 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 250) }
            let text = Base64.encode(bytes)
            #expect(text == Data(bytes).base64EncodedString())
            #expect(Base64.decode(text) == bytes)
        }
        for wrong in ["a", "ab=", "a===", "ab!d", "=abc", "ab=c", "ä==="] { #expect(Base64.decode(wrong) == nil, "\(wrong)") }
    }

    @Test(arguments: [
        ("a/b", "a"), ("a", "."), ("/a", "/"), ("a/b/", "a"), ("/", "/"), ("//a", "/"), ("a//b", "a"), ("", "."), ("/a/b/c.txt", "/a/b"),
    ])
    func parentOfAPath(_ path: String, _ parent: String) { #expect(FilePath.parent(of: path) == parent) }

    @Test func joiningPaths() {
        #expect(FilePath.join("a", "b") == "a/b")
        #expect(FilePath.join("a/", "b") == "a/b")
        #expect(FilePath.join("/", "b") == "/b")
        #expect(FilePath.join("", "b") == "b")
    }
}
