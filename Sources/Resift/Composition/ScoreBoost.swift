public import Ranking
public import Reranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A rule that adds to a document's score what no model knows.
public protocol ScoreBoost: Sendable {
    /// What this rule adds to the logit; nil for nothing.
    ///
    /// - Parameter text: What the ranker reads of the document.
    func addition(query: String, document: Document, text: String) -> ScoreAddition?
}

/// A ranker whose scores are raised or lowered by rules. `Candidate.additions` says by what and why.
///
/// An addition `a` is one to the logit: a logit `x` becomes `x + a`, and a relevance of 0...1, whose logit is
/// `ln(p / (1 - p))`, becomes `p eᵃ / (1 - p + p eᵃ)`; of a calibrated probability so too, and it is a relevance then, because
/// it was not calibrated with the rules. Behind a cascade, documents move among those that the same stage scored. A minimum
/// score is one of the sum. Documents without a score get no addition.
///
/// Throws `invalidInput` for a ranker that gives no such scores but only an order.
public struct BoostedRanker: DocumentRanker {
    public let ranker: any DocumentRanker
    public let boosts: [any ScoreBoost]

    public var name: String { ranker.name }

    public init(_ ranker: any DocumentRanker, boosts: [any ScoreBoost]) {
        self.ranker = ranker
        self.boosts = boosts
    }

    public var services: [String] { ranker.services }

    public func estimate(
        _ query: String, _ documents: [Document], options: RerankOptions
    ) async throws -> RunEstimate {
        var inner = options
        inner.minScore = nil
        return try await ranker.estimate(query, documents, options: inner)
    }

    public func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking {
        var inner = options
        inner.minScore = nil
        var ranking = try await ranker.rerank(query, documents, limit: nil, options: inner)
        for place in ranking.candidates.indices where ranking.candidates[place].isScored {
            try boost(&ranking.candidates[place], query: query, options)
        }
        if ranking.candidates.areComparable {
            ranking.sort(limit: limit, minScore: options.minScore)
        } else {
            sortByRanker(&ranking, limit: limit, minScore: options.minScore)
        }
        return ranking
    }

    /// Of a cascade: documents move among those that the same stage scored.
    private func sortByRanker(_ ranking: inout DocumentRanking, limit: Int?, minScore: Float?) {
        var groups: [[Candidate]] = []
        for candidate in ranking.candidates {
            if let place = groups.indices.last, groups[place][0].rankedBy == candidate.rankedBy {
                groups[place].append(candidate)
            } else {
                groups.append([candidate])
            }
        }
        for place in groups.indices { groups[place].sort(by: Candidate.precedes) }
        if let minScore {
            // As in the cascade itself, the minimum is one of the last stage, which comes first.
            let count = ranking.candidates.count
            groups = [groups[0].filter { $0.isScored && $0.score >= minScore }]
            ranking.report.belowMinScore = count - ranking.report.unscoredDocuments - groups[0].count
        }
        let all = groups.flatMap(\.self)
        ranking.candidates = Array(all.prefix(limit ?? all.count))
    }

    private func boost(_ candidate: inout Candidate, query: String, _ options: RerankOptions) throws(RankingError) {
        let text = try candidate.document.text(rankFields: options.rankFields)
        let additions = boosts.compactMap { $0.addition(query: query, document: candidate.document, text: text) }
        let sum = additions.reduce(0) { $0 + $1.value }
        switch candidate.scoreKind {
        case .logit, .maxSim:
            candidate.score = Float(Double(candidate.score) + sum)
        case .normalizedRelevance, .calibratedProbability:
            candidate.score = Float(BoostedRanker.raised(candidate, by: sum))
            candidate.scoreKind = .normalizedRelevance
        case .rank, .reciprocalRankFusion, .unscored:
            throw RankingError(
                .invalidInput, what: "\(ranker.name) gives scores of the kind \(candidate.scoreKind.rawValue).",
                why: "They are places in an order, and nothing can be added to a place.",
                fix: "Boost the rankers that it is made of, or rank by one that gives logits or relevances.")
        }
        guard candidate.score.isFinite else {
            throw RankingError(
                .nonFiniteScore, what: "The additions to a score sum up to \(sum).",
                why: "A boost returned a value that is not a number, or too large a one.",
                fix: "Give weights of the size of logits, about 0.1 to 10.")
        }
        candidate.additions = additions
    }

    private static func raised(_ candidate: Candidate, by sum: Double) -> Double {
        func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
        // Where the score is the logit's sigmoid, the logit keeps apart what rounds to the same score near 1.
        if Float(sigmoid(Double(candidate.logit))) == candidate.score { return sigmoid(Double(candidate.logit) + sum) }
        let relevance = Double(candidate.score)
        guard relevance > 0, relevance < 1 else { return relevance }
        return sigmoid(log(relevance / (1 - relevance)) + sum)
    }
}
