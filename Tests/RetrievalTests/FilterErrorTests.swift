import Ranking
import TestSupport
import Testing

@testable import Retrieval

@Suite("Filters that cannot be read")
struct FilterErrorTests {
    static let example = "Write for example: created_at > now-30d and tags in (a, 'b c')."
    static let operators = "one of = != < <= > >= in, not in"

    static let refused: [(text: String, problem: String, fix: String)] = [
        ("", "ends at column 1, where a field should be", example),
        ("a", "ends at column 2, where \(operators) should be", example),
        ("a b", "has \"b\" at column 3, where \(operators) should be", example),
        ("a <> 1", "has \"<>\" at column 3, where \(operators) should be", example),
        ("a =< 1", "has \"=<\" at column 3, where \(operators) should be", example),
        ("a is null", "has \"is\" at column 3, where \(operators) should be", example),
        ("a = ", "ends at column 5, where a value should be", example),
        ("a = (1)", "has \"(\" at column 5, where a value should be", example),
        ("= 1", "has \"=\" at column 1, where a field should be", example),
        ("a = 1 and", "ends at column 10, where a field should be", example),
        ("a = 1, b = 2", "has \",\" at column 6, where \"and\", \"or\" or the end should be", example),
        ("a = b c", "has \"c\" at column 7, where \"and\", \"or\" or the end should be", example),
        ("(a = 1", "ends at column 7, where \")\" should be", example),
        ("a = 1)", "has \")\" at column 6, where \"and\", \"or\" or the end should be", example),
        ("a in b", "has \"b\" at column 6, where \"(\" should be", example),
        ("a in (b c)", "has \"c\" at column 9, where \",\" or \")\" should be", example),
        ("a in (b,)", "has \")\" at column 9, where a value should be", example),
        ("a not b", "has \"b\" at column 7, where \"in\" should be", example),
        ("exists()", "has \")\" at column 8, where a field should be", example),
        ("exists(a", "ends at column 9, where \")\" should be", example),
        ("a = date(x)", "has \"x\" at column 10, where the seconds since 1970 should be", example),
        ("a = text(", "ends at column 10, where a text should be", example),
        ("a = 1 && b = 2", "has \"&\" at column 7", "Write \"and\" and \"or\" as words."),
        ("a = b*", "has \"*\" at column 6", "Put a value with such a sign in quotes."),
        ("a = 'b", "has a quote at column 5 that nothing closes", "Close it with '."),
        ("a = \"b\\", "has a quote at column 5 that nothing closes", "Close it with \"."),
        ("t > now-30y", "has \"now-30y\" at column 5", relative),
        ("t > now-d", "has \"now-d\" at column 5", relative),
        ("t > now-+1d", "has \"now-+1d\" at column 5", relative),
        ("t > now-99999999999999999999d", "has \"now-99999999999999999999d\" at column 5", relative),
        ("t > now-9000000d", "has \"now-9000000d\" at column 5", relative),
    ]

    @Test("what stands there, where, what was expected, and what to do", arguments: refused)
    func messages(text: String, problem: String, fix: String) {
        let error = #expect(throws: RankingError.self) { try FilterParsingTests.parse(text) }
        #expect(error?.code == .invalidInput)
        #expect(error?.what == "The filter \(problem).")
        #expect(error?.fix == fix)
    }

    static let relative =
        "Write now-30d, with a whole number and one of s, m, h, d, w, and a text that begins so in quotes."

    @Test("the excerpt has a caret below the place, in a long text with line breaks, too")
    func caret() throws {
        let error = #expect(throws: RankingError.self) {
            try FilterParsingTests.parse(
                "tenant = acme and\n\n\tcreated_at > 2026-01-01 und plan = pro and b = 1 and c = 2")
        }
        #expect(
            error?.why == """
                It cannot be read beyond this place:
                    and   created_at > 2026-01-01 und plan = pro and b
                                                  ^
                """)
        let short = #expect(throws: RankingError.self) { try FilterParsingTests.parse("größe = = 1") }
        #expect(
            short?.why == """
                It cannot be read beyond this place:
                    größe = = 1
                            ^
                """)
    }

    @Test("a long word is not repeated whole")
    func longWord() {
        let error = #expect(throws: RankingError.self) {
            try FilterParsingTests.parse("a " + String(repeating: "b", count: 10_000))
        }
        #expect(error?.what.utf8.count ?? .max < 200)
    }

    @Test("depth and length are limited, and no limit is reached by a crash")
    func limits() throws {
        func nested(_ open: String, _ close: String, _ count: Int) -> String {
            String(repeating: open, count: count) + "a = 1" + String(repeating: close, count: count)
        }
        for (open, close) in [("(", ")"), ("not ", ""), ("all(", ")"), ("any(", ")"), ("not (", ")")] {
            for count in [200, 10_000] {
                let error = #expect(throws: RankingError.self) {
                    try FilterParsingTests.parse(nested(open, close, count))
                }
                #expect(error?.what == "The filter is nested more than 100 deep.")
                #expect(error?.fix == "Write it with fewer parentheses and fewer \"not\".")
            }
        }
        // The outermost level counts.
        #expect(try FilterParsingTests.parse(nested("(", ")", 99)) == FilterParsingTests.parse("a = 1"))
        #expect(throws: RankingError.self) { try FilterParsingTests.parse(nested("(", ")", 100)) }
        let error = #expect(throws: RankingError.self) { try FilterParsingTests.parse(nested("(", ")", 100_000)) }
        #expect(error?.what == "The filter has 200005 bytes.")
        #expect(error?.why == "The limit is 65536.")
        #expect(error?.fix == "Filter by fewer values.")
        let ids = (0..<9000).map { "d\($0)" }.joined(separator: ",")
        #expect(try FilterParsingTests.parse("id in (\(ids))").fields == ["id"])
    }

    @Test("random bytes and random words are read or refused, never more", arguments: 0..<20)
    func fuzz(seed: UInt64) throws {
        var random = TestSupport.SeededGenerator(seed: seed)
        let words = [
            "a", "and", "or", "not", "in", "exists", "all", "any", "now", "now-1d", "date", "text", "true", "(", ")",
            ",",
            "=", "!=", "<", ">=", "'", "\"", "\\", "1", "-1e400", "2026-01-31", "\u{301}", "\u{0}", "é", " ", "\n",
        ]
        for _ in 0..<1000 {
            let bytes = (0..<random.int(in: 0...60)).map { _ in UInt8(random.int(in: 0...255)) }
            let joined = (0..<random.int(in: 0...30)).map { _ in random.pick(words) + (random.oneIn(2) ? " " : "") }
                .joined()
            for text in [String(decoding: bytes, as: UTF8.self), joined] {
                do {
                    let filter = try FilterParsingTests.parse(text)
                    #expect(try FilterParsingTests.parse(filter.description) == filter, "\(String(reflecting: text))")
                } catch let error as RankingError {
                    #expect(error.code == .invalidInput)
                }
            }
        }
    }
}
