public import OrderedJSON
import Ranking

/// What a document's metadata has to satisfy.
///
/// A comparison holds if any of the field's values satisfies it: of a list, one. Values of another kind than the
/// literal's never do. `!=` and `not in` hold if no value is equal, and so also for documents without the field.
public indirect enum Filter: Sendable, Hashable {
    /// True for every document where empty.
    case all([Filter])
    /// False for every document where empty.
    case any([Filter])
    case not(Filter)
    case compare(field: String, Operator, MetadataValue)
    /// One of the values is equal to one of these.
    case oneOf(field: String, [MetadataValue])
    case exists(field: String)

    public enum Operator: String, CaseIterable, Sendable {
        case equal = "="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
    }

    /// The definition of what a filter lets through.
    public func matches(_ metadata: JSONObject) -> Bool { matches(MetadataValue.entries(of: metadata)) }

    private func matches(_ entries: [(field: String, value: MetadataValue)]) -> Bool {
        func values(_ field: String) -> [MetadataValue] {
            entries.filter { $0.field.utf8.elementsEqual(field.utf8) }.map(\.value)
        }
        switch self {
        case .all(let filters): return filters.allSatisfy { $0.matches(entries) }
        case .any(let filters): return filters.contains { $0.matches(entries) }
        case .not(let filter): return !filter.matches(entries)
        case .compare(let field, .notEqual, let literal): return !values(field).contains(literal)
        case .compare(let field, let comparison, let literal):
            return values(field).contains { comparison.holds($0, literal) }
        case .oneOf(let field, let literals): return values(field).contains { literals.contains($0) }
        case .exists(let field): return !values(field).isEmpty
        }
    }

    /// The fields that it looks at, each once, in order.
    public var fields: [String] {
        var seen: Set<UTF8Key> = []
        return allFields.filter { seen.insert(UTF8Key($0)).inserted }
    }

    private var allFields: [String] {
        switch self {
        case .all(let filters), .any(let filters): filters.flatMap(\.allFields)
        case .not(let filter): filter.allFields
        case .compare(let field, _, _), .oneOf(let field, _), .exists(let field): [field]
        }
    }

    /// True if it lets only documents through whose field equals one single value.
    func demandsOneValue(of field: String) -> Bool {
        switch self {
        case .all(let filters): filters.contains { $0.demandsOneValue(of: field) }
        case .compare(let name, .equal, _): name.utf8.elementsEqual(field.utf8)
        case .oneOf(let name, let values): values.count == 1 && name.utf8.elementsEqual(field.utf8)
        case .any, .not, .exists, .compare: false
        }
    }
}

extension Filter.Operator {
    /// `value OP literal`, for two values of one kind; false for two kinds. Not for `!=`, which is about all values of a
    /// field.
    fileprivate func holds(_ value: MetadataValue, _ literal: MetadataValue) -> Bool {
        switch (value, literal) {
        case (.number(let a), .number(let b)), (.date(let a), .date(let b)): compare(a, b)
        case (.boolean(let a), .boolean(let b)): compare(a ? 1 : 0, b ? 1 : 0)
        case (.string(let a), .string(let b)):
            compare(
                a.utf8.elementsEqual(b.utf8) ? 0 : a.utf8.lexicographicallyPrecedes(b.utf8) ? -1 : 1, 0)
        default: false
        }
    }

    private func compare(_ a: Double, _ b: Double) -> Bool {
        switch self {
        case .equal: a == b
        case .notEqual: a != b
        case .less: a < b
        case .lessOrEqual: a <= b
        case .greater: a > b
        case .greaterOrEqual: a >= b
        }
    }
}

extension Filter: CustomStringConvertible {
    /// A text that `init(parsing:)` reads as the same filter.
    public var description: String { text(inside: .any) }

    private enum Level { case any, all, not }

    private func text(inside level: Level) -> String {
        switch self {
        case .all(let filters) where filters.count > 1:
            let text = filters.map { $0.text(inside: .all) }.joined(separator: " and ")
            return level == .any ? text : "(\(text))"
        case .any(let filters) where filters.count > 1:
            let text = filters.map { $0.text(inside: .all) }.joined(separator: " or ")
            return level == .any ? text : "(\(text))"
        case .all(let filters), .any(let filters):
            // A constant: of no field at all, nothing exists.
            let isAll = if case .all = self { true } else { false }
            return filters.first?.text(inside: level) ?? (isAll ? "not exists('')" : "exists('')")
        case .not(let filter): return "not \(filter.text(inside: .not))"
        case .compare(let field, let comparison, let literal):
            return "\(Filter.quoted(field)) \(comparison.rawValue) \(Filter.text(literal))"
        case .oneOf(let field, let literals):
            return "\(Filter.quoted(field)) in (\(literals.map(Filter.text).joined(separator: ", ")))"
        case .exists(let field): return "exists(\(Filter.quoted(field)))"
        }
    }

    private static func text(_ value: MetadataValue) -> String {
        switch value {
        case .string(let text): quoted(text)
        case .number(let number): "\(number)"
        case .boolean(let flag): "\(flag)"
        case .date(let seconds): ISODate.text(seconds) ?? "date(\(seconds))"
        }
    }

    /// By scalars: a quote with an accent on it is another character, and still a quote to the parser.
    private static func quoted(_ text: String) -> String {
        var quoted = "'".unicodeScalars
        for scalar in text.unicodeScalars {
            if scalar == "'" || scalar == "\\" { quoted.append("\\") }
            quoted.append(scalar)
        }
        quoted.append("'")
        return String(quoted)
    }
}
