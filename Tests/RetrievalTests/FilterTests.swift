import Foundation
import OrderedJSON
import Ranking
import TestSupport
import Testing

@testable import Retrieval

@Suite("Filters")
struct FilterTests {
    /// 2026-01-31T12:00:00Z: 20,484 days of 86,400 seconds after 1970, and half a day.
    private static let now = Date(timeIntervalSince1970: 1_769_860_800)

    private func parsed(_ text: String) throws -> Filter { try Filter(parsing: text, now: FilterTests.now) }

    private func problem(_ text: String) -> RankingError? {
        do {
            _ = try Filter(parsing: text)
            return nil
        } catch { return error }
    }

    // MARK: Reading

    @Test("and binds more than or, not most; words in any case")
    func precedence() throws {
        let (a, b, c) = (Filter.exists(field: "a"), Filter.exists(field: "b"), Filter.exists(field: "c"))
        #expect(try parsed("exists(a) or exists(b) and exists(c)") == .any([a, .all([b, c])]))
        #expect(try parsed("exists(a) AND EXISTS(b) Or exists(c)") == .any([.all([a, b]), c]))
        #expect(try parsed("(exists(a) or exists(b)) and exists(c)") == .all([.any([a, b]), c]))
        #expect(try parsed("not exists(a) and not not exists(b)") == .all([.not(a), .not(.not(b))]))
        #expect(try parsed("not (exists(a) or exists(b))") == .not(.any([a, b])))
    }

    @Test("a literal is a string, a number, a truth value or a date; quotes make it a string, except by order")
    func literals() throws {
        let literals: [(String, MetadataValue)] = [
            ("x", .string("x")), ("'x y'", .string("x y")), (#""it's""#, .string("it's")),
            (#"'it\'s'"#, .string("it's")), (#"'a\\b'"#, .string(#"a\b"#)), ("7", .number(7)),
            ("-1.5e3", .number(-1500)),
            ("'7'", .string("7")), ("true", .boolean(true)), ("FALSE", .boolean(false)), ("'true'", .string("true")),
            ("1970-01-02", .date(86_400)), ("'1970-01-02'", .string("1970-01-02")),
            ("1970-01-01T01:00:00Z", .date(3_600)), ("1970-01-01T01:00:00+01:00", .date(0)),
            ("now", .date(1_769_860_800)), ("now-30d", .date(1_769_860_800 - 2_592_000)),
            ("now+2h", .date(1_769_860_800 + 7_200)), ("NOW-1w", .date(1_769_860_800 - 604_800)),
            ("2026-13-01", .string("2026-13-01")), ("a:b/c@d+e", .string("a:b/c@d+e")), ("''", .string("")),
            ("inf", .string("inf")), ("0x10", .string("0x10")),
        ]
        for (text, value) in literals {
            #expect(try parsed("f = \(text)") == .compare(field: "f", .equal, value), "\(text)")
        }
        #expect(try parsed("f > '1970-01-02'") == .compare(field: "f", .greater, .date(86_400)))
        #expect(try parsed("f > 'x'") == .compare(field: "f", .greater, .string("x")))
        #expect(
            try parsed("f in (1, x, 'y z')")
                == .oneOf(field: "f", [.number(1), .string("x"), .string("y z")]))
        #expect(try parsed("f not in (1)") == .not(.oneOf(field: "f", [.number(1)])))
        #expect(try parsed("'and' == x") == .compare(field: "and", .equal, .string("x")))
    }

    @Test(
        "what cannot be read is refused with the column and what was expected",
        arguments: [
            ("", "ends where a field should be"), ("a", "ends where one of"), ("a = ", "ends where a value should be"),
            ("a = b c", "has \"c\" at column 7"), ("a = (b)", "has \"(\" at column 5"),
            ("a in ()", "has \")\" at column 7"),
            ("a in (b", "ends where \")\" should be"), ("(a = b", "ends where \")\" should be"),
            ("a = 'b", "has a quote at column 5 that nothing closes"), ("a = b)", "has \")\" at column 6"),
            ("a => b", "has \"=>\" at column 3"), ("a = $", "has \"$\" at column 5"),
            ("a not b", "has \"b\" at column 7"),
            ("exists a", "has \"a\" at column 8"), ("a > now-30x", "has \"now-30x\" at column 5"),
            ("a > now-d", "has \"now-d\" at column 5"), ("a > now-99999999999999999999d", "at column 5"),
            ("a = b and", "ends where a field should be"), ("é = 1 ü", "has \"ü\" at column 7"),
        ])
    func malformed(text: String, message: String) throws {
        let error = try #require(problem(text))
        #expect(error.code == .invalidInput)
        #expect(error.what.contains(message), "\(error)")
        let lines = error.why.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 3 && lines[2].hasSuffix("^"), "\(error)")
    }

    @Test("the caret stands under the place, also in a long filter of several lines")
    func caret() throws {
        let text = "\n" + String(repeating: "a = b\nand ", count: 20) + "c = $" + " and d = e"
        let why = try #require(problem(text)).why.split(separator: "\n").map(String.init)
        #expect(why.count == 3)
        let (line, caret) = (Array(why[1]), Array(why[2]))
        #expect(line[caret.count - 1] == "$", "\(why.joined(separator: "\n"))")
    }

