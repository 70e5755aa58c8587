public import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// BM25: how well a document matches a query, term by term.
///
/// `score(q, d) = Σ_t weight(t) · idf(t) · saturation(tf, dl)`, over the distinct terms of the query.
/// `weight(t)` is how often the query has the term; `tf` how often the document has it; `dl` the document's length in
/// terms; `avgdl` the mean length; `N` the documents in the collection; `df` those with the term. A document without
/// the term gets nothing for it. With `norm = 1 - b + b · dl / avgdl`:
///
/// | variant | idf | saturation |
/// |---|---|---|
/// | `lucene` | `ln(1 + (N - df + 0.5) / (df + 0.5))` | `tf / (tf + k1 · norm)` |
/// | `robertson` | `max(0, ln((N - df + 0.5) / (df + 0.5)))` | `tf / (tf + k1 · norm)` |
/// | `atire` | `ln(N / df)` | `(k1 + 1) · tf / (tf + k1 · norm)` |
/// | `bm25l` | `ln((N + 1) / (df + 0.5))` | `(k1 + 1) · (tf / norm + δ) / (k1 + tf / norm + δ)`, δ = 0.5 |
/// | `bm25+` | `ln((N + 1) / df)` | `δ + (k1 + 1) · tf / (tf + k1 · norm)`, δ = 1 |
///
/// Every part is at least 0: Robertson's idf is cut off for terms in more than half of the documents, which would
/// otherwise count against a document.
///
/// What a term adds is rounded to a multiple of 2⁻³² (2.3e-10). Sums of such numbers are exact up to 2²⁰, so that a
/// score does not depend on the order in which terms are added.
///
/// Sources: Robertson & Zaragoza, The probabilistic relevance framework, 2009; Trotman, Jia & Crane, Towards an
/// efficient and effective search engine (ATIRE), SIGIR OSIR 2012; Lv & Zhai, When documents are very long, BM25 fails
/// (BM25L), SIGIR 2011; Lv & Zhai, Lower-bounding term frequency normalization (BM25+), CIKM 2011; Kamphuis, de Vries,
/// Boytsov & Lin, Which BM25 do you mean?, ECIR 2020 (names and comparison); Lucene's BM25Similarity.
public struct BM25: Sendable, Hashable {
    public enum Variant: String, Sendable, CaseIterable {
        case lucene, robertson, atire, bm25l
        case bm25Plus = "bm25+"
    }

    public let variant: Variant
    /// How slowly repetitions saturate; 0 counts presence only.
    public let k1: Double
    /// How much length counts, 0 ... 1.
    public let b: Double
    /// The δ of `bm25l` and `bm25+`; the others have none.
    public let delta: Double
    /// What `dl` is.
    public let lengths: LengthEncoding

    /// Lucene's formula with its defaults, k1 1.2 and b 0.75.
    public static let lucene = BM25(unchecked: .lucene, k1: 1.2, b: 0.75, delta: 0, lengths: .exact)

    /// Throws `invalidInput` unless k1 is in 0 ... 1,000, b in 0 ... 1 and delta in 0 ... 1,000.
    ///
    /// - Parameter delta: The variant's own where nil: 0.5 for `bm25l`, 1 for `bm25+`.
    public init(
        _ variant: Variant = .lucene, k1: Double = 1.2, b: Double = 0.75, delta: Double? = nil,
        lengths: LengthEncoding = .exact
    ) throws(RankingError) {
        try BM25.check("k1", k1, 0...1000)
        try BM25.check("b", b, 0...1)
        if let delta { try BM25.check("delta", delta, 0...1000) }
        self.init(unchecked: variant, k1: k1, b: b, delta: delta ?? variant.defaultDelta, lengths: lengths)
    }

    private init(unchecked variant: Variant, k1: Double, b: Double, delta: Double, lengths: LengthEncoding) {
        self.variant = variant
        self.k1 = k1
        self.b = b
        self.delta = delta
        self.lengths = lengths
    }

    private static func check(_ name: String, _ value: Double, _ valid: ClosedRange<Double>) throws(RankingError) {
        if valid.contains(value) { return }
        throw RankingError(
            .invalidInput, what: "\(name) is \(value).",
            why: "BM25 needs \(name) from \(valid.lowerBound) to \(valid.upperBound).",
            fix: "Lucene's values are k1 1.2 and b 0.75.")
    }

    /// The weight of a term that `documentFrequency` of `documentCount` documents have; 0 where either is 0.
    public func inverseDocumentFrequency(documentFrequency: Int, documentCount: Int) -> Double {
        guard documentFrequency > 0, documentCount > 0 else { return 0 }
        let df = Double(documentFrequency)
        // A frequency from before deletions can exceed the count of the documents that are left.
        let n = max(Double(documentCount), df)
        switch variant {
        case .lucene: return log(1 + (n - df + 0.5) / (df + 0.5))
        case .robertson: return max(0, log((n - df + 0.5) / (df + 0.5)))
        case .atire: return log(n / df)
        case .bm25l: return log((n + 1) / (df + 0.5))
        case .bm25Plus: return log((n + 1) / df)
        }
    }

    /// The `dl` of a document of this many terms.
    func encodedLength(_ length: Int) -> Double { Double(lengths.encoded(UInt32(clamping: length))) }

    /// What a term adds to a document's score: `weight · idf · saturation`, rounded to a multiple of 2⁻³².
    ///
    /// - Parameters:
    ///   - weight: How often the query has the term.
    ///   - frequency: How often the document has the term; 0 gives 0.
    ///   - length: Terms in the document.
    public func score(
        weight: Double, frequency: Int, length: Int, documentFrequency: Int, collection: CollectionStatistics
    ) -> Double {
        let scorer = TermScorer(self, weight: weight, documentFrequency: documentFrequency, collection: collection)
        return scorer.score(frequency: Double(frequency), length: encodedLength(length))
    }
}

extension BM25.Variant {
    var defaultDelta: Double {
        switch self {
        case .lucene, .robertson, .atire: 0
        case .bm25l: 0.5
        case .bm25Plus: 1
        }
    }
}

/// What BM25 needs to know of all documents together.
public struct CollectionStatistics: Sendable, Hashable {
    /// N, the documents.
    public var documentCount: Int
    /// The terms in all of them.
    public var totalLength: Int

    public init(documentCount: Int, totalLength: Int) {
        self.documentCount = documentCount
        self.totalLength = totalLength
    }

    /// avgdl, in terms; 1 for a collection without terms.
    public var averageLength: Double {
        documentCount > 0 && totalLength > 0 ? Double(totalLength) / Double(documentCount) : 1
    }
}
