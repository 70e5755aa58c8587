/// The words of a text, as Lucene's StandardTokenizer finds them.
///
/// A word is a segment between two word boundaries of Unicode Standard Annex 29 that has a letter, a number, an
/// ideograph or an emoji in it. Ideographs and Hiragana are words of one character each; runs of Katakana, of Hangul
/// and of South East Asian scripts (Thai, Lao, Khmer, Myanmar: the line-break class SA) are one word. A word of more
/// than `maxUnits` UTF-16 code units is cut there, and the rest is read as a new word.
///
/// Sources: <https://www.unicode.org/reports/tr29/> (rules WB1 to WB999); the grammar StandardTokenizerImpl.jflex of
/// Lucene 9, which keeps South East Asian runs together and reads emoji by Unicode Technical Standard 51.
struct WordBreaker {
    /// Lucene's StandardAnalyzer.DEFAULT_MAX_TOKEN_LENGTH.
    static let maxUnits = 255

    struct Word {
        var start: Int
        var end: Int
        var kind: Kind
        var isASCII: Bool
    }

    /// Lucene's token types, but for numbers, which are words here.
    enum Kind {
        case word, han, hiragana, katakana, hangul, southEastAsian, emoji
    }

    private let text: UnsafeBufferPointer<UInt8>
    private let classes: UnsafeBufferPointer<UInt8>
    private var position = 0

    /// - Parameters:
    ///   - text: Valid UTF-8.
    ///   - classes: `UnicodeWords.dense`.
    init(_ text: UnsafeBufferPointer<UInt8>, classes: UnsafeBufferPointer<UInt8>) {
        self.text = text
        self.classes = classes
    }

    mutating func next() -> Word? {
        while position < text.count {
            let start = position
            let point = CodePoint(in: text, at: start)
            var span = Span(end: start + point.length, units: point.units, isASCII: point.value < 0x80)
            var kind = Kind.word
            let found: Bool
            switch wordClass(point.value) {
            case .letter, .hebrew, .numeric: found = scanWord(&span, from: wordClass(point.value), kind: &kind)
            case .extendNumLet: found = scanWord(&span, from: .extendNumLet, kind: &kind)
            case .hangul:
                kind = .hangul
                found = scanWord(&span, from: .hangul, kind: &kind)
            case .katakana:
                kind = .katakana
                found = scanWord(&span, from: .katakana, kind: &kind)
            case .han:
                kind = .han
                found = absorbMarks(&span)
            case .hiragana:
                kind = .hiragana
                found = absorbMarks(&span)
            case .southEastAsian, .southEastAsianExtend:
                kind = .southEastAsian
                found = scanSouthEastAsian(&span)
            case .emoji, .emojiModifier:
                kind = .emoji
                found = scanEmoji(&span)
            case .regionalIndicator:
                kind = .emoji
                found = scanFlag(&span)
            case .keycapBase:
                kind = .emoji
                found = scanKeycap(&span)
            case .other, .extend, .midLetter, .midNum, .midNumLet, .singleQuote, .doubleQuote: found = false
            }
            position = span.end
            if found { return Word(start: start, end: span.end, kind: kind, isASCII: span.isASCII) }
        }
        return nil
    }

    private struct Span {
        var end: Int
        var units: Int
        var isASCII: Bool

        @inline(__always)
        mutating func take(_ point: CodePoint) {
            end += point.length
            units += point.units
            isASCII = isASCII && point.length == 1
        }
    }

    @inline(__always)
    private func wordClass(_ point: UInt32) -> WordClass {
        guard point < UInt32(classes.count) else { return UnicodeWords.sparse(point) }
        return WordClass(rawValue: classes[Int(point)]) ?? .other
    }

    /// The code point after the span, if the span may still grow by it.
    @inline(__always)
    private func peek(_ span: Span) -> (point: CodePoint, kind: WordClass)? {
        guard span.end < text.count else { return nil }
        let point = CodePoint(in: text, at: span.end)
        guard span.units + point.units <= WordBreaker.maxUnits else { return nil }
        return (point, wordClass(point.value))
    }

    /// WB4: marks, format characters and joiners belong to what stands before them.
    private func absorbMarks(_ span: inout Span) -> Bool {
        while let next = peek(span), next.kind.isExtend { span.take(next.point) }
        return true
    }

    /// WB5 to WB13b. False for a run of connectors ("___"), which is no word.
    private func scanWord(_ span: inout Span, from first: WordClass, kind: inout Kind) -> Bool {
        var previous = first
        var hasContent = first != .extendNumLet
        while let next = peek(span) {
            let current = next.kind
            if current.isExtend {
                span.take(next.point)
                continue
            }
            let joins: Bool
            switch current {
            case .letter, .hangul, .hebrew, .numeric: joins = previous != .katakana
            case .katakana: joins = previous == .katakana || previous == .extendNumLet
            case .extendNumLet: joins = true
            default: joins = false
            }
            if joins {
                if current != first { kind = .word }
                span.take(next.point)
                hasContent = hasContent || current != .extendNumLet
                previous = current
            } else if let bridged = bridge(span, from: previous, over: next) {
                kind = .word
                span = bridged.span
                previous = bridged.last
            } else if previous == .hebrew, current == .singleQuote {
                // WB7a: the quote ends the word.
                span.take(next.point)
                return absorbMarks(&span)
            } else {
                break
            }
        }
        return hasContent
    }

    /// WB6, WB7, WB7b, WB7c, WB11, WB12: one punctuation mark between two letters, or between two digits.
    private func bridge(
        _ span: Span, from previous: WordClass, over middle: (point: CodePoint, kind: WordClass)
    ) -> (span: Span, last: WordClass)? {
        let joinsLetters = previous.isLetter && middle.kind.isMidLetter
        let joinsHebrew = previous == .hebrew && middle.kind == .doubleQuote
        let joinsNumbers = previous == .numeric && middle.kind.isMidNumber
        guard joinsLetters || joinsHebrew || joinsNumbers else { return nil }
        var span = span
        span.take(middle.point)
        _ = absorbMarks(&span)
        guard let next = peek(span) else { return nil }
        guard
            joinsLetters && next.kind.isLetter || joinsHebrew && next.kind == .hebrew
                || joinsNumbers && next.kind == .numeric
        else { return nil }
        span.take(next.point)
        return (span, next.kind)
    }

    private func scanSouthEastAsian(_ span: inout Span) -> Bool {
        while let next = peek(span), next.kind == .southEastAsian || next.kind.isExtend { span.take(next.point) }
        return true
    }

    /// WB3c: emoji joined by U+200D are one.
    private func scanEmoji(_ span: inout Span) -> Bool {
        var joined = false
        while let next = peek(span) {
            guard next.kind.isExtend || joined && next.kind == .emoji else { break }
            joined = next.point.value == 0x200d
            span.take(next.point)
        }
        return true
    }

    /// WB15 and WB16: regional indicators come in pairs; a lone one is no word.
    private func scanFlag(_ span: inout Span) -> Bool {
        _ = absorbMarks(&span)
        guard let next = peek(span), next.kind == .regionalIndicator else { return false }
        span.take(next.point)
        return absorbMarks(&span)
    }

    /// `#` or `*`, U+FE0F or not, U+20E3.
    private func scanKeycap(_ span: inout Span) -> Bool {
        var sawKeycap = false
        while let next = peek(span), next.kind.isExtend {
            sawKeycap = sawKeycap || next.point.value == 0x20e3
            span.take(next.point)
        }
        return sawKeycap
    }
}
