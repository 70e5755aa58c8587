extension Filter: CustomStringConvertible {
    /// A text that `init(parsing:)` reads as the same filter, whatever the time is.
    ///
    /// Where it cannot: a literal that is no number (NaN) is equal to none, itself included, and more than 100 levels or
    /// 64 KiB are not read.
    public var description: String { text(inside: .any) }

    /// What stands around a filter, and so what needs parentheses in it.
    private enum Level { case any, all, not }

    private func text(inside level: Level) -> String {
        switch self {
        case .all(let filters): Filter.text(filters, "all", " and ", inside: level)
        case .any(let filters): Filter.text(filters, "any", " or ", inside: level)
        case .not(let filter): "not \(filter.text(inside: .not))"
        case .compare(let field, let comparison, let literal):
            "\(Filter.quoted(field)) \(comparison.rawValue) \(Filter.text(literal, isOrder: comparison.isOrder))"
        case .oneOf(let field, let literals):
            "\(Filter.quoted(field)) in (\(literals.map { Filter.text($0, isOrder: false) }.joined(separator: ", ")))"
        case .exists(let field): "exists(\(Filter.quoted(field)))"
        }
    }

    private static func text(
        _ filters: [Filter], _ name: String, _ separator: String, inside level: Level
    ) -> String {
        guard filters.count > 1 else {
            return "\(name)(\(filters.map { $0.text(inside: .any) }.joined()))"
        }
        let text = filters.map { $0.text(inside: .all) }.joined(separator: separator)
        return level == .any ? text : "(\(text))"
    }

    private static func text(_ value: MetadataValue, isOrder: Bool) -> String {
        switch value {
        case .string(let text) where isOrder && ISODate.seconds(text) != nil: "text(\(quoted(text)))"
        case .string(let text): quoted(text)
        case .number(let number): text(number)
        case .boolean(let flag): "\(flag)"
        case .date(let seconds):
            // Not every double has a date that reads as exactly this one.
            ISODate.text(seconds).flatMap { ISODate.seconds($0) == seconds ? $0 : nil } ?? "date(\(text(seconds)))"
        }
    }

    private static func text(_ number: Double) -> String {
        number.isInfinite ? (number < 0 ? "-1e999" : "1e999") : "\(number)"
    }

    private static func quoted(_ text: String) -> String {
        // By scalars: as characters, a quote and a combining mark behind it are one that is no quote.
        var quoted = "'".unicodeScalars
        for scalar in text.unicodeScalars {
            if scalar == "'" || scalar == "\\" { quoted.append("\\") }
            quoted.append(scalar)
        }
        quoted.append("'")
        return String(quoted)
    }
}
