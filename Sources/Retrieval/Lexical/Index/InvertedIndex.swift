public import Ranking

/// An inverted index in memory: terms by ascending bytes, each with its encoded posting list.
public struct InvertedIndex: Sendable {
    public let analyzer: Analyzer
    /// Terms in each document, by its number.
    public let lengths: [UInt32]
    public let collection: CollectionStatistics
    private let keys: [UInt8]
    private let bytes: [UInt8]
    private let entries: [Entry]

    struct Entry {
        /// Where the term ends in the terms, and its list in the lists; each starts where the one before ends.
        var keyEnd: Int
        var postingsEnd: Int
    }

    init(
        analyzer: Analyzer, lengths: [UInt32], collection: CollectionStatistics, keys: [UInt8], bytes: [UInt8],
        entries: [Entry]
    ) {
        self.analyzer = analyzer
        self.lengths = lengths
        self.collection = collection
        self.keys = keys
        self.bytes = bytes
        self.entries = entries
    }

    public var termCount: Int { entries.count }
    /// Bytes of all posting lists.
    public var postingBytes: Int { bytes.count }

    /// The UTF-8 bytes of a term and its encoded posting list, by its rank in byte order.
    public subscript(rank: Int) -> (term: ArraySlice<UInt8>, postings: ArraySlice<UInt8>) {
        let before = rank > 0 ? entries[rank - 1] : Entry(keyEnd: 0, postingsEnd: 0)
        return (keys[before.keyEnd..<entries[rank].keyEnd], bytes[before.postingsEnd..<entries[rank].postingsEnd])
    }

    /// The posting list of a term; nil if no document has it.
    public func postings(of term: String) throws(RankingError) -> PostingList? {
        let key = Array(term.utf8)
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].term.lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
        }
        guard low < entries.count, self[low].term.elementsEqual(key) else { return nil }
        return try PostingList(bytes: self[low].postings)
    }

    /// The terms of a query that documents have, each once, weighted by how often the query has it.
    public func queryTerms(of query: String) throws(RankingError) -> [QueryTerm] {
        var terms: [QueryTerm] = []
        for (term, count) in analyzer.countedTerms(of: query) {
            if let postings = try postings(of: term) {
                terms.append(QueryTerm(postings: postings, weight: Double(count)))
            }
        }
        return terms
    }

    /// The best `limit` documents for a query, best first. Throws as `MaxScore.topDocuments` does.
    public func search(
        _ query: String, bm25: BM25 = .lucene, limit: Int, deleted: DocumentSet? = nil, filter: DocumentSet? = nil
    ) throws(RankingError) -> [ScoredDocument] {
        let encoded = bm25.lengths == .exact ? lengths : lengths.map(bm25.lengths.encoded)
        let search = MaxScore(bm25: bm25, collection: collection, lengths: encoded, deleted: deleted, filter: filter)
        return try search.topDocuments(queryTerms(of: query), limit: limit)
    }
}

extension Analyzer {
    /// The distinct terms of a query, in the order of their first occurrence, and how often it has each.
    public func countedTerms(of query: String) -> [(term: String, count: Int)] {
        var counted: [(term: String, count: Int)] = []
        var places: [UTF8Key: Int] = [:]
        for term in terms(of: query) {
            let key = UTF8Key(term.text)
            if let place = places[key] {
                counted[place].count += 1
            } else {
                places[key] = counted.count
                counted.append((term.text, 1))
            }
        }
        return counted
    }
}
