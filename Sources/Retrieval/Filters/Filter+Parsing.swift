public import Ranking

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension Filter {
    /// Reads a filter: `created_at > now-30d and tenant = acme and tags in (a, 'b c') and not exists(archived)`.
    ///
    /// - `and` binds more than `or`, `not` most; parentheses; these words in any case, and `exists(field)`.
    /// - `all(a, b)` and `any(a, b)` are other ways to write `a and b` and `a or b`, for no and for one part, too.
    /// - A field is a bare word (letters, digits, `_ - . / @` and what is not ASCII) or quoted.
    /// - A value is a bare word, a text in single or double quotes (`\` escapes), a number, `true`, `false`, a date
    ///   (`2026-01-31`, `2026-01-31T12:00:00Z`), `now`, or `now` plus or minus a time (`now-30d`; s, m, h, d, w), or
    ///   `date(seconds since 1970)`. In quotes it is a string; but compared by order, what looks like a date is one,
    ///   unless it is written `text('2026-01-31')`.
    /// - `field in ()` lets nothing through, as a program may write that has no values.
    ///
    /// At most 64 KiB, and 100 levels of parentheses and `not`.
    ///
    /// Throws `invalidInput` with the place, what stands there and what was expected.
    public init(parsing text: String, now: Date = Date()) throws(RankingError) {
        guard text.utf8.count <= FilterParser.maxBytes else {
            throw RankingError(
                .invalidInput, what: "The filter has \(text.utf8.count) bytes.",
                why: "The limit is \(FilterParser.maxBytes).", fix: "Filter by fewer values.")
        }
        var parser = FilterParser(text, now: now.timeIntervalSince1970)
        self = try parser.parse()
    }
}

private struct FilterParser {
    static let maxBytes = 64 << 10
    private static let maxDepth = 100

    private var lexer: FilterLexer
    private let now: Double
    private var depth = 0

    init(_ text: String, now: Double) {
        lexer = FilterLexer(text)
        self.now = now
    }

    mutating func parse() throws(RankingError) -> Filter {
        try lexer.advance()
        let filter = try alternatives()
        guard lexer.token == .end else { throw lexer.unexpected("\"and\", \"or\" or the end") }
        return filter
    }

    // MARK: Grammar

    private mutating func enter() throws(RankingError) {
        depth += 1
        guard depth <= FilterParser.maxDepth else {
            throw lexer.error(
                "is nested more than \(FilterParser.maxDepth) deep",
                fix: "Write it with fewer parentheses and fewer \"not\".")
        }
    }

    private mutating func alternatives() throws(RankingError) -> Filter {
        try enter()
        defer { depth -= 1 }
        let first = try conjunction()
        var filters = [first]
        while try takeWord("or") { filters.append(try conjunction()) }
        return filters.count == 1 ? first : .any(filters)
    }

    private mutating func conjunction() throws(RankingError) -> Filter {
        let first = try negation()
        var filters = [first]
        while try takeWord("and") { filters.append(try negation()) }
        return filters.count == 1 ? first : .all(filters)
    }

    private mutating func negation() throws(RankingError) -> Filter {
        if try takeWord("not") {
            try enter()
            defer { depth -= 1 }
            return .not(try negation())
        }
        if try takeSign("(") {
            let filter = try alternatives()
            try expect(")")
            return filter
        }
        return try predicate()
    }

    private mutating func predicate() throws(RankingError) -> Filter {
        let isBare = if case .word = lexer.token { true } else { false }
        let field = try name("a field")
        if isBare, lexer.token == .sign("(") {
            switch field.lowercased() {
            case "exists":
                try lexer.advance()
                let tested = try name("a field")
                try expect(")")
                return .exists(field: tested)
            case "all": return .all(try list { parser throws(RankingError) in try parser.alternatives() })
            case "any": return .any(try list { parser throws(RankingError) in try parser.alternatives() })
            default: break
            }
        }
        if try takeWord("in") { return .oneOf(field: field, try values()) }
        if try takeWord("not") {
            guard try takeWord("in") else { throw lexer.unexpected("\"in\"") }
            return .not(.oneOf(field: field, try values()))
        }
        guard case .sign(let sign) = lexer.token,
            let comparison = Filter.Operator(rawValue: sign == "==" ? "=" : sign)
        else {
            let operators = Filter.Operator.allCases.map(\.rawValue).joined(separator: " ")
            throw lexer.unexpected("one of \(operators) in, not in")
        }
        try lexer.advance()
        return .compare(field: field, comparison, try value(isOrder: comparison.isOrder))
    }

