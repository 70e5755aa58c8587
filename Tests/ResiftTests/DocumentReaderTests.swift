import OrderedJSON
import Ranking
import Resift
import TestSupport
import Testing

@Suite("Documents are read from files")
struct DocumentReaderTests {
    private func read(_ text: String, _ format: DocumentFormat = .auto, name: String = "standard input") throws
        -> [Document]
    {
        try read(Array(text.utf8), format, name: name)
    }

    private func read(_ bytes: [UInt8], _ format: DocumentFormat = .auto, name: String = "standard input") throws
        -> [Document]
    {
        try DocumentReader(format: format).documents(in: InputBytes(name: name, bytes: bytes))
    }

    private func texts(_ text: String, _ format: DocumentFormat = .auto, name: String = "standard input") throws
        -> [String]
    {
        try read(text, format, name: name).map { try $0.text() }
    }

    private func error(_ bytes: [UInt8], _ format: DocumentFormat = .auto, name: String = "f") -> RankingError? {
        #expect(throws: RankingError.self) { try read(bytes, format, name: name) }
    }

    private func error(_ text: String, _ format: DocumentFormat = .auto, name: String = "f") -> RankingError? {
        error(Array(text.utf8), format, name: name)
    }

    @Test("JSON Lines are strings and objects; objects keep their fields, blank lines are skipped")
    func jsonLines() throws {
        let documents = try read(
            "\"one\"\n\n{\"id\": 7, \"text\": \"two\", \"x\": [1]}\n \t\n{\"title\": \"three\"}", .jsonl)
        #expect(try documents.map { try $0.text() } == ["one", "two", "three"])
        #expect(documents.map(\.id) == [nil, "7", nil])
        #expect(documents[1].content == .fields(try JSONObject(parsing: #"{"id": 7, "text": "two", "x": [1]}"#)))
    }

    @Test("a JSON array may span lines")
    func jsonArray() throws {
        let documents = try read("[\n  \"one\",\n  {\"_id\": \"b\",\n   \"text\": \"two\"}\n]\n", .json)
        #expect(try documents.map { try $0.text() } == ["one", "two"])
        #expect(documents.map(\.id) == [nil, "b"])
    }

    @Test("TSV is an id, a tab and a text, which may be empty or hold tabs")
    func tabSeparated() throws {
        let documents = try read("a\tone\n\nb\ttwo\tmore\nc\t\n", .tsv)
        #expect(documents == [Document("one", id: "a"), Document("two\tmore", id: "b"), Document("", id: "c")])
    }

    @Test("plain lines are documents without ids; an empty line is an empty document")
    func lines() throws {
        #expect(try read("one\n\n  two \nthree", .lines) == ["one", "", "  two ", "three"])
        #expect(try read("\n", .lines) == [""])
        #expect(try read("{\"text\": 1}\n", .lines) == ["{\"text\": 1}"])
    }

    @Test(
        "without a final newline, with CR LF, and with a byte order mark, the documents are the same",
        arguments: [
            (DocumentFormat.jsonl, "\"one\"\n{\"text\": \"two\"}\n"), (.json, "[\"one\",\n\"two\"]\n"),
            (.tsv, "1\tone\n2\ttwo\n"),
            (.lines, "one\ntwo\n"),
        ])
    func lineEndings(format: DocumentFormat, text: String) throws {
        let expected = ["one", "two"]
        #expect(try texts(text, format) == expected)
        #expect(try texts(String(text.dropLast()), format) == expected)
        #expect(try texts(text.replacing("\n", with: "\r\n"), format) == expected)
        #expect(try texts("\u{FEFF}" + text, format) == expected)
        #expect(try texts(text, .auto) == expected)
        #expect(try texts("\u{FEFF}" + text.replacing("\n", with: "\r\n"), .auto) == expected)
    }

    @Test(
        "the format is found by the name, then by the first character, then by a tab in the first line",
        arguments: [
            ("x.tsv", "a\t\"one\"", ["\"one\""]), ("X.TXT", "[1]\n\"one\"", ["[1]", "\"one\""]),
            ("x.jsonl", "\"one\"", ["one"]),
            ("x.ndjson", "{\"text\": \"one\"}", ["one"]), ("x", "\n \t {\"text\": \"one\"}", ["one"]),
            ("x", "\"one\"", ["one"]),
            ("x", " [\"one\"]", ["one"]), ("x.json", "{\"text\": \"one\"}", ["one"]), ("x.json", "[\"one\"]", ["one"]),
            ("x", "a\tone\nb\ttwo", ["one", "two"]), ("x", "no tab\na\tone", ["no tab", "a\tone"]), ("x", "\n", [""]),
            ("x", "123", ["123"]),
        ])
    func detection(name: String, text: String, expected: [String]) throws {
        #expect(try texts(text, name: name) == expected)
    }

