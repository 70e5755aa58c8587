import OrderedJSON
import TestSupport
import Testing

@Suite("JSON is read strictly")
struct JSONParserTests {
    private func parse(_ text: String) throws(JSONError) -> JSONValue { try JSONValue.parse(Array(text.utf8)) }

    @Test(
        "every kind of value, with white space around it",
        arguments: [
            ("null", .null), (" true ", .bool(true)), ("\n\tfalse\r\n", .bool(false)), ("7", .number(JSONNumber(7))),
            (#""""#, .string("")), ("[]", .array([])), ("[ ]", .array([])), ("{ }", .object(JSONObject())),
            ("[1,[null]]", .array([.number(JSONNumber(1)), .array([.null])])), ("\u{FEFF}[]", .array([])),
        ] as [(String, JSONValue)])
    func values(text: String, expected: JSONValue) throws { #expect(try parse(text) == expected) }

    @Test(
        "escapes stand for their characters",
        arguments: [
            (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u6771""#, "Aé東"), (#""\u0000""#, "\0"),
            (#""\ud83d\ude42""#, "🙂"), (#""\uD83D\uDE42!""#, "🙂!"), (#""naïve \u00e9""#, "naïve é"),
            (#""\uFFFF""#, "\u{FFFF}"),
        ])
    func escapes(text: String, expected: String) throws {
        guard case .string(let value) = try parse(text) else { throw UnexpectedJSON(text: text) }
        #expect(Array(value.utf8) == Array(expected.utf8))
    }

    @Test(
        "an escaped surrogate without its partner becomes U+FFFD, and what follows it stays",
        arguments: [
            (#""\ud83d""#, "\u{FFFD}"), (#""\ude42""#, "\u{FFFD}"), (#""\ud83dx""#, "\u{FFFD}x"),
            (#""\ud83d\n""#, "\u{FFFD}\n"), (#""\ud83d\u0041""#, "\u{FFFD}A"),
            (#""\ud83d\ud83d\ude42""#, "\u{FFFD}🙂"), (#""\ude42\ud83d""#, "\u{FFFD}\u{FFFD}"),
        ])
    func loneSurrogates(text: String, expected: String) throws { #expect(try parse(text) == .string(expected)) }

    @Test(
        "what is not JSON is refused, with the line and column of the first wrong character",
        arguments: [
            ("", "the text ends where a value was expected", 1, 1),
            ("  \n ", "the text ends where a value was expected", 2, 2),
            ("nul", "\"null\" was expected", 1, 1), ("truth", "\"true\" was expected", 1, 1),
            ("hello", "a value was expected", 1, 1),
            ("NaN", "NaN and Infinity are no JSON values", 1, 1),
            ("[1, Infinity]", "NaN and Infinity are no JSON values", 1, 5),
            ("-Infinity", "a digit was expected", 1, 2), ("1 2", "there is more after the end of the value", 1, 3),
            ("[1,]", "a value was expected", 1, 4), ("[1 2]", "\",\" or \"]\" was expected", 1, 4),
            ("[1", "\",\" or \"]\" was expected", 1, 3), ("[", "the text ends where a value was expected", 1, 2),
            ("{\"a\" 1}", "\":\" was expected", 1, 6), ("{\"a\": 1,}", "a key in quotes was expected", 1, 9),
            ("{a: 1}", "a key in quotes was expected", 1, 2), ("{\"a\": 1", "\",\" or \"}\" was expected", 1, 8),
            ("{\n  \"a\": 1\n  \"b\": 2}", "\",\" or \"}\" was expected", 3, 3),
            ("01", "a number may not begin with 0", 1, 2),
            ("-", "a digit was expected", 1, 2), ("1.", "a digit was expected", 1, 3),
            (".5", "a value was expected", 1, 1),
            ("1e", "a digit was expected", 1, 3), ("+1", "a value was expected", 1, 1),
            ("0x10", "there is more after the end of the value", 1, 2),
            ("\"abc", "the text ends inside a string", 1, 5), ("\"a\\\"", "the text ends inside a string", 1, 5),
            ("\"a\nb\"", "a control character has to be written as an escape", 1, 3),
            ("\"\\n\tb\"", "a control character has to be written as an escape", 1, 4),
            ("\"\\x\"", "no escape begins with this character", 1, 3),
            ("\"\\u12g4\"", "four hexadecimal digits were expected", 1, 6),
            ("\"\\u12", "four hexadecimal digits were expected", 1, 6), ("'a'", "a value was expected", 1, 1),
            ("// c\n1", "a value was expected", 1, 1), ("[\"äöü🙂\", x]", "a value was expected", 1, 10),
        ])
    func malformed(text: String, message: String, line: Int, column: Int) {
        let error = #expect(throws: JSONError.self) { try parse(text) }
        #expect(error?.message == message)
        #expect(error?.line == line)
        #expect(error?.column == column)
        #expect(error?.description == "\(message) at line \(line), column \(column)")
    }

    @Test(
        "a string that is not UTF-8 is refused: a lone byte FF, an encoded surrogate, an overlong slash, a cut sequence",
        arguments: [[0xFF], [0xED, 0xA0, 0x80], [0xC0, 0xAF], [0xE6, 0x9D], [0xF4, 0x90, 0x80, 0x80]] as [[UInt8]])
    func invalidUTF8(bytes: [UInt8]) {
        for escape in [[], Array("\\n".utf8)] {
            let error = #expect(throws: JSONError.self) {
                try JSONValue.parse(Array("[1, \"".utf8) + escape + bytes + Array("\"]".utf8))
            }
            #expect(error?.message == "the string is not valid UTF-8")
            #expect(error?.byteOffset == 5)
        }
    }

    @Test("arrays and objects may be nested 512 deep, and one more is an error instead of a crash")
    func depth() throws {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let inner = open == "[" ? "" : "1"
            func nested(_ depth: Int) -> String {
                String(repeating: open, count: depth) + inner + String(repeating: close, count: depth)
            }
            #expect(try parse(nested(512)).compact.count >= 1_024)
            let error = #expect(throws: JSONError.self) { try parse(nested(513)) }
            #expect(error?.message == "arrays and objects are nested more than 512 deep")
            // 512 opening parts come before it.
            #expect(error?.byteOffset == 512 * open.utf8.count)
        }
        #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
        // The limit is of depth, not of number.
        #expect(try parse("[" + String(repeating: "[],", count: 2_000) + "[]]").compact.hasPrefix("[[], []"))
    }
}