    private mutating func values() throws(RankingError) -> [MetadataValue] {
        try list { parser throws(RankingError) in try parser.value(isOrder: false) }
    }

    /// `()`, `(item)`, `(item, item)`
    private mutating func list<Item>(
        _ item: (inout FilterParser) throws(RankingError) -> Item
    ) throws(RankingError) -> [Item] {
        try expect("(")
        if try takeSign(")") { return [] }
        var items = [try item(&self)]
        while try takeSign(",") { items.append(try item(&self)) }
        guard try takeSign(")") else { throw lexer.unexpected("\",\" or \")\"") }
        return items
    }

    private mutating func name(_ what: String) throws(RankingError) -> String {
        switch lexer.token {
        case .word(let name), .quoted(let name):
            try lexer.advance()
            return name
        default: throw lexer.unexpected(what)
        }
    }

    // MARK: Values

    private mutating func value(isOrder: Bool) throws(RankingError) -> MetadataValue {
        switch lexer.token {
        case .quoted(let text):
            try lexer.advance()
            return (isOrder ? ISODate.seconds(text).map { .date($0) } : nil) ?? .string(text)
        case .word(let word):
            let value = try bare(word)
            try lexer.advance()
            switch word.lowercased() {
            case "date" where try takeSign("("): return .date(try seconds())
            case "text" where try takeSign("("):
                let text = try name("a text")
                try expect(")")
                return .string(text)
            default: return value
            }
        default: throw lexer.unexpected("a value")
        }
    }

    /// What `date(` and `)` stand around.
    private mutating func seconds() throws(RankingError) -> Double {
        guard case .word(let word) = lexer.token,
            let seconds = MetadataValue.number(word, allowingInfinity: true)
        else { throw lexer.unexpected("the seconds since 1970") }
        try lexer.advance()
        try expect(")")
        return seconds
    }

    private func bare(_ word: String) throws(RankingError) -> MetadataValue {
        let lowercased = word.lowercased()
        switch lowercased {
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        case "now": return .date(now)
        default: break
        }
        if let seconds = ISODate.seconds(word) { return .date(seconds) }
        if lowercased.hasPrefix("now-") || lowercased.hasPrefix("now+") { return try relative(word) }
        return MetadataValue.number(word, allowingInfinity: true).map { .number($0) } ?? .string(word)
    }

    /// `now-30d`
    private func relative(_ word: String) throws(RankingError) -> MetadataValue {
        let units: [(name: Character, seconds: Double)] = [
            ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800),
        ]
        let isBefore = word.dropFirst(3).first == "-"
        let digits = word.dropFirst(4).dropLast()
        guard let unit = units.first(where: { word.last == $0.name }),
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(digits),
            case let seconds = now + Double(count) * unit.seconds * (isBefore ? -1 : 1),
            ISODate.text(seconds.rounded()) != nil
        else {
            throw lexer.unreadable(
                word,
                fix: "Write now-30d, with a whole number and one of s, m, h, d, w, and a text that begins so in quotes."
            )
        }
        return .date(seconds)
    }

    // MARK: Tokens

    /// True, and a step forward, where the token is this word.
    private mutating func takeWord(_ word: String) throws(RankingError) -> Bool {
        guard case .word(let found) = lexer.token, found.lowercased() == word else { return false }
        try lexer.advance()
        return true
    }

    private mutating func takeSign(_ sign: String) throws(RankingError) -> Bool {
        guard lexer.token == .sign(sign) else { return false }
        try lexer.advance()
        return true
    }

    private mutating func expect(_ sign: String) throws(RankingError) {
        guard try takeSign(sign) else { throw lexer.unexpected("\"\(sign)\"") }
    }
}
