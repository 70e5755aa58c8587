import Ranking
import Testing

@testable import Retrieval

@Suite("MaxScore")
struct MaxScoreTests {
    /// A random collection: lengths and the posting lists of some terms, from rare to ubiquitous.
    struct Collection {
        var lengths: [UInt32]
        var terms: [[Posting]]
        var statistics: CollectionStatistics

        init(documents: Int, terms count: Int, _ random: inout SeededGenerator) {
            // Few distinct lengths and frequencies make many equal scores.
            let longest = [1, 3, 60, 2_000].randomElement(using: &random) ?? 1
            let lengths = (0..<documents).map { _ in UInt32.random(in: 1...UInt32(longest), using: &random) }
            let mostFrequent = [1, 2, 8, 300].randomElement(using: &random) ?? 1
            terms = (0..<count).map { _ in
                let share: Double = [0.001, 0.01, 0.1, 0.5, 0.95, 1].randomElement(using: &random) ?? 1
                // Some terms are in one region only, as in a sorted collection.
                let start = Bool.random(using: &random) ? 0 : Int.random(in: 0..<documents, using: &random)
                return (start..<documents).compactMap { document in
                    guard Double.random(in: 0..<1, using: &random) < share else { return nil }
                    let frequency = UInt32.random(in: 1...UInt32(mostFrequent), using: &random)
                    return Posting(document: UInt32(document), frequency: frequency)
                }
            }
            self.lengths = lengths
            statistics = CollectionStatistics(documentCount: documents, totalLength: lengths.reduce(0) { $0 + Int($1) })
        }

        /// Every document scored, term after term.
        func exhaustive(
            _ query: [(term: Int, weight: Double)], _ bm25: BM25, limit: Int, deleted: DocumentSet?,
            filter: DocumentSet?
        ) -> [ScoredDocument] {
            var scores: [UInt32: Double] = [:]
            for (term, weight) in query {
                for posting in terms[term] {
                    scores[posting.document, default: 0] += bm25.score(
                        weight: weight, frequency: Int(posting.frequency), length: Int(lengths[Int(posting.document)]),
                        documentFrequency: terms[term].count, collection: statistics)
                }
            }
            return Array(
                scores.map { ScoredDocument(document: $0.key, score: $0.value) }
                    .filter { deleted?.contains($0.document) != true && filter?.contains($0.document) != false }
                    .sorted(by: ScoredDocument.precedes).prefix(limit))
        }
    }

    static func subset(of documents: Int, _ random: inout SeededGenerator) -> DocumentSet? {
        guard let share = [nil, nil, 0, 0.02, 0.5, 0.98, 1].randomElement(using: &random) ?? nil else { return nil }
        return DocumentSet((0..<UInt32(documents)).filter { _ in Double.random(in: 0..<1, using: &random) < share })
    }

    @Test("gives exactly what scoring every document gives, scores and order", arguments: 0..<150)
    func exhaustive(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        let documents = [1, 100, 129, 1_000, 5_000, 20_000].randomElement(using: &random) ?? 1
        let collection = Collection(documents: documents, terms: Int.random(in: 1...9, using: &random), &random)
        let lists = try collection.terms.map { postings in
            try PostingList(bytes: PostingList.encode(postings, lengths: collection.lengths))
        }
        for variant in BM25.Variant.allCases {
            let bm25 = try BM25(
                variant, k1: [0, 0.9, 1.2, 3].randomElement(using: &random) ?? 1, b: .random(in: 0...1, using: &random),
                lengths: Bool.random(using: &random) ? .exact : .lucene)
            for limit in [1, 10, 100, documents + 5] {
                var query = (0..<collection.terms.count).filter { _ in Bool.random(using: &random) }.map {
                    (term: $0, weight: ([1, 2, 7.5] as [Double]).randomElement(using: &random) ?? 1)
                }
                // Now and then a term twice, as two terms of the query.
                if let again = query.first, seed.isMultiple(of: 3) { query.append(again) }
                let deleted = MaxScoreTests.subset(of: documents, &random)
                let filter = MaxScoreTests.subset(of: documents, &random)
                let expected = collection.exhaustive(query, bm25, limit: limit, deleted: deleted, filter: filter)
                let search = MaxScore(
                    bm25: bm25, collection: collection.statistics,
                    lengths: collection.lengths.map(bm25.lengths.encoded), deleted: deleted, filter: filter)
                let found = try search.topDocuments(
                    query.map { QueryTerm(postings: lists[$0.term], weight: $0.weight) }, limit: limit)
                #expect(found == expected, "\(variant.rawValue), limit \(limit)")
            }
        }
    }

    @Test("nothing to find: no terms, empty lists, limit 0")
    func nothing() throws {
        let empty = try PostingList(bytes: PostingList.encode([], lengths: []))
        let one = try PostingList(bytes: PostingList.encode([Posting(document: 0, frequency: 1)], lengths: [1]))
        let none = CollectionStatistics(documentCount: 0, totalLength: 0)
        #expect(try MaxScore(collection: none, lengths: []).topDocuments([], limit: 10).isEmpty)
        #expect(
            try MaxScore(collection: none, lengths: []).topDocuments([QueryTerm(postings: empty)], limit: 10).isEmpty)
        let search = MaxScore(collection: CollectionStatistics(documentCount: 1, totalLength: 1), lengths: [1])
        #expect(try search.topDocuments([QueryTerm(postings: one)], limit: 0).isEmpty)
        #expect(try search.topDocuments([QueryTerm(postings: one)], limit: .max).count == 1)
    }

    @Test("weights that are no positive numbers, and lists beyond the lengths, are refused")
    func refusals() throws {
        let list = try PostingList(
            bytes: PostingList.encode([Posting(document: 4, frequency: 1)], lengths: [1, 1, 1, 1, 1]))
        let statistics = CollectionStatistics(documentCount: 5, totalLength: 5)
        let search = MaxScore(collection: statistics, lengths: [1, 1, 1, 1, 1])
        for weight in [0, -1, .nan, .infinity, 1e9] {
            let error = #expect(throws: RankingError.self) {
                try search.topDocuments([QueryTerm(postings: list, weight: weight)], limit: 1)
            }
            #expect(error?.code == .invalidInput)
        }
        let error = #expect(throws: RankingError.self) {
            try MaxScore(collection: statistics, lengths: [1, 1]).topDocuments([QueryTerm(postings: list)], limit: 1)
        }
        #expect(error?.code == .corruptFile)
    }

    @Test("damaged lists end in an error or in some ranking, never in a crash", arguments: 0..<10)
    func mutations(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let collection = Collection(documents: 2_000, terms: 3, &random)
            let search = MaxScore(collection: collection.statistics, lengths: collection.lengths)
            do {
                let terms = try collection.terms.map { postings throws(RankingError) in
                    var bytes = try PostingList.encode(postings, lengths: collection.lengths)
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    bytes[place] = UInt8.random(in: 0...255, using: &random)
                    return QueryTerm(postings: try PostingList(bytes: bytes))
                }
                #expect(try search.topDocuments(terms, limit: 20).count <= 20)
            } catch {
                #expect(error.code == .corruptFile)
            }
        }
    }
}