    @Test("100 levels of parentheses and of not are read, 101 are refused, and so are 64 KiB and more")
    func depth() throws {
        for (open, close) in [("(", ")"), ("not ", "")] {
            func text(_ levels: Int) -> String {
                String(repeating: open, count: levels) + "a = b" + String(repeating: close, count: levels)
            }
            _ = try parsed(text(99))
            let refused = try #require(problem(text(101)))
            #expect(refused.what.contains("is nested more than 100 deep"), "\(refused)")
            #expect(problem(text(10_000)) != nil)
        }
        #expect(problem("a = " + String(repeating: "b", count: 65_536))?.what.contains("65540 bytes") == true)
        // Wide is not deep.
        _ = try parsed(Array(repeating: "a = b", count: 3_000).joined(separator: " and "))
    }

    @Test("random texts and random bytes are read or refused, and never crash the parser", arguments: 0..<40)
    func randomTexts(seed: UInt64) {
        var random = TestSupport.SeededGenerator(seed: seed)
        let parts = [
            "a", "=", "!=", "<", "<=", "(", ")", ",", "'", "\"", "\\", " ", "and", "or", "not", "in", "exists", "now",
            "now-3d", "now-", "+", "2026-01-31", "\u{301}", "\u{0}", "é", "\r\n", "1e400", "-", "$", "👩‍👩‍👧", "\u{FFFF}",
        ]
        for _ in 0..<500 {
            let text = (0..<random.int(in: 0...20)).map { _ in random.pick(parts) }.joined(
                separator: random.pick(["", " "]))
            if let error = problem(text) { #expect(error.code == .invalidInput && !error.description.isEmpty) }
            let bytes = (0..<random.int(in: 0...60)).map { _ in UInt8(random.int(in: 0...255)) }
            if let error = problem(String(decoding: bytes, as: UTF8.self)) { #expect(error.code == .invalidInput) }
        }
    }

    // MARK: Printing

    @Test("what a filter prints is read as the same filter", arguments: 0..<60)
    func roundTrip(seed: UInt64) throws {
        var random = RandomFilters(seed: seed)
        for _ in 0..<100 {
            let filter = random.filter(depth: 3)
            let read: Filter
            do { read = try Filter(parsing: filter.description) } catch {
                Issue.record("\(filter): \(error)")
                continue
            }
            #expect(read == filter, "\(filter)")
            #expect(read.description == filter.description)
        }
    }

    @Test("a date prints as itself, down to fractions of a second")
    func dates() throws {
        let dates: [Double] = [
            0, -1, 1_769_860_800.25, 86_399.999_999, 0.000_01, -0.5, 253_402_300_799, -62_167_219_200, 1e-7,
        ]
        for seconds in dates {
            let filter = Filter.compare(field: "f", .equal, .date(seconds))
            #expect(try Filter(parsing: filter.description) == filter, "\(filter)")
        }
        // The longest way out of the years that a date can be written in.
        let early = try Filter(parsing: "f = 0000-01-01T00:00:00+23:59")
        #expect(try Filter(parsing: early.description) == early, "\(early)")
    }

    // MARK: Meaning

    @Test("a comparison holds where one value of a list does, of the literal's kind; != where none is equal")
    func matches() throws {
        let metadata = try JSONObject(
            parsing: #"{"year": 2020, "tags": ["a", "b", 3], "made": "2024-05-01", "open": true, "by": {"name": "Li"}}"#
        )
        let cases: [(String, Bool)] = [
            ("year = 2020", true), ("year != 2020", false), ("year < 2020", false), ("year <= 2020", true),
            ("year = '2020'", false), ("tags = a", true), ("tags = c", false), ("tags != a", false),
            ("tags != c", true),
            ("tags > a", true), ("tags > 2", true), ("tags > 3", false), ("tags in (x, b)", true),
            ("tags not in (x, y)", true), ("made > 2024-04-30", true), ("made = '2024-05-01'", true),
            ("made < 2024-05-01T00:00:01Z", true), ("open = true", true), ("open = 'true'", false),
            ("by.name = Li", true), ("exists(by)", false), ("exists(by.name)", true), ("none != 1", true),
            ("none not in (1)", true), ("none < 1", false), ("not none < 1", true), ("open > false", true),
        ]
        for (text, holds) in cases {
            #expect(try parsed(text).matches(metadata) == holds, "\(text)")
        }
        #expect(Filter.all([]).matches(metadata) && !Filter.any([]).matches(metadata))
    }

    @Test("De Morgan: not (a and b) is not a or not b, not (a or b) is not a and not b", arguments: 0..<20)
    func deMorgan(seed: UInt64) {
        var random = RandomFilters(seed: seed)
        for _ in 0..<200 {
            let (a, b, metadata) = (random.filter(depth: 2), random.filter(depth: 2), random.metadata())
            #expect(
                Filter.not(.all([a, b])).matches(metadata) == Filter.any([.not(a), .not(b)]).matches(metadata),
                "\(a); \(b); \(JSONValue.object(metadata).compact)")
            #expect(
                Filter.not(.any([a, b])).matches(metadata) == Filter.all([.not(a), .not(b)]).matches(metadata),
                "\(a); \(b); \(JSONValue.object(metadata).compact)")
        }
    }
}
