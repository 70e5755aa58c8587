public import Ranking
public import Reranking
public import Retrieval

/// Several rankers at the same time, fused by the ranks that they give: `RRF(d) = Σ weight / (rankConstant + rank(d))`.
///
/// Their scores play no part, so that rankers of any kinds go together. A document that a ranker has no score for gets
/// nothing from it, and no score if no ranker has one. All rankers have the whole deadline.
public struct Ensemble: DocumentRanker {
    public struct Member: Sendable {
        public var ranker: any DocumentRanker
        public var weight: Double

        public init(_ ranker: any DocumentRanker, weight: Double = 1) {
            self.ranker = ranker
            self.weight = weight
        }
    }

    public let members: [Member]
    public let fusion: ReciprocalRankFusion

    public var name: String { members.map(\.ranker.name).joined(separator: " + ") }

    /// Throws `invalidInput` without a member, or for a weight that is not a number above 0.
    public init(_ members: [Member], fusion: ReciprocalRankFusion) throws(RankingError) {
        guard !members.isEmpty, members.allSatisfy({ $0.weight > 0 && $0.weight.isFinite }) else {
            throw RankingError(
                .invalidInput, what: "An ensemble has members of the weights \(members.map(\.weight)).",
                why: "It needs a ranker, and each counts for something.", fix: "Give weights above 0; 1 is usual.")
        }
        self.members = members
        self.fusion = fusion
    }

    public var services: [String] { members.flatMap(\.ranker.services) }

    public func estimate(
        _ query: String, _ documents: [Document], options: RerankOptions
    ) async throws -> RunEstimate {
        var options = options
        options.minScore = nil
        var sum = RunEstimate.zero
        for member in members { sum = sum + (try await member.ranker.estimate(query, documents, options: options)) }
        return sum
    }

    public func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking {
        let begin = ContinuousClock.now
        var inner = options
        inner.minScore = nil
        let rankings = try await rankings(query, documents, inner)
        var sums = [Double?](repeating: nil, count: documents.count)
        var tokens = [Int](repeating: 0, count: documents.count)
        for (member, ranking) in zip(members, rankings) {
            for (place, candidate) in ranking.candidates.enumerated() {
                tokens[candidate.index] += candidate.tokens
                guard candidate.isScored else { continue }
                let part = fusion.part(rank: place + 1, weight: member.weight)
                sums[candidate.index] = (sums[candidate.index] ?? 0) + part
            }
        }
        let candidates = documents.enumerated().map { index, document -> Candidate in
            guard let sum = sums[index] else { return Candidate(unscored: document, index: index) }
            return Candidate(
                document: document, index: index, score: Float(sum), scoreKind: .reciprocalRankFusion,
                logit: Float(sum), tokens: tokens[index])
        }
        let report = RerankReport(
            of: rankings.map(\.report), model: name, documents: documents.count,
            unscoredDocuments: candidates.count { !$0.isScored },
            totalMilliseconds: (ContinuousClock.now - begin).milliseconds)
        var ranking = DocumentRanking(candidates: candidates, report: report)
        ranking.sort(limit: limit, minScore: options.minScore)
        return ranking
    }

    /// In the order of the members.
    private func rankings(
        _ query: String, _ documents: [Document], _ options: RerankOptions
    ) async throws -> [DocumentRanking] {
        try await withThrowingTaskGroup(of: (Int, DocumentRanking).self) { tasks in
            for (place, member) in members.enumerated() {
                tasks.addTask {
                    (place, try await member.ranker.rerank(query, documents, limit: nil, options: options))
                }
            }
            var rankings = [DocumentRanking?](repeating: nil, count: members.count)
            for try await (place, ranking) in tasks { rankings[place] = ranking }
            return rankings.compactMap(\.self)
        }
    }
}
