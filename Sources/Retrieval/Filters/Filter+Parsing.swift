public import Ranking

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension Filter {
    /// Reads a filter: `created_at > now-30d and tenant = acme and tags in (a, 'b c') and not exists(archived)`.
    ///
    /// - `and` binds more than `or`, `not` most; parentheses; these words in any case.
    /// - A field is a bare word (letters, digits, `_ - . / @` and what is not ASCII) or quoted.
    /// - A value is a bare word, a text in single or double quotes (`\` escapes), a number, `true`, `false`, a date
    ///   (`2026-01-31`, `2026-01-31T12:00:00Z`), `now`, or `now` plus or minus a time (`now-30d`; s, m, h, d, w). In
    ///   quotes it is a string; but compared by order, what looks like a date is one.
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

    private enum Token: Equatable {
        case word(String)
        case quoted(String)
        /// An operator, a parenthesis or a comma.
        case sign(String)
        case end
    }

    private let text: String
    private let now: Double
    private var rest: Substring.UnicodeScalarView
    private var token = Token.end
    /// Where the token begins: scalars from the start.
    private var column = 0
    private var consumed = 0
    private var depth = 0

    init(_ text: String, now: Double) {
        self.text = text
        self.now = now
        rest = text[...].unicodeScalars
    }

    mutating func parse() throws(RankingError) -> Filter {
        try advance()
        let filter = try alternatives()
        guard token == .end else { throw unexpected("\"and\", \"or\" or the end") }
        return filter
    }

    // MARK: Grammar

    private mutating func alternatives() throws(RankingError) -> Filter {
        depth += 1
        guard depth <= FilterParser.maxDepth else {
            throw error("is nested more than \(FilterParser.maxDepth) deep", fix: "Write it with fewer parentheses.")
        }
        defer { depth -= 1 }
        var filters = [try conjunction()]
        while try takeWord("or") { filters.append(try conjunction()) }
        return filters.count == 1 ? filters[0] : .any(filters)
    }

    private mutating func conjunction() throws(RankingError) -> Filter {
        var filters = [try negation()]
        while try takeWord("and") { filters.append(try negation()) }
        return filters.count == 1 ? filters[0] : .all(filters)
    }

    private mutating func negation() throws(RankingError) -> Filter {
        if try takeWord("not") {
            depth += 1
            defer { depth -= 1 }
            guard depth <= FilterParser.maxDepth else {
                throw error("is nested more than \(FilterParser.maxDepth) deep", fix: "Remove double negations.")
            }
            return .not(try negation())
        }
        if token == .sign("(") {
            try advance()
            let filter = try alternatives()
            try expect(")")
            return filter
        }
        return try predicate()
    }

    private mutating func predicate() throws(RankingError) -> Filter {
        let isBare = if case .word = token { true } else { false }
        let field = try name("a field")
        if isBare, field.lowercased() == "exists", token == .sign("(") {
            try advance()
            let tested = try name("a field")
            try expect(")")
            return .exists(field: tested)
        }
        if try takeWord("in") { return .oneOf(field: field, try list()) }
        if try takeWord("not") {
            guard try takeWord("in") else { throw unexpected("\"in\"") }
            return .not(.oneOf(field: field, try list()))
        }
        guard case .sign(let sign) = token, let comparison = Filter.Operator(rawValue: sign == "==" ? "=" : sign) else {
            let operators = Filter.Operator.allCases.map(\.rawValue).joined(separator: " ")
            throw unexpected("one of \(operators) in, not in")
        }
        try advance()
        let isOrder = comparison != .equal && comparison != .notEqual
        return .compare(field: field, comparison, try value(isOrder: isOrder))
    }

    private mutating func list() throws(RankingError) -> [MetadataValue] {
        try expect("(")
        var values = [try value(isOrder: false)]
        while token == .sign(",") {
            try advance()
            values.append(try value(isOrder: false))
        }
        try expect(")")
        return values
    }

    private mutating func name(_ what: String) throws(RankingError) -> String {
        switch token {
        case .word(let name), .quoted(let name):
            try advance()
            return name
        default: throw unexpected(what)
        }
    }

    private mutating func value(isOrder: Bool) throws(RankingError) -> MetadataValue {
        let value: MetadataValue
        switch token {
        case .quoted(let text): value = (isOrder ? ISODate.seconds(text).map { .date($0) } : nil) ?? .string(text)
        case .word(let word): value = try bare(word)
        default: throw unexpected("a value")
        }
        try advance()
        return value
    }

    private func bare(_ word: String) throws(RankingError) -> MetadataValue {
        switch word.lowercased() {
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        case "now": return .date(now)
        default: break
        }
        if let seconds = ISODate.seconds(word) { return .date(seconds) }
        if word.lowercased().hasPrefix("now-") || word.lowercased().hasPrefix("now+") { return try relative(word) }
        return MetadataValue.number(word).map { .number($0) } ?? .string(word)
    }

    /// `now-30d`
    private func relative(_ word: String) throws(RankingError) -> MetadataValue {
        let units: [(name: Character, seconds: Double)] = [
            ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800),
        ]
        let isBefore = word.dropFirst(3).first == "-"
        guard let unit = units.first(where: { word.last == $0.name }), let count = Int(word.dropFirst(4).dropLast()),
            count >= 0, case let seconds = now + Double(count) * unit.seconds * (isBefore ? -1 : 1),
            ISODate.text(seconds.rounded()) != nil
        else {
            throw error(
                "has \"\(word)\" at column \(column + 1)",
                fix: "Write now-30d, with a whole number and one of s, m, h, d, w.")
        }
        return .date(seconds)
    }

    // MARK: Tokens

    /// True, and a step forward, where the token is this word.
    private mutating func takeWord(_ word: String) throws(RankingError) -> Bool {
        guard case .word(let found) = token, found.lowercased() == word else { return false }
        try advance()
        return true
    }

    private mutating func expect(_ sign: String) throws(RankingError) {
        guard token == .sign(sign) else { throw unexpected("\"\(sign)\"") }
        try advance()
    }

    private mutating func take() -> Unicode.Scalar? {
        guard let scalar = rest.popFirst() else { return nil }
        consumed += 1
        return scalar
    }

    private mutating func advance() throws(RankingError) {
        while let next = rest.first, next.properties.isWhitespace { _ = take() }
        column = consumed
        guard let first = rest.first else {
            token = .end
            return
        }
        switch first {
        case "'", "\"":
            _ = take()
            token = .quoted(try quoted(until: first))
        case "(", ")", ",":
            _ = take()
            token = .sign(String(first))
        case "=", "!", "<", ">":
            var sign = ""
            while let next = rest.first, "=!<>".unicodeScalars.contains(next), sign.count < 2 {
                sign.unicodeScalars.append(next)
                _ = take()
            }
            token = .sign(sign)
        default:
            var word = ""
            while let next = rest.first, FilterParser.isWordScalar(next) {
                word.unicodeScalars.append(next)
                _ = take()
            }
            guard !word.isEmpty else {
                throw error(
                    "has \"\(first)\" at column \(column + 1)", fix: "Put a value with such a sign in quotes.")
            }
            token = .word(word)
        }
    }

    private mutating func quoted(until quote: Unicode.Scalar) throws(RankingError) -> String {
        var value = ""
        while let scalar = take() {
            if scalar == quote { return value }
            if scalar == "\\" {
                guard let escaped = take() else { break }
                value.unicodeScalars.append(escaped)
            } else {
                value.unicodeScalars.append(scalar)
            }
        }
        throw error("has a quote at column \(column + 1) that nothing closes", fix: "Close it with \(quote).")
    }

    private static func isWordScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".", "/", "@", ":", "+": true
        default: scalar.value >= 0x80 && !scalar.properties.isWhitespace
        }
    }

    // MARK: Errors

    private func unexpected(_ expected: String) -> RankingError {
        let found =
            switch token {
            case .end: "ends where \(expected) should be"
            case .word(let text), .quoted(let text), .sign(let text):
                "has \"\(text)\" at column \(column + 1), where \(expected) should be"
            }
        return error(found, fix: "Write for example: created_at > now-30d and tags in (a, 'b c').")
    }

    private func error(_ problem: String, fix: String) -> RankingError {
        // The place in the text, with what is around it.
        let scalars = Array(text.unicodeScalars)
        let start = max(0, column - 30)
        let end = min(scalars.count, column + 20)
        var excerpt = String.UnicodeScalarView()
        excerpt.append(contentsOf: scalars[start..<end])
        let line = String(excerpt).split(whereSeparator: \.isNewline).joined(separator: " ")
        return RankingError(
            .invalidInput, what: "The filter \(problem).",
            why:
                "It cannot be read beyond this place:\n    \(line)\n    \(String(repeating: " ", count: column - start))^",
            fix: fix)
    }
}
