import Ranking

/// Cuts the text of a filter into words, quoted texts and signs, and knows where each begins.
struct FilterLexer {
    enum Token: Equatable {
        case word(String)
        case quoted(String)
        /// An operator, a parenthesis or a comma.
        case sign(String)
        case end
    }

    private(set) var token = Token.end
    /// Where the token begins: scalars from the start.
    private var column = 0
    private let text: String
    private var rest: Substring.UnicodeScalarView
    private var consumed = 0

    init(_ text: String) {
        self.text = text
        rest = text[...].unicodeScalars
    }

    mutating func advance() throws(RankingError) {
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
        case "=", "!", "<", ">": token = .sign(run(atMost: 2) { "=!<>".unicodeScalars.contains($0) })
        default:
            let word = run(atMost: .max, where: FilterLexer.isWordScalar)
            guard !word.isEmpty else {
                throw error(
                    "has \"\(first)\" at column \(column + 1)",
                    fix: first == "&" || first == "|"
                        ? "Write \"and\" and \"or\" as words." : "Put a value with such a sign in quotes.")
            }
            token = .word(word)
        }
    }

    private mutating func take() -> Unicode.Scalar? {
        guard let scalar = rest.popFirst() else { return nil }
        consumed += 1
        return scalar
    }

    private mutating func run(atMost limit: Int, where belongs: (Unicode.Scalar) -> Bool) -> String {
        var run = String.UnicodeScalarView()
        var count = 0
        while count < limit, let next = rest.first, belongs(next) {
            run.append(next)
            count += 1
            _ = take()
        }
        return String(run)
    }

    private mutating func quoted(until quote: Unicode.Scalar) throws(RankingError) -> String {
        var value = String.UnicodeScalarView()
        while let scalar = take() {
            if scalar == quote { return String(value) }
            if scalar == "\\" {
                guard let escaped = take() else { break }
                value.append(escaped)
            } else {
                value.append(scalar)
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

    /// The token is not what has to stand there.
    func unexpected(_ expected: String) -> RankingError {
        let problem =
            switch token {
            case .end: "ends at column \(column + 1), where \(expected) should be"
            case .word(let text), .quoted(let text), .sign(let text):
                "has \"\(FilterLexer.clipped(text))\" at column \(column + 1), where \(expected) should be"
            }
        return error(problem, fix: "Write for example: created_at > now-30d and tags in (a, 'b c').")
    }

    /// The token is a value that means nothing.
    func unreadable(_ word: String, fix: String) -> RankingError {
        error("has \"\(FilterLexer.clipped(word))\" at column \(column + 1)", fix: fix)
    }

    func error(_ problem: String, fix: String) -> RankingError {
        let scalars = Array(text.unicodeScalars)
        let start = max(0, column - 30)
        let excerpt = scalars[min(start, scalars.count)..<min(scalars.count, column + 20)]
        var line = String.UnicodeScalarView()
        // One scalar for one, so that the caret stands below the place.
        line.append(contentsOf: excerpt.map { $0.value < 0x20 || $0.properties.isWhitespace ? " " : $0 })
        return RankingError(
            .invalidInput, what: "The filter \(problem).",
            why: "It cannot be read beyond this place:\n    \(String(line))\n    "
                + String(repeating: " ", count: column - start) + "^",
            fix: fix)
    }

    /// Enough of a long text to recognize it.
    private static func clipped(_ text: String) -> String {
        let head = text.unicodeScalars.prefix(60)
        return head.endIndex == text.unicodeScalars.endIndex ? text : String(head) + "..."
    }
}
