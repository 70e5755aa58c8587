import Foundation
import Ranking
import Testing

@testable import Retrieval

@Suite("Filters are read")
struct FilterParsingTests {
    /// 2026-01-31T12:00:00Z: 20,484 days and a half.
    static let now = Date(timeIntervalSince1970: 20_484.5 * 86_400)

    static func parse(_ text: String) throws -> Filter { try Filter(parsing: text, now: now) }

    private static let noon = 20_484.5 * 86_400

    static let comparisonForms: [(text: String, expected: Filter)] = [
        ("tenant = acme", Filter.compare(field: "tenant", .equal, .string("acme"))),
        ("tenant == acme", .compare(field: "tenant", .equal, .string("acme"))),
        ("tenant=acme", .compare(field: "tenant", .equal, .string("acme"))),
        ("a != 1", .compare(field: "a", .notEqual, .number(1))),
        ("a < -1.5e3", .compare(field: "a", .less, .number(-1500))),
        ("a<=1", .compare(field: "a", .lessOrEqual, .number(1))),
        ("a > 1", .compare(field: "a", .greater, .number(1))),
        ("a >= 1", .compare(field: "a", .greaterOrEqual, .number(1))),
        ("archived = TRUE", .compare(field: "archived", .equal, .boolean(true))),
        ("archived = 'true'", .compare(field: "archived", .equal, .string("true"))),
        ("author.name = 'Ada L.'", .compare(field: "author.name", .equal, .string("Ada L."))),
        ("\"two words\" = \"a \\\"b\\\" \\\\ 'c'\"", .compare(field: "two words", .equal, .string("a \"b\" \\ 'c'"))),
        ("a = 'it\\'s'", .compare(field: "a", .equal, .string("it's"))),
        ("größe = 東京", .compare(field: "größe", .equal, .string("東京"))),
        ("a = 1.2.3", .compare(field: "a", .equal, .string("1.2.3"))),
        ("a = nan", .compare(field: "a", .equal, .string("nan"))),
        ("a = 0x10", .compare(field: "a", .equal, .string("0x10"))),
        ("a < 1e999", .compare(field: "a", .less, .number(.infinity))),
        ("a in (b, 'c d', 3)", .oneOf(field: "a", [.string("b"), .string("c d"), .number(3)])),
        ("a IN ()", .oneOf(field: "a", [])),
        ("a not in (b)", .not(.oneOf(field: "a", [.string("b")]))),
        ("exists(a)", .exists(field: "a")),
        ("Exists ( 'a b' )", .exists(field: "a b")),
        ("exists = 1", .compare(field: "exists", .equal, .number(1))),
        ("all = 1", .compare(field: "all", .equal, .number(1))),
        ("'not' = and", .compare(field: "not", .equal, .string("and"))),
    ]

    @Test("each form of a comparison", arguments: comparisonForms)
    func comparisons(text: String, expected: Filter) throws {
        #expect(try Self.parse(text) == expected)
    }

    static let dateForms: [(text: String, seconds: Double)] = [
        ("2026-01-31", noon - 43_200), ("2026-01-31T12:00", noon), ("'2026-01-31 12:00:00'", noon),
        ("2026-01-31T12:00:00Z", noon), ("2026-01-31T12:00:00.5z", noon + 0.5),
        ("2026-01-31T14:00:00+02:00", noon), ("2026-01-31T07:30:00-0430", noon), ("2026-01-31T14:00+02", noon),
        ("NOW", noon), ("now-30d", noon - 30 * 86_400), ("now+2w", noon + 14 * 86_400),
        ("now-90s", noon - 90), ("now-5m", noon - 300), ("now-1h", noon - 3600),
        ("1970-01-01", 0), ("1969-12-31T23:59:59Z", -1), ("2024-02-29", 19_782 * 86_400),
        ("0000-01-01", -719_528 * 86_400), ("date(-0.1)", -0.1), ("date(1e999)", .infinity),
    ]

