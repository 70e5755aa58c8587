public import Ranking

/// A term of a query: its posting list, and how much it counts.
public struct QueryTerm: Sendable {
    public var postings: PostingList
    /// How often the query has the term; more than 0.
    public var weight: Double
    /// df, where it is not the list's count: in an index of several parts, the count over all of them.
    public var documentFrequency: Int

    public init(postings: PostingList, weight: Double = 1, documentFrequency: Int? = nil) {
        self.postings = postings
        self.weight = weight
        self.documentFrequency = documentFrequency ?? postings.count
    }
}

/// The best documents for a query by BM25: exactly those that scoring every document would give, with the same scores.
///
/// Documents are read window by window. In each, the terms are ordered by the most that a document of the window can
/// get from them, which the bounds of the posting blocks say. The low terms that together cannot lift a document over
/// the worst of the best so far are *non-essential*: documents are taken from the other lists only, and looked up in
/// these as long as they can still make it. A window without essential terms is passed over.
///
/// A document that has a term of the query is a match, even if it scores 0. Equal scores are ordered by ascending
/// document number.
///
/// Sources: Turtle & Flood, Query evaluation: strategies and optimizations, 1995 (MaxScore); Ding & Suel, Faster top-k
/// document retrieval using block-max indexes, SIGIR 2011; Lucene's MaxScoreBulkScorer (windows).
public struct MaxScore: Sendable {
    public var bm25: BM25
    public var collection: CollectionStatistics
    /// Terms in each document, by its number: the same as when the posting lists were encoded, in the encoding that
    /// `bm25.lengths` names.
    public var lengths: [UInt32]
    /// Documents that are passed over.
    public var deleted: DocumentSet?
    /// The only documents to give, where not nil.
    public var filter: DocumentSet?

    public init(
        bm25: BM25 = .lucene, collection: CollectionStatistics, lengths: [UInt32], deleted: DocumentSet? = nil,
        filter: DocumentSet? = nil
    ) {
        self.bm25 = bm25
        self.collection = collection
        self.lengths = lengths
        self.deleted = deleted
        self.filter = filter
    }

    /// The best `limit` documents, best first; fewer where fewer match.
    ///
    /// Throws `invalidInput` for a weight that is not a positive number, or weights of which a score could reach 2²⁰;
    /// `corruptFile` for a posting list that contradicts itself or has documents without a length.
    public func topDocuments(_ terms: [QueryTerm], limit: Int) throws(RankingError) -> [ScoredDocument] {
        let scorers = try terms.map { term throws(RankingError) in try scorer(of: term) }
        try checkSum(scorers)
        guard limit > 0 else { return [] }
        var cursors: [PostingCursor] = []
        defer { for cursor in cursors { cursor.deallocate() } }
        return try lengths.withUnsafeBufferPointer { lengths throws(RankingError) in
            for (term, scorer) in zip(terms, scorers) where term.postings.count > 0 {
                cursors.append(try PostingCursor(term.postings, scorer: scorer, lengths: lengths))
            }
            if cursors.isEmpty { return [] }
            return try cursors.withUnsafeMutableBufferPointer { cursors throws(RankingError) in
                var search = MaxScoreSearch(
                    cursors, lengths: lengths, deleted: deleted, filter: filter, limit: limit)
                return try search.run()
            }
        }
    }

    private func scorer(of term: QueryTerm) throws(RankingError) -> TermScorer {
        guard term.weight > 0, term.weight.isFinite else {
            throw RankingError(
                .invalidInput, what: "A query term has the weight \(term.weight).",
                why: "A weight is how often the query has the term.", fix: "Give a number above 0.")
        }
        if let last = term.postings.lastDocument, Int(last) >= lengths.count {
            throw RankingError(
                .corruptFile, what: "A posting list has document \(last), but there are \(lengths.count) lengths.",
                why: "The postings and the documents of the index disagree.", fix: "Build the index again.")
        }
        return TermScorer(
            bm25, weight: term.weight, documentFrequency: term.documentFrequency, collection: collection)
    }

    private func checkSum(_ scorers: [TermScorer]) throws(RankingError) {
        let sum = scorers.reduce(0) { $0 + $1.limit }
        guard sum < Quantum.limit else {
            throw RankingError(
                .invalidInput, what: "A document could score \(sum) for this query.",
                why: "Scores are exact below \(Int(Quantum.limit)) only.",
                fix: "Shorten the query or lower its weights.")
        }
    }
}
