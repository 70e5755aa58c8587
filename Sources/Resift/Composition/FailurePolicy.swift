public import Ranking
public import Reranking

/// What becomes of a call whose ranker fails.
public enum FailurePolicy: Sendable {
    /// The error goes to the caller.
    case `throw`
    /// Another ranker ranks. If that fails too, its error goes to the caller.
    case fallBack(to: any DocumentRanker)
    /// The documents stay in the order given, without scores.
    case keepOrder
}

/// A ranker that may fail, and what happens then. The report says what failed, and whether the documents were reranked.
///
/// What the caller did wrong (`invalidInput`) and a cancelled task are thrown under every policy.
public struct FallbackRanker: DocumentRanker {
    public let ranker: any DocumentRanker
    public let policy: FailurePolicy

    public var name: String { ranker.name }

    public init(_ ranker: any DocumentRanker, onFailure policy: FailurePolicy) {
        self.ranker = ranker
        self.policy = policy
    }

    public var services: [String] {
        if case .fallBack(let other) = policy { ranker.services + other.services } else { ranker.services }
    }

    /// Of a call that does not fail.
    public func estimate(
        _ query: String, _ documents: [Document], options: RerankOptions
    ) async throws -> RunEstimate {
        try await ranker.estimate(query, documents, options: options)
    }

    public func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking {
        let begin = ContinuousClock.now
        do {
            return try await ranker.rerank(query, documents, limit: limit, options: options)
        } catch {
            try Task.checkCancellation()
            guard let error = error as? RankingError, error.code != .invalidInput else { throw error }
            var failure = RerankFailure(ranker: ranker.name, code: error.code, reason: error.what)
            switch policy {
            case .throw:
                throw error
            case .keepOrder:
                return given(documents, limit: limit, options, failure: failure, since: begin)
            case .fallBack(let other):
                var options = options
                if let deadline = options.deadline {
                    let left = deadline - (ContinuousClock.now - begin)
                    guard left > .zero else {
                        failure.reason += " The deadline left no time for \(other.name)."
                        return given(documents, limit: limit, options, failure: failure, since: begin)
                    }
                    options.deadline = left
                }
                var ranking = try await other.rerank(query, documents, limit: limit, options: options)
                failure.rankedBy = other.name
                ranking.report.failure = failure
                return ranking
            }
        }
    }

    /// With a minimum score nothing is left: what has no score cannot be vouched for.
    private func given(
        _ documents: [Document], limit: Int?, _ options: RerankOptions, failure: RerankFailure,
        since begin: ContinuousClock.Instant
    ) -> DocumentRanking {
        let milliseconds = (ContinuousClock.now - begin).milliseconds
        var report = RerankReport(
            model: ranker.name, documents: documents.count, unscoredDocuments: documents.count, pairs: 0,
            inferenceMilliseconds: milliseconds, totalMilliseconds: milliseconds)
        report.failure = failure
        let shown = options.minScore == nil ? documents.prefix(limit ?? documents.count) : []
        let candidates = shown.enumerated().map { Candidate(unscored: $1, index: $0) }
        return DocumentRanking(candidates: candidates, report: report)
    }
}
