import GRDB
import Inference
public import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A document that a first stage found, with the passage that its score comes from.
public struct DocumentHit: Sendable, Equatable {
    public var id: String
    /// The number of the document's first passage.
    public var first: UInt32
    public var passage: UInt32
    public var score: Double
}

extension IndexSnapshot {
    /// A query's terms that the index has, each once, with their lists.
    ///
    /// A list of several parts becomes several query terms, all with the document frequency of the whole list: a
    /// passage is in one part at most, so that no score changes.
    func queryTerms(of query: String) throws -> [QueryTerm] {
        var terms: [QueryTerm] = []
        for (text, count) in settings.analyzer.countedTerms(of: query) {
            guard let entry = try postings(of: text) else { continue }
            for part in entry.parts {
                terms.append(
                    QueryTerm(postings: part, weight: Double(count), documentFrequency: entry.passages))
            }
        }
        return terms
    }

    /// The lengths of all passages, encoded once for each commit.
    private func lengths(in encoding: LengthEncoding) -> [UInt32] {
        guard encoding != .exact else { return state.table.lengths }
        return state.luceneLengths.withLock { known in
            if known.count != state.table.count { known = state.table.lengths.map(encoding.encoded) }
            return known
        }
    }

    private func postings(of term: String) throws -> PostingCache.Entry? {
        let key = UTF8Key(term)
        if let known = state.postings.withLock({ $0[key] }) { return known }
        guard
            let row = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT number, passages FROM term WHERE text = ?"),
                arguments: [Data(term.utf8)])
        else { return nil }
        let entry = PostingCache.Entry(
            parts: try PostingWriter.lists(of: row.int64(0), db), passages: max(1, try row.integer(1)))
        state.postings.withLock { $0.insert(entry, for: key) }
        return entry
    }

    /// The search that finds a query's best documents by BM25; it needs the snapshot no more.
    public func lexicalSearch(_ query: String, bm25: BM25 = .lucene, in passages: DocumentSet?) throws -> LexicalSearch
    {
        LexicalSearch(
            hasTerms: !settings.analyzer.terms(of: query).isEmpty, terms: try queryTerms(of: query),
            maxScore: MaxScore(
                bm25: bm25, collection: collection, lengths: lengths(in: bm25.lengths), deleted: state.table.deleted,
                filter: scoped(passages)), table: state.table)
    }

    /// The best `limit` documents for a query by BM25, best first; equal scores by document id, in byte order. A
    /// document's score is its best passage's. Throws RankingError.
    public func bm25(_ query: String, bm25: BM25 = .lucene, limit: Int, in passages: DocumentSet?) throws
        -> [DocumentHit]
    {
        try hits(lexicalSearch(query, bm25: bm25, in: passages).documents(limit: limit), limit: limit)
    }

    /// Looks up ids and brings equal scores into their order.
    package func hits(_ documents: [PassageHit], limit: Int) throws -> [DocumentHit] {
        let ids = try ids(ofDocuments: documents.map(\.first))
        var hits = zip(documents, ids).map { document, id in
            DocumentHit(id: id, first: document.first, passage: document.passage, score: document.score)
        }
        hits.sort { a, b in
            a.score != b.score ? a.score > b.score : a.id.utf8.lexicographicallyPrecedes(b.id.utf8)
        }
        return Array(hits.prefix(limit))
    }

    /// Where a passage's BM25 score for a query comes from; the root's value is exactly the score of `bm25`.
    public func explain(_ query: String, passage: UInt32, of stored: StoredDocument, bm25: BM25 = .lucene) throws
        -> ScoreExplanation
    {
        var frequencies: [UTF8Key: Int] = [:]
        let text = stored.passage(passage).map(stored.document.passageText) ?? ""
        settings.analyzer.forEachTerm(of: text) { bytes, _ in frequencies[UTF8Key(bytes), default: 0] += 1 }
        var matches: [BM25.TermMatch] = []
        for (term, count) in settings.analyzer.countedTerms(of: query) {
            guard let entry = try postings(of: term) else { continue }
            matches.append(
                BM25.TermMatch(
                    term: term, weight: Double(count), frequency: frequencies[UTF8Key(term)] ?? 0,
                    documentFrequency: entry.passages))
        }
        return bm25.explain(
            matches, length: Int(state.table.lengths[Int(passage)]), collection: collection)
    }
}

/// A document by its best passage.
public struct PassageHit: Sendable, Equatable {
    public var first: UInt32
    public var passage: UInt32
    public var score: Double
}

/// A BM25 search that has read all it needs.
public struct LexicalSearch: Sendable {
    /// False where the analyzer leaves nothing of the query.
    public let hasTerms: Bool
    let terms: [QueryTerm]
    let maxScore: MaxScore
    let table: PassageTable

    /// The best documents, best first: at least `limit` of them where there are as many, and all that share the
    /// `limit`-th score.
    public func documents(limit: Int) throws(RankingError) -> [PassageHit] {
        try BestDocuments(table: table, limit: limit).collect { count throws(RankingError) in
            try maxScore.topDocuments(terms, limit: count)
        }
    }
}

/// Turns the best passages into the best documents.
struct BestDocuments {
    let table: PassageTable
    let limit: Int
    /// Passages that are asked for at first beyond the limit: some share a document, and some a score. At least 1, by
    /// which the end of equal scores is found.
    var surplus = 32

    var firstCount: Int { min(limit, Int.max - surplus) + surplus }

    /// - Parameter search: Gives the best passages, best first; fewer than asked for only where there are no more.
    func collect<Failure: Error>(
        _ search: (Int) throws(Failure) -> [ScoredDocument]
    ) throws(Failure) -> [PassageHit] {
        guard limit > 0 else { return [] }
        var count = firstCount
        while true {
            let passages = try search(count)
            var documents: [PassageHit] = []
            var seen: Set<UInt32> = []
            for passage in passages {
                let first = table.document(of: passage.document)
                if seen.insert(first).inserted {
                    documents.append(PassageHit(first: first, passage: passage.document, score: passage.score))
                }
            }
            let isExhausted = passages.count < count
            let hasAllEqual = documents.count >= limit && passages.last?.score != documents[limit - 1].score
            if isExhausted || hasAllEqual {
                guard documents.count > limit else { return documents }
                let worst = documents[limit - 1].score
                return Array(documents.prefix { $0.score >= worst })
            }
            count = count > Int.max / 4 ? Int.max : count * 4
        }
    }
}
