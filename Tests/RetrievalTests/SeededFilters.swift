import OrderedJSON
import TestSupport

@testable import Retrieval

/// Random metadata, and random filters of the kinds that a text can be read as.
struct SeededFilters {
    private var random: TestSupport.SeededGenerator
    private let fields = ["a", "b", "c.d", "not", "it's", "f \\ g", "é", "e\u{301}", "'\u{301}"]
    private let strings = [
        "", "x", "y", "x y", "it's", "\\", "'\u{301}", "\\\u{301}", "\"", "é", "e\u{301}", "true", "7", "2024-05-01",
        "\u{0}", "\r\n", "now", "x\u{200D}", "and",
    ]

    init(seed: UInt64) { random = TestSupport.SeededGenerator(seed: seed &* 7 &+ 3) }

    mutating func oneIn(_ count: Int) -> Bool { random.oneIn(count) }
    mutating func int(in range: ClosedRange<Int>) -> Int { random.int(in: range) }
    mutating func pick<Element>(_ choices: [Element]) -> Element { random.pick(choices) }

    private mutating func number() -> Double {
        switch random.int(in: 0...3) {
        case 0: Double(random.int(in: -2...3))
        case 1: random.pick([0.5, -0.0, 1e300, 0.1, 9_007_199_254_740_992, -1e22])
        case 2: 7
        default: Double.random(in: -1...1, using: &random)
        }
    }

    private mutating func date() -> Double {
        switch random.int(in: 0...2) {
        case 0: Double(random.int(in: -3...3)) * 86_400
        case 1: 1_714_521_600
        default: Double.random(in: -2e9...2e9, using: &random)
        }
    }

    private mutating func literal(isOrder: Bool) -> MetadataValue {
        switch random.int(in: 0...3) {
        case 0: return .number(number())
        case 1: return .boolean(random.oneIn(2))
        case 2: return .date(date())
        default:
            let text = random.pick(strings)
            // By order, what looks like a date is one.
            return isOrder && ISODate.seconds(text) != nil ? .string("x") : .string(text)
        }
    }

    mutating func filter(depth: Int) -> Filter {
        if depth > 0, !random.oneIn(3) {
            let filters = (0..<random.int(in: 2...3)).map { _ in filter(depth: depth - 1) }
            switch random.int(in: 0...2) {
            case 0: return .all(filters)
            case 1: return .any(filters)
            default: return .not(filters[0])
            }
        }
        let field = random.pick(fields)
        switch random.int(in: 0...4) {
        case 0: return .exists(field: field)
        case 1: return .oneOf(field: field, (0..<random.int(in: 1...3)).map { _ in literal(isOrder: false) })
        default:
            let comparison = random.pick(Filter.Operator.allCases)
            let isOrder = comparison != .equal && comparison != .notEqual
            return .compare(field: field, comparison, literal(isOrder: isOrder))
        }
    }

    mutating func metadata() -> JSONObject {
        var object = JSONObject()
        for field in fields where random.oneIn(2) {
            if field == "c.d" {
                var inner = JSONObject()
                inner["d"] = value(depth: 1)
                object["c"] = .object(inner)
            } else {
                object[field] = value(depth: 1)
            }
        }
        return object
    }

    private mutating func value(depth: Int) -> JSONValue {
        switch random.int(in: 0...(depth > 0 ? 5 : 4)) {
        case 0: .null
        case 1: .bool(random.oneIn(2))
        case 2: JSONNumber(number()).map(JSONValue.number) ?? .null
        case 3: .string(ISODate.text(date()) ?? "x")
        case 4: .string(random.pick(strings))
        default: .array((0..<random.int(in: 0...3)).map { _ in value(depth: depth - 1) })
        }
    }
}
