public import Ranking
public import Reranking
import Synchronization

/// Stands in for a ranker, asks nothing, and adds up what it would have asked its services. A run with it in the
/// ranker's place says what the run is going to cost.
///
/// Documents keep the order given, without scores.
public final class EstimatingRanker: DocumentRanker {
    public let ranker: any DocumentRanker
    private let sum = Mutex(RunEstimate.zero)

    public var name: String { ranker.name }

    /// Of all calls so far.
    public var total: RunEstimate { sum.withLock(\.self) }

    public init(_ ranker: any DocumentRanker) { self.ranker = ranker }

    public func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking {
        let estimate = try await ranker.estimate(query, documents, options: options)
        sum.withLock { $0 = $0 + estimate }
        let candidates = documents.enumerated().map { Candidate(unscored: $1, index: $0) }
        return DocumentRanking(
            candidates: Array(candidates.prefix(limit ?? candidates.count)),
            report: RerankReport(
                model: name, documents: documents.count, unscoredDocuments: documents.count, pairs: 0,
                inferenceMilliseconds: 0, totalMilliseconds: 0))
    }
}
