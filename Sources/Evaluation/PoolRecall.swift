/// What the candidates of a first stage hold of the relevant documents: no reranker can put on top what is not there.
public struct PoolRecall: Sendable, Equatable {
    public static let cutoffs = [5, 10, 20, 50, 100, 200]

    /// The mean, over the queries with relevant documents, of the share of these among the first `cutoff`.
    public var recall: [Int: Double]
    /// Relevant documents of all queries.
    public var relevant: Int
    /// Of these, those that the pool has: all that a reranker can put on top.
    public var inPool: Int
    /// At rank pool size + 1 ... 2 x pool size: what a larger pool would bring.
    public var justOutside: Int
    /// Found, at a rank beyond 2 x pool size.
    public var deeper: Int
    /// Not among the documents that the first stage gave at all.
    public var notRetrieved: Int
    public var poolSize: Int

    /// - Parameters:
    ///   - run: What the first stage gave, as deep as it was asked for; a query that it misses has found nothing.
    ///   - level: The lowest grade that counts as relevant.
    public init(
        _ run: Run, _ qrels: Qrels, poolSize: Int, level: Int = 1, cutoffs: [Int] = PoolRecall.cutoffs,
        ignoresIdenticalIDs: Bool = false
    ) {
        self.poolSize = poolSize
        (relevant, inPool, justOutside, deeper) = (0, 0, 0, 0)
        var sums = [Double](repeating: 0, count: cutoffs.count)
        var queries = 0
        for (queryID, grades) in qrels {
            let own = grades.count { $0.value >= level }
            guard own > 0 else { continue }
            queries += 1
            relevant += own
            var scores = run[queryID] ?? [:]
            if ignoresIdenticalIDs { scores[queryID] = nil }
            let ranking = JudgedRanking(scores: scores, grades: grades)
            let isRelevant = ranking.relevance(level: level, cutoff: nil)
            for (place, isRelevant) in isRelevant.enumerated() where isRelevant {
                if place < poolSize {
                    inPool += 1
                } else if place < 2 * poolSize {
                    justOutside += 1
                } else {
                    deeper += 1
                }
            }
            for (place, cutoff) in cutoffs.enumerated() {
                sums[place] += Double(isRelevant.prefix(cutoff).count { $0 }) / Double(own)
            }
        }
        recall = Dictionary(
            zip(cutoffs, sums.map { queries == 0 ? 0 : $0 / Double(queries) }), uniquingKeysWith: { first, _ in first })
        notRetrieved = relevant - inPool - justOutside - deeper
    }
}
