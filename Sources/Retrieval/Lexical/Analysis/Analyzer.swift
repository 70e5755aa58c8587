public import Ranking

/// Turns a text into the terms that an index stores and a query looks up.
///
/// Documents and queries must go through the same analyzer, so that an index stores its analyzer's `name`. Names and
/// what they do are stable.
///
/// | name | does |
/// |---|---|
/// | `english` | Lucene's EnglishAnalyzer: words, possessive 's removed, lowercase, 33 stop words dropped, Porter stems |
/// | `unicode` | words in lowercase, in any language that separates words |
/// | `cjk-bigram` | as `unicode`, but pairs of characters for Chinese, Japanese, Korean, Thai, Lao, Khmer and Myanmar |
///
/// What a word is, `WordBreaker` says. Lowercase is the mapping of single code points, independent of language.
public struct Analyzer: Sendable, Hashable {
    /// The stable name, as an index stores it.
    public var name: String { kind.rawValue }

    public static let english = Analyzer(kind: .english)
    public static let unicode = Analyzer(kind: .unicode)
    public static let cjkBigram = Analyzer(kind: .cjkBigram)

    /// Every analyzer there is.
    public static let all: [Analyzer] = Kind.allCases.map(Analyzer.init(kind:))

    private enum Kind: String, CaseIterable {
        case english, unicode
        case cjkBigram = "cjk-bigram"
    }

    private let kind: Kind

    private init(kind: Kind) { self.kind = kind }

    /// The analyzer with this name. Throws `invalidInput`, with the valid names, where there is none.
    public static func named(_ name: String) throws(RankingError) -> Analyzer {
        if let kind = Kind(rawValue: name) { return Analyzer(kind: kind) }
        throw RankingError(
            .invalidInput, what: "There is no analyzer \"\(name)\".",
            why: "Resift has the analyzers \(all.map(\.name).joined(separator: ", ")).",
            fix: "Name one of them. An index that names another analyzer was written by a newer version.")
    }

    /// The terms of a text, in order, each with the bytes it was made from.
    public func terms(of text: String) -> [Term] {
        var terms: [Term] = []
        forEachTerm(of: text) { bytes, range in
            terms.append(Term(text: String(decoding: bytes, as: UTF8.self), utf8Range: range))
        }
        return terms
    }

    /// Calls `body` with the UTF-8 bytes of each term, valid until it returns, and the UTF-8 offsets in `text` of what
    /// the term was made from. This is `terms(of:)` without an allocation for each term.
    public func forEachTerm(of text: String, _ body: (UnsafeBufferPointer<UInt8>, Range<Int>) -> Void) {
        var text = text
        text.withUTF8 { bytes in
            UnicodeWords.dense.withUnsafeBufferPointer { classes in
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: TermBuffer.capacity) { scratch in
                    var buffer = TermBuffer(scratch)
                    var breaker = WordBreaker(bytes, classes: classes)
                    switch kind {
                    case .unicode:
                        while let word = breaker.next() {
                            buffer.setLowercase(bytes, word.start, word.end, isASCII: word.isASCII)
                            body(buffer.bytes, word.start..<word.end)
                        }
                    case .english:
                        while let word = breaker.next() {
                            let end = EnglishWords.endWithoutPossessive(bytes, word.start, word.end)
                            buffer.setLowercase(bytes, word.start, end, isASCII: word.isASCII)
                            if EnglishWords.isStopWord(buffer.bytes) { continue }
                            buffer.stem(isASCII: word.isASCII)
                            body(buffer.bytes, word.start..<word.end)
                        }
                    case .cjkBigram:
                        var bigrams = CharacterBigrams(bytes)
                        while let word = breaker.next() {
                            if bigrams.take(word, body) { continue }
                            buffer.setLowercase(bytes, word.start, word.end, isASCII: word.isASCII)
                            body(buffer.bytes, word.start..<word.end)
                        }
                        bigrams.flush(body)
                    }
                }
            }
        }
    }
}

/// A term of a text.
public struct Term: Sendable, Hashable {
    public var text: String
    /// Where the word stands that the term was made from: UTF-8 offsets, a possessive 's included.
    public var utf8Range: Range<Int>

    public init(text: String, utf8Range: Range<Int>) {
        self.text = text
        self.utf8Range = utf8Range
    }
}
