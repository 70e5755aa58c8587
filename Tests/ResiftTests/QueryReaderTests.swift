import Ranking
import Resift
import Testing

@Suite("Queries are read from files")
struct QueryReaderTests {
    private func read(_ text: String) throws -> [Query] {
        try QueryReader().queries(in: InputBytes(name: "q", bytes: Array(text.utf8)))
    }

    @Test("JSON Lines with _id or id, and id<TAB>text, even in one file; blank lines are skipped")
    func formats() throws {
        let text =
            "{\"_id\": \"1\", \"text\": \"one\", \"metadata\": {}}\r\n\n{\"id\": 2, \"text\": \"two\"}\nq3\tthree\tmore"
        #expect(
            try read("\u{FEFF}" + text)
                == [Query(id: "1", text: "one"), Query(id: "2", text: "two"), Query(id: "q3", text: "three\tmore")])
    }

    @Test(
        "a line that is no query is an error with its number",
        arguments: [
            ("a\tx\nb\n", "q, line 2: the line has no tab."), ("\tx\n", "q, line 1: the line has no tab."),
            ("{\"text\": \"x\"}\n", "q, line 1: the line is not a query."),
            ("{\"_id\": \"1\"}\n", "q, line 1: the line is not a query."),
            ("{\"_id\": \"1\", \"text\": 7}\n", "q, line 1: the line is not a query."),
            (
                "\n{\"_id\": \"1\",}\n",
                "q, line 2: the line is not valid JSON: a key in quotes was expected at column 13."
            ),
            ("a\t \u{3000}\n", "q, line 1: the line has an empty query (id \"a\")."),
            ("{\"_id\": 1, \"text\": \"\"}", "q, line 1: the line has an empty query (id \"1\")."),
            ("1\tx\n{\"_id\": 1, \"text\": \"y\"}\n", "q, line 2: the line repeats the query id \"1\"."),
            ("", "q has no queries."), ("\n \n", "q has no queries."),
        ])
    func broken(text: String, what: String) {
        let error = #expect(throws: RankingError.self) { try read(text) }
        #expect(error?.code == .invalidInput)
        #expect(error?.what == what)
    }

    @Test("a line that is not UTF-8 and one that is too long are errors with their numbers")
    func unreadable() {
        for line in [[0x61, 0x09, 0xE9], [UInt8](#"{"_id": "1", "text": ""#.utf8) + [0xE9, 0x22, 0x7D]] {
            let error = #expect(throws: RankingError.self) {
                try QueryReader().queries(in: InputBytes(name: "q", bytes: [0x0A] + line))
            }
            #expect(error?.what == "q, line 2: the line is not valid UTF-8.")
        }
        let error = #expect(throws: RankingError.self) {
            try QueryReader(maxLineBytes: 4).queries(in: InputBytes(name: "q", bytes: Array("a\t123".utf8)))
        }
        #expect(error?.what == "q, line 1: the line is 5 bytes long.")
    }
}
