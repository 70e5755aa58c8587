public import Ranking
public import Retrieval

/// Terms of a domain that a general model reads over: product codes, names of laws, abbreviations.
///
/// Adds the weight of each term that the document has, once however often it occurs. A term is one word or several in a
/// row, found as the analyzer makes words of a text: "X-200" is found in "the x-200s" by the English analyzer, and not
/// by the Unicode one.
public struct KeywordBoost: ScoreBoost {
    public struct Keyword: Sendable, Equatable {
        public var term: String
        /// Added to the logit; a negative one pushes documents down.
        public var weight: Double

        public init(_ term: String, weight: Double = 1) {
            self.term = term
            self.weight = weight
        }
    }

    public let keywords: [Keyword]
    /// A term counts only for queries that have it too.
    public let onlyIfInQuery: Bool
    public let analyzer: Analyzer
    private let phrases: [[String]]

    /// Throws `invalidInput` for a term of which the analyzer leaves nothing, or a weight that is not a number.
    public init(
        _ keywords: [Keyword], onlyIfInQuery: Bool = true, analyzer: Analyzer = .unicode
    ) throws(RankingError) {
        self.keywords = keywords
        self.onlyIfInQuery = onlyIfInQuery
        self.analyzer = analyzer
        phrases = keywords.map { analyzer.terms(of: $0.term).map(\.text) }
        for (keyword, phrase) in zip(keywords, phrases) where phrase.isEmpty || !keyword.weight.isFinite {
            throw RankingError(
                .invalidInput, what: "The keyword \"\(keyword.term)\" has the weight \(keyword.weight).",
                why: phrase.isEmpty
                    ? "The analyzer \"\(analyzer.name)\" finds no word in it." : "A weight is added to scores.",
                fix: "Give a term with a letter or digit, and a finite weight.")
        }
    }

    public func addition(query: String, document: Document, text: String) -> ScoreAddition? {
        let asked = onlyIfInQuery ? analyzer.terms(of: query).map(\.text) : []
        let wanted = phrases.indices.filter { !onlyIfInQuery || asked.contains(run: phrases[$0]) }
        guard !wanted.isEmpty else { return nil }
        let words = analyzer.terms(of: text).map(\.text)
        let found = wanted.filter { words.contains(run: phrases[$0]) }.map { keywords[$0] }
        guard !found.isEmpty else { return nil }
        return ScoreAddition(
            rule: "keywords", value: found.reduce(0) { $0 + $1.weight },
            reason: found.map(\.term).joined(separator: ", "))
    }
}

extension [String] {
    /// Whether these words stand in this array, one after the other.
    fileprivate func contains(run words: [String]) -> Bool {
        guard let first = words.first, words.count <= count else { return false }
        return (0...count - words.count).contains { start in
            self[start] == first && self[start..<start + words.count].elementsEqual(words)
        }
    }
}
