import OrderedJSON
import TestSupport
import Testing

@testable import Retrieval

@Suite("Filters decide")
struct FilterMatchingTests {
    static func metadata(_ json: String) throws -> JSONObject {
        guard case .object(let object) = try JSONValue.parse(Array(json.utf8)) else { return JSONObject() }
        return object
    }

    @Test("metadata becomes fields with values, in order")
    func entries() throws {
        let object = try Self.metadata(
            #"{"plan": "pro", "n": 3, "ok": true, "none": null, "tags": ["a", "b", null, 4], "empty": [], "#
                + #""author": {"name": "Ada", "address": {"city": "London"}}, "day": "1970-01-02", "zip": "01234", "#
                + #""list": [{"k": 1}, {"k": 2}], "huge": 1e999}"#)
        let entries = MetadataValue.entries(of: object)
        let expected: [(String, MetadataValue)] = [
            ("plan", .string("pro")), ("n", .number(3)), ("ok", .boolean(true)), ("tags", .string("a")),
            ("tags", .string("b")), ("tags", .number(4)), ("author.name", .string("Ada")),
            ("author.address.city", .string("London")), ("day", .string("1970-01-02")), ("day", .date(86_400)),
            ("zip", .string("01234")), ("zip", .number(1234)), ("list.k", .number(1)), ("list.k", .number(2)),
            ("huge", .number(.infinity)),
        ]
        #expect(entries.map(\.field) == expected.map(\.0))
        #expect(entries.map(\.value) == expected.map(\.1))
    }

    private static let document = #"""
        {"plan": "pro", "seats": 12, "archived": false, "tags": ["billing", "eu"], "created_at": "2026-01-31T12:00:00Z",
         "author": {"name": "Ada"}, "zip": "01234", "gone": null}
        """#

    static let decisions: [(filter: String, expected: Bool)] = [
        ("plan = pro", true), ("plan = 'PRO'", false), ("plan != pro", false), ("plan != free", true),
        ("seats > 11.5", true), ("seats <= 12", true), ("seats < 12", false), ("seats = 12.0", true),
        ("seats = '12'", false), ("seats > aaa", false), ("archived = false", true), ("archived = true", false),
        ("archived < true", true),
        // Any value of a list.
        ("tags = eu", true), ("tags in (us, billing)", true), ("tags in (us)", false), ("tags in ()", false),
        ("tags not in (us)", true), ("tags not in (eu, us)", false), ("tags >= c", true), ("tags > f", false),
        // != holds if none is equal, and without the field.
        ("tags != eu", false), ("tags != us", true), ("owner != ada", true), ("not owner = ada", true),
        ("owner not in (ada)", true), ("owner = ada", false), ("owner < zzz", false),
        ("exists(plan)", true), ("exists(owner)", false), ("exists(gone)", false), ("not exists(gone)", true),
        ("exists(author)", false), ("exists(author.name)", true), ("author.name = Ada", true),
        // Dates by order, by equality across zones, and as the strings they were written as.
        ("created_at > 2026-01-31", true), ("created_at < 2026-01-31", false),
        ("created_at = 2026-01-31T13:00:00+01:00", true), ("created_at = '2026-01-31T12:00:00Z'", true),
        ("created_at = '2026-01-31 12:00'", false), ("created_at >= now", true), ("created_at > now-1s", true),
        ("created_at > now", false),
        ("zip = 1234", true), ("zip = '01234'", true), ("zip = '1234'", false),
        ("plan = pro and tags = us", false), ("plan = pro or tags = us", true), ("all()", true), ("any()", false),
    ]

    @Test("of one document", arguments: decisions)
    func matches(filter: String, expected: Bool) throws {
        #expect(try FilterParsingTests.parse(filter).matches(Self.metadata(Self.document)) == expected)
    }

    @Test("a random filter prints as a text that reads as the same filter", arguments: 0..<30)
    func roundTrip(seed: UInt64) throws {
        var random = RandomFilters(seed: seed)
        for _ in 0..<300 {
            let filter = random.filter(depth: random.generator.int(in: 0...5), isTame: false)
            let text = filter.description
            #expect(try FilterParsingTests.parse(text) == filter, "\(text)")
            #expect(try FilterParsingTests.parse(text).description == text)
        }
    }

    @Test("De Morgan, double negation, and != as the opposite of =", arguments: 0..<30)
    func laws(seed: UInt64) throws {
        var random = RandomFilters(seed: seed)
        for _ in 0..<200 {
            let parts = (0..<random.generator.int(in: 0...3)).map { _ in random.filter(depth: 2, isTame: true) }
            let document = random.metadata()
            func holds(_ filter: Filter) -> Bool { filter.matches(document) }
            #expect(holds(.not(.all(parts))) == holds(.any(parts.map { .not($0) })))
            #expect(holds(.not(.any(parts))) == holds(.all(parts.map { .not($0) })))
            for part in parts { #expect(holds(.not(.not(part))) == holds(part)) }
            let (field, literals) = (random.field(), (0..<3).map { _ in random.literal(isTame: true) })
            #expect(
                holds(.compare(field: field, .notEqual, literals[0]))
                    == !holds(.compare(field: field, .equal, literals[0])))
            #expect(
                holds(.oneOf(field: field, literals))
                    == holds(.any(literals.map { .compare(field: field, .equal, $0) })))
        }
    }
}

/// Random filters and metadata over the same few fields and values, so that comparisons often hold.
struct RandomFilters {
    var generator: TestSupport.SeededGenerator

    init(seed: UInt64) { generator = TestSupport.SeededGenerator(seed: seed) }

    mutating func field() -> String { generator.pick(["a", "b", "c.d", "tags"]) }

    /// - Parameter isTame: Only values that `metadata()` also gives.
    mutating func literal(isTame: Bool) -> MetadataValue {
        switch generator.int(in: 0...(isTame ? 3 : 6)) {
        case 0: .string(generator.pick(["x", "y", "", "\u{E9}", "e\u{301}", "2026-01-01"]))
        case 1: .number(generator.pick([0, -0.0, 1, 2.5, -3, 1e300]))
        case 2: .boolean(generator.oneIn(2))
        case 3: .date(Double(generator.int(in: 20_454...20_456)) * 86_400)
        case 4: .string(generator.text(of: ["'", "\"", "\\", "a", "\u{301}", "\n", "\u{0}", "(", "é"], count: 0...6))
        case 5: .number(wildDouble())
        default: .date(generator.oneIn(2) ? wildDouble() : Double(generator.int(in: -5...5)) / 7)
        }
    }

    private mutating func wildDouble() -> Double {
        let value = Double(bitPattern: generator.next())
        return value.isNaN ? .infinity : value
    }

    mutating func filter(depth: Int, isTame: Bool) -> Filter {
        let name =
            isTame || generator.oneIn(2) ? field() : generator.pick(["", "and", "a b", "'\u{301}", "exists", "\\"])
        switch generator.int(in: depth > 0 ? 0...6 : 3...6) {
        case 0: return .all(filters(depth: depth, isTame: isTame))
        case 1: return .any(filters(depth: depth, isTame: isTame))
        case 2: return .not(filter(depth: depth - 1, isTame: isTame))
        case 3: return .exists(field: name)
        case 4:
            return .oneOf(field: name, (0..<generator.int(in: 0...3)).map { _ in literal(isTame: isTame) })
        default:
            return .compare(field: name, generator.pick(Filter.Operator.allCases), literal(isTame: isTame))
        }
    }

    private mutating func filters(depth: Int, isTame: Bool) -> [Filter] {
        (0..<generator.int(in: 0...3)).map { _ in filter(depth: depth - 1, isTame: isTame) }
    }

    mutating func metadata() -> JSONObject {
        var object = JSONObject()
        for name in ["a", "b", "tags"] where !generator.oneIn(3) {
            object[name] = generator.oneIn(3) ? .array((0..<generator.int(in: 0...3)).map { _ in value() }) : value()
        }
        if generator.oneIn(2) {
            var inner = JSONObject()
            inner["d"] = value()
            object["c"] = .object(inner)
        }
        return object
    }

    private mutating func value() -> JSONValue {
        switch generator.int(in: 0...4) {
        case 0: .string(generator.pick(["x", "y", "", "\u{E9}", "e\u{301}", "1", "true"]))
        case 1: .number(JSONNumber(generator.pick([0.0, 1, 2.5, -3, 1e300])) ?? JSONNumber(0))
        case 2: .bool(generator.oneIn(2))
        case 3: .string(generator.pick(["2026-01-01", "2026-01-02T01:00+01:00", "2026-01-03 00:00"]))
        default: .null
        }
    }
}