    @Test("dates, in UTC where no zone is given, and times from now", arguments: dateForms)
    func dates(text: String, seconds: Double) throws {
        #expect(try Self.parse("t > \(text)") == .compare(field: "t", .greater, .date(seconds)))
    }

    @Test(
        "what is almost a date is a string",
        arguments: [
            "2026-1-31", "2026-02-30", "2025-02-29", "2026-13-01", "2026-00-01", "2026-01-31T25:00", "2026-01-31T12",
            "2026-01-31T12:60", "2026-01-31T12:00:61", "2026-01-31T12:00:00.", "2026-01-31T12:00Zx", "2026-01-31x",
            "2026-01-31T12:00+24:00", "20260131x", "now30d", "nowhere",
        ])
    func noDates(text: String) throws {
        #expect(try Self.parse("t > \(text)") == .compare(field: "t", .greater, .string(text)))
    }

    @Test("a quoted date is a string for equality, and a date for order unless it is called a text")
    func quotedDates() throws {
        #expect(
            try Self.parse("t = '2026-01-31'") == .compare(field: "t", .equal, .string("2026-01-31")))
        #expect(
            try Self.parse("t < '2026-01-31'") == .compare(field: "t", .less, .date(Self.noon - 43_200)))
        #expect(
            try Self.parse("t < text('2026-01-31')") == .compare(field: "t", .less, .string("2026-01-31")))
    }

    @Test("not binds more than and, and more than or; words in any case")
    func precedence() throws {
        let (a, b, c) = (Filter.exists(field: "a"), Filter.exists(field: "b"), Filter.exists(field: "c"))
        func parse(_ text: String) throws -> Filter {
            try Self.parse(text.replacing(/\b[abc]\b/) { "exists(\($0.0))" })
        }
        #expect(try parse("a or b and c") == .any([a, .all([b, c])]))
        #expect(try parse("a AND b Or c") == .any([.all([a, b]), c]))
        #expect(try parse("(a or b) and c") == .all([.any([a, b]), c]))
        #expect(try parse("not a and b") == .all([.not(a), b]))
        #expect(try parse("NOT (a and b)") == .not(.all([a, b])))
        #expect(try parse("not not a") == .not(.not(a)))
        #expect(try parse("((a))") == a)
        #expect(try parse("a and b and c") == .all([a, b, c]))
        #expect(try parse("(a and b) and c") == .all([.all([a, b]), c]))
        #expect(try parse("all(a, b or c)") == .all([a, .any([b, c])]))
        #expect(try parse("any(a) and all()") == .all([.any([a]), .all([])]))
    }

    @Test("a filter of four parts, and the fields that it looks at")
    func wholeFilter() throws {
        let filter = try Self.parse(
            "created_at > now-30d and tenant = acme and tags in (a, \"b c\") and not exists(archived)")
        #expect(
            filter
                == .all([
                    .compare(field: "created_at", .greater, .date(Self.noon - 30 * 86_400)),
                    .compare(field: "tenant", .equal, .string("acme")),
                    .oneOf(field: "tags", [.string("a"), .string("b c")]), .not(.exists(field: "archived")),
                ]))
        #expect(filter.fields == ["created_at", "tenant", "tags", "archived"])
        #expect(
            filter.description
                == "'created_at' > 2026-01-01T12:00:00Z and 'tenant' = 'acme' and 'tags' in ('a', 'b c') "
                + "and not exists('archived')")
        // Composed and decomposed é are two fields.
        #expect(try Self.parse("a = 1 or a = 2 or \u{E9} = 1 or e\u{301} = 1").fields.count == 3)
    }

    @Test("strings are the same only if their bytes are")
    func exactStrings() throws {
        #expect(try Self.parse("a = '\u{E9}'") != Self.parse("a = 'e\u{301}'"))
        // A quote with a combining mark behind it closes the text all the same.
        #expect(try Self.parse("a = 'x'") == Self.parse("a = 'x'\u{2003}"))
        #expect(Filter.exists(field: "'\u{301}").description == "exists('\\'\u{301}')")
    }
}
