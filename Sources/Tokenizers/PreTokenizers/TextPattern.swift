import OrderedJSON
import Ranking

/// What a Split cuts at and a Replace replaces: a literal text, a run of characters of one class, or one of the regular
/// expressions that published models cut words with.
///
/// Each takes time linear in the text. A general regular expression would not, and models use these few.
enum TextPattern: Sendable, Equatable {
    case literal([UInt32])
    case run(ScalarClass, count: ClosedRange<Int>)
    case words(WordPattern)

    /// Reads `pattern`: `{"String": " "}` or `{"Regex": " {2,}"}`.
    init(_ config: JSONObject, source: String) throws(RankingError) {
        let reader = FieldReader(config, source: source)
        guard case .object(let pattern)? = config["pattern"] else {
            throw reader.corrupt("has no pattern with a String or a Regex")
        }
        let fields = FieldReader(pattern, source: source)
        if pattern["String"] != nil {
            let literal = try fields.string("String").unicodeScalars.map(\.value)
            guard !literal.isEmpty else { throw reader.corrupt("has an empty pattern") }
            self = .literal(literal)
            return
        }
        let text = try fields.string("Regex")
        if let words = WordPattern.allCases.first(where: { $0.regex == text }) {
            self = .words(words)
        } else if let (runs, count) = ScalarClass.run(Array(text.unicodeScalars)) {
            self = .run(runs, count: count)
        } else {
            throw RankingError(
                .unsupportedModel, what: "\(source) has the regular expression \(text).",
                why: """
                    Supported are one class of characters with a quantifier (\" {2,}\", \"[0-9]\", \"\\p{L}+\"), and \
                    \(WordPattern.allCases.map(\.regex).joined(separator: "   and   ")).
                    """,
                fix: "Use a model with one of these.")
        }
    }

    /// The first match that begins in the range and ends in it; what is outside of it is not seen.
    func firstMatch(in scalars: [UInt32], _ range: Range<Int>) -> Range<Int>? {
        switch self {
        case .literal(let literal): return TextPattern.find(literal, in: scalars, range)
        case .run(let runs, let count):
            var start = range.lowerBound
            while start < range.upperBound {
                var end = start
                let limit = count.upperBound < range.upperBound - start ? start + count.upperBound : range.upperBound
                while end < limit, runs.contains(scalars[end]) { end += 1 }
                if end - start >= count.lowerBound { return start..<end }
                // A run that is too short is so from each of its characters.
                start = max(end, start + 1)
            }
            return nil
        case .words(let words): return range.isEmpty ? nil : range.lowerBound..<words.end(in: scalars, range)
        }
    }

    private static func find(_ literal: [UInt32], in scalars: [UInt32], _ range: Range<Int>) -> Range<Int>? {
        guard let first = literal.first, literal.count <= range.count else { return nil }
        for start in range.lowerBound...range.upperBound - literal.count where scalars[start] == first {
            let end = start + literal.count
            if scalars[start..<end].elementsEqual(literal) { return start..<end }
        }
        return nil
    }
}

/// A class of characters: properties and ranges, or all others.
struct ScalarClass: Sendable, Equatable {
    private var properties: TextUnicode.Properties = []
    private var ranges: [ClosedRange<UInt32>] = []
    private var isNegated = false

    init() {}

    init(_ properties: TextUnicode.Properties) { self.properties = properties }

    func contains(_ scalar: UInt32) -> Bool {
        let isListed =
            ranges.contains { $0.contains(scalar) }
            || (!properties.isEmpty && !TextUnicode.properties(scalar).isDisjoint(with: properties))
        return isListed != isNegated
    }

    /// Reads a regular expression of one class and an optional quantifier: `\s+`, `[0-9]{1,3}`, ` {2,}`; nil where it is
    /// something else.
    static func run(_ regex: [Unicode.Scalar]) -> (ScalarClass, count: ClosedRange<Int>)? {
        var parser = Parser(rest: regex[...])
        guard let parsed = parser.characters(), let count = parser.quantifier(), parser.rest.isEmpty else { return nil }
        return (parsed, count)
    }

    private struct Parser {
        var rest: ArraySlice<Unicode.Scalar>

        mutating func characters() -> ScalarClass? {
            var parsed = ScalarClass()
            guard let first = rest.popFirst() else { return nil }
            switch first {
            case "\\": return escape(into: &parsed) ? parsed : nil
            case "[": return brackets(into: &parsed) ? parsed : nil
            case ".", "^", "$", "*", "+", "?", "(", ")", "|", "{", "}", "]": return nil
            default:
                parsed.ranges.append(first.value...first.value)
                return parsed
            }
        }

        private mutating func brackets(into parsed: inout ScalarClass) -> Bool {
            if rest.first == "^" {
                parsed.isNegated = true
                rest.removeFirst()
            }
            while let next = rest.popFirst() {
                switch next {
                case "]": return !parsed.ranges.isEmpty || !parsed.properties.isEmpty
                case "\\": if !escape(into: &parsed) { return false }
                case "[", "&", "-": return false
                default:
                    guard rest.first == "-" else {
                        parsed.ranges.append(next.value...next.value)
                        continue
                    }
                    rest.removeFirst()
                    guard let last = rest.popFirst(), last != "]", last != "\\", last.value >= next.value else {
                        return false
                    }
                    parsed.ranges.append(next.value...last.value)
                }
            }
            return false
        }

        private mutating func escape(into parsed: inout ScalarClass) -> Bool {
            guard let escaped = rest.popFirst() else { return false }
            switch escaped {
            case "s": parsed.properties.insert(.whitespace)
            case "d": parsed.properties.insert(.decimalDigit)
            case "n": parsed.ranges.append(0x0A...0x0A)
            case "r": parsed.ranges.append(0x0D...0x0D)
            case "t": parsed.ranges.append(0x09...0x09)
            case "p":
                let name = rest.prefix(3)
                guard name.count == 3, name.first == "{", name.last == "}" else { return false }
                switch name[name.startIndex + 1] {
                case "L": parsed.properties.insert(.letter)
                case "N": parsed.properties.insert(.number)
                default: return false
                }
                rest.removeFirst(3)
            default:
                guard escaped.isASCII, escaped.properties.isPatternSyntax else { return false }
                parsed.ranges.append(escaped.value...escaped.value)
            }
            return true
        }

        /// `+`, `{m}`, `{m,}`, `{m,n}`, or none; not what may match nothing.
        mutating func quantifier() -> ClosedRange<Int>? {
            switch rest.popFirst() {
            case nil: return 1...1
            case "+": return 1...Int.max
            case "{":
                guard let least = number(), least > 0 else { return nil }
                if rest.popFirst() == "}" { return least...least }
                if rest.first == "}" {
                    rest.removeFirst()
                    return least...Int.max
                }
                guard let most = number(), most >= least, rest.popFirst() == "}" else { return nil }
                return least...most
            default: return nil
            }
        }

        private mutating func number() -> Int? {
            let digits = rest.prefix { ("0"..."9").contains($0) }
            rest.removeFirst(digits.count)
            return Int(String(String.UnicodeScalarView(digits)))
        }
    }
}
