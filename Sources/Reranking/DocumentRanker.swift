public import Ranking

/// Anything that puts the documents that answer a query on top: a model on this machine (`Reranker`), a service, a
/// language model, or several of them one after the other.
///
/// Every call obeys the same rules:
/// - `candidates` are in `Candidate.precedes` order unless the ranker documents another, cut to `limit` (nil: all of
///   them); a candidate's `index` is its position in `documents`.
/// - No document is lost or named twice: `report.documents` is `candidates` (before `limit`) plus `report.belowMinScore`.
/// - What has no score is `unscored`, stays behind in the order given, and is counted in `report.unscoredDocuments`.
/// - An option that a ranker cannot obey is an error, `invalidInput`, never ignored.
public protocol DocumentRanker: Sendable {
    /// What reports and errors call it: "resift-default", "cohere:rerank-v3.5".
    var name: String { get }

    /// The services that it asks; empty for a model on this machine.
    var services: [String] { get }

    /// The `limit` best documents, best first.
    ///
    /// Throws RankingError, and CancellationError where the task is cancelled.
    func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking

    /// What `rerank` is going to ask of its services for these documents, and what that costs. Asks nothing.
    ///
    /// Throws what `rerank` throws before it asks anything.
    func estimate(_ query: String, _ documents: [Document], options: RerankOptions) async throws -> RunEstimate
}

/// A ranker that asks no service.
extension DocumentRanker {
    public var services: [String] { [] }

    public func estimate(
        _ query: String, _ documents: [Document], options: RerankOptions
    ) async throws -> RunEstimate { .zero }
}

extension DocumentRanker {
    public func estimate(_ query: String, _ documents: [Document]) async throws -> RunEstimate {
        try await estimate(query, documents, options: RerankOptions())
    }

    public func rerank(_ query: String, _ documents: [Document], limit: Int? = 10) async throws -> DocumentRanking {
        try await rerank(query, documents, limit: limit, options: RerankOptions())
    }
}

extension Reranker: DocumentRanker {
    public var name: String { model.name }
}