    @Test("an empty input, and one of nothing but blank lines, is an error")
    func empty() {
        #expect(error("")?.what == "f is empty.")
        #expect(error("\u{FEFF}")?.what == "f is empty.")
        #expect(error("\n \n\t\n", .jsonl)?.what == "f has no documents.")
        #expect(error("\n\n", .tsv)?.why == "All its lines are blank.")
        #expect(error("[]")?.what == "f has no documents.")
        #expect(error("[ ]\n")?.why == "The array is empty.")
        #expect(error("")?.code == .invalidInput)
    }

    @Test("a broken line is named by its number, and the place in it by its column")
    func brokenJSON() {
        let broken = error("\"one\"\n\n{\"text\": }\n", .jsonl)
        #expect(broken?.code == .invalidInput)
        #expect(broken?.what == "f, line 3: the line is not valid JSON: a value was expected at column 10.")
        #expect(broken?.why == "It is read as JSON Lines, one value a line.")
        #expect(broken?.cause is JSONError)
        #expect(
            error("\"é🙂\" x", .jsonl)?.what
                == "f, line 1: the line is not valid JSON: there is more after the end of the value at column 6.")
        #expect(
            error("[\"one\",\n \"two\",\n]")?.what
                == "f, line 3: the line is not valid JSON: a value was expected at column 1.")
    }

    @Test("another kind of JSON value is an error that names its place")
    func wrongKind() {
        #expect(error("\"one\"\n7\n", .jsonl)?.what == "f, line 2: a document is a string or an object.")
        #expect(error("\"one\"\n[\"x\"]\n", .jsonl)?.what == "f, line 2: a document is a string or an object.")
        #expect(error("[\"one\", null]")?.what == "f, item 1: a document is a string or an object.")
        #expect(error("{\"text\": \"x\"}", .json)?.what == "f, line 1: the line does not begin a JSON array.")
    }

    @Test("a TSV line without an id or a tab is an error")
    func brokenTSV() {
        #expect(error("a\tone\nno tab\n", .tsv)?.what == "f, line 2: the line has no id and tab before its text.")
        #expect(error("\tno id\n", .tsv)?.what == "f, line 1: the line has no id and tab before its text.")
    }

    @Test("an id that comes twice is an error that names both lines or items, a number and its text among them")
    func duplicateIDs() {
        #expect(
            error("{\"id\": \"a\"}\n\n{\"id\": \"b\"}\n{\"_id\": \"a\"}\n", .jsonl)?.what
                == "f: the id \"a\" appears twice, in lines 1 and 4.")
        #expect(
            error("{\"id\": 1}\n{\"id\": \"1\"}\n", .jsonl)?.what == "f: the id \"1\" appears twice, in lines 1 and 2.")
        #expect(error("a\tx\nb\tx\nb\ty\n", .tsv)?.what == "f: the id \"b\" appears twice, in lines 2 and 3.")
        #expect(error("[{\"id\": 1}, \"x\", {\"id\": 1}]")?.what == "f: the id \"1\" appears twice, in items 0 and 2.")
    }

    @Test("ids that look alike but have different bytes are two ids")
    func lookAlikeIDs() throws {
        // é as one code point, and as e with a combining accent.
        let input = InputBytes(name: "f", bytes: Array("\u{E9}\tx\ne\u{301}\ty\n".utf8))
        #expect(try DocumentReader(format: .tsv).documents(in: input).count == 2)
    }

    @Test(
        "a line that is not UTF-8 is an error with its number, in every format",
        arguments: [
            (DocumentFormat.jsonl, "\"one\"\n\"", "\"\n"), (.tsv, "a\tx\nb\t", "\n"), (.tsv, "a\tx\nb", "\ty\n"),
            (.lines, "one\n", "\n"),
        ])
    func invalidUTF8(format: DocumentFormat, before: String, after: String) {
        // 0xE9 is é in Latin-1.
        let error = error(Array(before.utf8) + [0xE9] + Array(after.utf8), format)
        #expect(error?.code == .invalidInput)
        #expect(error?.what == "f, line 2: the line is not valid UTF-8.")
        #expect(error?.fix == "Convert it, for example with: iconv -f LATIN1 -t UTF-8.")
    }

    @Test("a string of a JSON array that is not UTF-8 is an error with its line")
    func invalidUTF8InArray() {
        let error = error(Array("[\n\"one\",\n\"".utf8) + [0xE9] + Array("\"]".utf8))
        #expect(error?.what == "f, line 3: the line is not valid JSON: the string is not valid UTF-8 at column 2.")
    }

    @Test("a line longer than the limit is an error with its length; one of the limit's length is read")
    func longLines() throws {
        let reader = DocumentReader(format: .lines, maxLineBytes: 5)
        let fitting = InputBytes(name: "f", bytes: Array("12345\n12345".utf8))
        #expect(try reader.documents(in: fitting) == ["12345", "12345"])
        let error = #expect(throws: RankingError.self) {
            try reader.documents(in: InputBytes(name: "f", bytes: Array("1\n123456\n".utf8)))
        }
        #expect(error?.code == .invalidInput)
        #expect(error?.what == "f, line 2: the line is 6 bytes long.")
        #expect(error?.why == "The limit is 5 bytes a line.")
    }
}
